"""Clients of the three ports, and the daemon as a child process. Sockets and HTTP only."""

import gzip
import http.client
import json
import os
import select
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
import urllib.parse
from pathlib import Path

from features import load

PATIENCE = 60.0


class ClientError(Exception):
    """Something that was awaited did not come, or came wrong."""


def address(text):
    host, _, port = text.rpartition(":")
    return host.strip("[]"), int(port)


class Wire:
    """A socket whose lines a thread collects, so that nobody blocks on an unread answer."""

    def __init__(self, where, timeout=PATIENCE):
        self.timeout = timeout
        self.socket = socket.create_connection(address(where), timeout=timeout)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.lines = []
        self.ended = False
        self.reset = False
        self.condition = threading.Condition()
        self.thread = threading.Thread(target=self._read, daemon=True)
        self.thread.start()

    def _read(self):
        rest = b""
        try:
            while True:
                ready, _, _ = select.select([self.socket], [], [], 0.5)
                if not ready:
                    continue
                data = self.socket.recv(1 << 18)
                if not data:
                    break
                *whole, rest = (rest + data).split(b"\n")
                with self.condition:
                    self.lines += whole
                    self.condition.notify_all()
        except ConnectionError:
            self.reset = True
        except (OSError, ValueError):
            pass
        with self.condition:
            if rest:
                self.lines.append(rest)
            self.ended = True
            self.condition.notify_all()

    def send(self, data):
        self.socket.sendall(data)

    def say(self, control):
        self.send(json.dumps(control).encode() + b"\n")

    def finish(self):
        """No more from here: the clean end."""
        self.socket.shutdown(socket.SHUT_WR)

    def wait(self, what, found, timeout=None):
        """Waits until `found(lines)` is true; `what` names it where it does not come."""
        deadline = time.monotonic() + (timeout or self.timeout)
        with self.condition:
            while True:
                result = found(self.lines)
                if result:
                    return result
                left = deadline - time.monotonic()
                if self.ended or left <= 0:
                    why = "the connection ended" if self.ended else "it did not come in time"
                    raise ClientError(f"waited for {what}: {why}; last lines {self.lines[-3:]!r:.400}")
                self.condition.wait(min(left, 1.0))

    def wait_end(self, timeout=None):
        deadline = time.monotonic() + (timeout or self.timeout)
        with self.condition:
            while not self.ended:
                left = deadline - time.monotonic()
                if left <= 0:
                    raise ClientError("the daemon did not close the connection in time")
                self.condition.wait(left)

    def close(self):
        try:
            self.socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.thread.join(timeout=5)
        self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


class Producer(Wire):
    """The acked protocol."""

    def __init__(self, where, name=None, start=None, timeout=PATIENCE):
        super().__init__(where, timeout)
        self.next = None
        self.store = None
        self.asked = {"$synced": 0, "$advanced": 0}
        if name is not None:
            self.hello(name, start)

    def messages(self, kind):
        with self.condition:
            lines = list(self.lines)
        return [json.loads(line)[kind] for line in lines if line.startswith(b'{"' + kind.encode() + b'"')]

    def hello(self, name, start=None):
        said = {"producer": name}
        if start is not None:
            said["from"] = start
        self.say({"$hello": said})
        welcome = self.await_message("$welcome")
        if welcome.get("producer") != name:
            raise ClientError(f"welcomed as {welcome}")
        self.next, self.store = welcome["next"], welcome["store"]
        return welcome

    def await_message(self, kind, count=1, timeout=None):
        """The count-th message of a kind; an `$error` instead of it is an error."""
        mark = b'{"' + kind.encode() + b'"'

        def found(lines):
            these = [line for line in lines if line.startswith(mark)]
            if len(these) >= count:
                return these[count - 1]
            if kind != "$error":
                errors = [line for line in lines if line.startswith(b'{"$error"')]
                if errors:
                    return errors[-1]
            return None

        line = self.wait(f"{kind} number {count}", found, timeout)
        message = json.loads(line)
        if kind not in message:
            raise ClientError(f"waited for {kind}, got {line.decode()}")
        return message[kind]

    def sync(self, timeout=None):
        self.say({"$sync": {}})
        self.asked["$synced"] += 1
        return self.await_message("$synced", self.asked["$synced"], timeout)

    def advance(self, to, timeout=None):
        self.say({"$advance": {"to": to}})
        self.asked["$advanced"] += 1
        return self.await_message("$advanced", self.asked["$advanced"], timeout)

    @property
    def acked(self):
        """Lines below this are on disk."""
        acks = self.messages("$ack")
        return acks[-1]["next"] if acks else self.next

    @property
    def rejects(self):
        return self.messages("$reject")


class Subscriber(Wire):
    """The trigger port. `control`: what is said first, or None."""

    def __init__(self, where, control=None, timeout=PATIENCE):
        super().__init__(where, timeout)
        if control is not None:
            self.say(control)

    def triggers(self):
        with self.condition:
            lines = list(self.lines)
        return [json.loads(line) for line in lines if line and not line.startswith(b'{"$')]

    def await_triggers(self, count, timeout=None):
        def found(lines):
            return sum(not line.startswith(b'{"$') for line in lines) >= count

        self.wait(f"{count} triggers", found, timeout)
        return self.triggers()

    def await_seq(self, seq, timeout=None):
        """Waits for the trigger of that number; the raw lines up to it."""
        mark = b'{"seq":%d,' % seq

        def found(lines):
            return bool(lines) and any(line.startswith(mark) for line in reversed(lines))

        if seq > 0:
            self.wait(f"trigger {seq}", found, timeout)
        with self.condition:
            return [line for line in self.lines if not line.startswith(b'{"$')]

    def acknowledge(self, seq):
        self.say({"$ack": {"seq": seq}})


class Answer:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    def json(self):
        return load(self.body)

    def rows(self):
        """Rows of an answer: NDJSON, an array, or the one array of an object."""
        text = self.body.strip()
        if not text:
            return []
        lines = text.split(b"\n")
        first = load(lines[0]) if len(lines) > 1 else load(text)
        if len(lines) == 1 and isinstance(first, list):
            return first
        if len(lines) == 1 and isinstance(first, dict):
            lists = [value for value in first.values() if isinstance(value, list)]
            if len(lists) == 1 and "seq" not in first and "user" not in first:
                return lists[0]
        return [load(line) for line in lines]

    def header(self, name):
        """A header whose name says so, whatever its prefix: `as_of`, `last_seq`."""
        plain = name.replace("_", "")
        for key, value in self.headers.items():
            if key.lower().replace("-", "").replace("_", "").endswith(plain):
                return value
        return None


class Status:
    """The status port."""

    def __init__(self, where):
        self.where = address(where)

    def request(self, method, path, body=None, headers=None, timeout=600):
        connection = http.client.HTTPConnection(*self.where, timeout=timeout)
        try:
            connection.request(method, path, body=body, headers=headers or {})
            response = connection.getresponse()
            return Answer(response.status, dict(response.getheaders()), response.read())
        finally:
            connection.close()

    def get(self, path):
        return self.request("GET", path)

    def json(self, path):
        answer = self.get(path)
        if answer.status != 200:
            raise ClientError(f"GET {path}: {answer.status} {answer.body!r:.200}")
        return answer.json()

    def status(self):
        return self.json("/v1/status")

    def user(self, user):
        return self.get("/v1/users/" + urllib.parse.quote(user, safe=""))

    def users(self, **query):
        """All users as they stream, by id, and the answer."""
        suffix = "?" + urllib.parse.urlencode(query, quote_via=urllib.parse.quote) if query else ""
        answer = self.get("/v1/users" + suffix)
        if answer.status != 200:
            raise ClientError(f"GET /v1/users{suffix}: {answer.status} {answer.body!r:.200}")
        rows = [load(line) for line in answer.body.splitlines() if line]
        by_id = {row["user"]: row for row in rows}
        if len(by_id) != len(rows):
            raise ClientError(f"the list names {len(rows) - len(by_id)} users twice")
        return by_id, answer

    def post_events(self, data, compress=False):
        headers = {"Content-Type": "application/x-ndjson"}
        if compress:
            data, headers["Content-Encoding"] = gzip.compress(data, 1), "gzip"
        return self.request("POST", "/v1/events", data, headers)

    def refit(self, model):
        return self.request("POST", f"/v1/models/{model}/refit", b"")

    def paged(self, path, limit=1000, **query):
        """Everything behind `after`, page by page."""
        rows, after = [], 0
        while True:
            suffix = urllib.parse.urlencode({"after": after, "limit": limit, **query})
            answer = self.get(f"{path}?{suffix}")
            if answer.status != 200:
                raise ClientError(f"GET {path}?{suffix}: {answer.status} {answer.body!r:.200}")
            page = answer.rows()
            if not page:
                return rows
            rows += page
            after = page[-1]["seq"]

    def triggers(self, **query):
        return self.paged("/v1/triggers", **query)

    def dead_letters(self):
        return self.paged("/v1/dead-letters")


def merged(base, over):
    """Configuration trees laid over each other."""
    if not isinstance(base, dict) or not isinstance(over, dict):
        return over
    result = dict(base)
    for key, value in over.items():
        result[key] = merged(base[key], value) if key in base else value
    return result


class Daemon:
    """`roost serve` as a child process, on free ports, with a data directory of its own."""

    def __init__(self, binary, config=None, data_dir=None, prefix=()):
        self.binary = str(binary)
        self.home = Path(tempfile.mkdtemp(prefix="roost-acceptance-"))
        self.data = Path(data_dir) if data_dir else self.home / "data"
        self.prefix = list(prefix)
        port = {"address": "127.0.0.1:0"}
        self.config = merged(
            {"data_dir": str(self.data), "listen": {"ingest": port, "triggers": port, "status": port}},
            config or {})
        self.path = self.home / "roost.json5"
        self.errors = self.home / "stderr.log"
        self.process = None
        self.ready = None

    def start(self, timeout=PATIENCE):
        self.path.write_text(json.dumps(self.config, indent=2, ensure_ascii=False), encoding="utf-8")
        with self.errors.open("ab") as errors:
            self.process = subprocess.Popen(
                [*self.prefix, self.binary, "serve", "--config", str(self.path)],
                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=errors)
        line = self._first_line(timeout)
        self.ready = json.loads(line)["ready"]
        return self

    def _first_line(self, timeout):
        deadline = time.monotonic() + timeout
        text = b""
        stream = self.process.stdout.fileno()
        while b"\n" not in text:
            left = deadline - time.monotonic()
            ready, _, _ = select.select([stream], [], [], max(0, left))
            data = os.read(stream, 4096) if ready else b""
            if not data:
                code = self.process.poll()
                self.kill()
                raise ClientError(f"no ready line (exit code {code}); it said: {self.said()}")
            text += data
        return text.split(b"\n")[0]

    def said(self, characters=2000):
        if not self.errors.exists():
            return ""
        return self.errors.read_text(encoding="utf-8", errors="replace")[-characters:]

    @property
    def running(self):
        return self.process is not None and self.process.poll() is None

    def kill(self):
        """kill -9."""
        self._end(signal.SIGKILL, PATIENCE)

    def terminate(self, timeout=PATIENCE):
        """SIGTERM; the exit code."""
        return self._end(signal.SIGTERM, timeout)

    def _end(self, kind, timeout):
        if self.process is None:
            return None
        if self.process.poll() is None:
            self.process.send_signal(kind)
        try:
            code = self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise ClientError(f"it did not stop within {timeout} s of {kind.name}") from None
        self.process.stdout.close()
        return code

    @property
    def status(self):
        return Status(self.ready["status"])

    def producer(self, name="log", start=None):
        return Producer(self.ready["ingest"], name, start)

    def wire(self):
        return Wire(self.ready["ingest"])

    def subscriber(self, control=None):
        return Subscriber(self.ready["triggers"], control)

    def feed(self, lines, name="log"):
        """Sends all lines acked and waits until they are durable and visible."""
        with self.producer(name) as producer:
            producer.send(b"".join(lines))
            return producer.sync(600)

    def advance(self, to, name="clock"):
        with self.producer(name) as producer:
            answer = producer.advance(to, 600)
            producer.sync(600)
            return answer

    def outbox(self):
        """Raw lines of all triggers kept, in order, as a subscriber gets them."""
        last = self.status.status()["outbox"]["last_seq"]
        with self.subscriber({"$resume": {"after": 0, "include_holdout": True}}) as subscriber:
            return subscriber.await_seq(last)

    def __enter__(self):
        try:
            return self if self.running else self.start()
        except BaseException:
            self.discard()
            raise

    def __exit__(self, *_):
        self.discard()

    def discard(self):
        if self.running:
            self.process.kill()
            self.process.wait()
        shutil.rmtree(self.home, ignore_errors=True)
