"""The three ports under TLS: what is written plainly elsewhere goes the same way enciphered."""

import http.client
import json
import random
import socket
import ssl
import subprocess
import tempfile
import time
from pathlib import Path

from client import ClientError, address
from features import stamp
from harness import check, eventually, expect, expect_equal, expect_sequence
from checks_state import DAY0

FIXTURES = Path(__file__).resolve().parent.parent / "Fixtures"
FILES = {
    "certificate": str(FIXTURES / "loopback_certificate.pem"), "key": str(FIXTURES / "loopback_key.pem")}
TOKEN = "open-sesame"


def trusting():
    return ssl.create_default_context(cafile=FILES["certificate"])


class Enciphered:
    """A client of a port, from one thread."""

    def __init__(self, where):
        self.socket = trusting().wrap_socket(
            socket.create_connection(address(where), timeout=60), server_hostname="127.0.0.1")
        self.rest = b""

    def say(self, message):
        self.socket.sendall(json.dumps(message).encode() + b"\n")

    def line(self):
        while b"\n" not in self.rest:
            data = self.socket.recv(1 << 16)
            if not data:
                raise ClientError(f"the connection ended behind {self.rest!r:.200}")
            self.rest += data
        line, self.rest = self.rest.split(b"\n", 1)
        return line

    def until(self, kind):
        """Messages up to and with the first of a kind."""
        messages = []
        while True:
            messages.append(json.loads(self.line()))
            if kind in messages[-1]:
                return messages

    def end(self):
        """Says that nothing more comes, and closes."""
        self.socket.unwrap().close()

    def cut(self):
        """Closes without a word, as a process that dies."""
        socket.socket(fileno=self.socket.detach()).close()


def get(daemon, path, token=TOKEN):
    connection = http.client.HTTPSConnection(*address(daemon.ready["status"]), context=trusting(), timeout=60)
    connection.request("GET", path, headers={"Authorization": f"Bearer {token}"})
    answer = connection.getresponse()
    return answer.status, answer.read()


def status(daemon):
    return json.loads(get(daemon, "/v1/status")[1])


def secured(env, **over):
    token = env.remember("tls token", _token_file)
    port = {"address": "127.0.0.1:0", "tls": FILES, "token_file": token, **over}
    return env.daemon({"listen": {"ingest": port, "triggers": port, "status": port}})


def _token_file():
    with tempfile.NamedTemporaryFile("w", prefix="roost-token-", delete=False) as file:
        file.write(TOKEN + "\n")
    return file.name


def lines(count, seed):
    chance = random.Random(seed)
    names = ["view_item", "add_to_cart", "begin_checkout", "purchase", "session_start"]
    return [
        json.dumps({
            "user_id": f"u{chance.randrange(50)}", "ts": stamp(DAY0 + row * 60_000_000),
            "event": chance.choice(names), "media": "x" * chance.randrange(200)}).encode() + b"\n"
        for row in range(count)]


@check
def tls_on_all_three_ports(env):
    """A log fed in pieces of any size, acked, asked for and subscribed to, equals the same log fed plainly."""
    log = lines(5000, env.seed)
    with env.daemon() as plain:
        plain.feed(log)
        expected = plain.outbox()
        users = plain.status.status()["users"]
    expect(len(expected) > 100, "the log makes triggers")
    with secured(env) as daemon:
        producer = Enciphered(daemon.ready["ingest"])
        producer.say({"$hello": {"producer": "log", "token": TOKEN}})
        producer.until("$welcome")
        data, start = b"".join(log), 0
        chance = random.Random(env.seed)
        while start < len(data):
            end = start + chance.choice([1, 7, 500, 70_000, 200_000])
            producer.socket.sendall(data[start:end])
            start = end
        producer.say({"$sync": {}})
        answers = producer.until("$synced")
        expect_equal(answers[-1], {"$synced": {"lines": len(log)}}, "the sync")
        expect(not any("$reject" in answer for answer in answers), "no line is rejected")
        producer.end()
        state = status(daemon)
        expect_equal(state["users"], users, "users")
        subscriber = Enciphered(daemon.ready["triggers"])
        subscriber.say({"$resume": {"after": 0, "include_holdout": True, "token": TOKEN}})
        expect_sequence([subscriber.line() for _ in expected], expected, "triggers")
        subscriber.end()


@check
def tls_ends_and_cuts(env):
    """A last line without newline counts where the client says that it is done, and not where it was cut."""
    log = [row.rstrip(b"\n") for row in lines(4, env.seed)]
    with env.daemon({"listen": {"ingest": {"address": "127.0.0.1:0", "tls": FILES}}}) as daemon:
        for how, taken in (("end", 2), ("cut", 1)):
            before = daemon.status.status()["ingest"]["lines"]
            client = Enciphered(daemon.ready["ingest"])
            client.socket.sendall(log.pop() + b"\n" + log.pop())
            eventually("the whole line is taken", lambda: (
                daemon.status.status()["ingest"]["lines"] > before))
            getattr(client, how)()
            eventually("the connection is over", lambda: (
                daemon.status.status()["ingest"]["connections"] == 0))
            expect_equal(daemon.status.status()["ingest"]["lines"] - before, taken, f"lines after {how}")


@check
def tls_refuses_what_is_not(env):
    """Plain lines on an enciphered port, a handshake cut anywhere, and a missing token change nothing."""
    with secured(env) as daemon:
        for port in ("ingest", "triggers", "status"):
            with socket.create_connection(address(daemon.ready[port]), timeout=60) as client:
                client.sendall(b"".join(lines(100, env.seed)))
                client.settimeout(60)
                try:
                    while data := client.recv(4096):
                        expect(not data.startswith(b"{"), f"{port}: nothing is answered plainly: {data!r:.80}")
                except ConnectionError:
                    pass
        chance = random.Random(env.seed)
        for _ in range(50):
            incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
            session = trusting().wrap_bio(incoming, outgoing, server_hostname="127.0.0.1")
            try:
                session.do_handshake()
            except ssl.SSLWantReadError:
                pass
            hello = outgoing.read()
            with socket.create_connection(address(daemon.ready["ingest"]), timeout=60) as client:
                client.sendall(hello[:chance.randrange(len(hello))])
        client = Enciphered(daemon.ready["ingest"])
        client.say({"$hello": {"producer": "log", "token": "wrong"}})
        expect("$error" in client.until("$error")[-1], "a wrong token is refused")
        expect_equal(get(daemon, "/v1/status", token="wrong")[0], 401, "the status port's answer to a wrong token")
        eventually("connections are given back", lambda: status(daemon)["ingest"]["connections"] == 0)
        expect_equal(status(daemon)["ingest"]["events"], 0, "events")


@check
def tls_silent_subscriber(env):
    """A subscriber who says nothing after the handshake starts at now, as a plain one."""
    with env.daemon({"listen": {"triggers": {"address": "127.0.0.1:0", "tls": FILES}}}) as daemon:
        daemon.feed(lines(500, env.seed))
        last = daemon.status.status()["outbox"]["last_seq"]
        subscriber = Enciphered(daemon.ready["triggers"])
        time.sleep(0.5)
        daemon.feed([json.dumps({
            "user_id": "fresh", "ts": stamp(DAY0 + 600 * 60_000_000), "event": "sign_up"}).encode() + b"\n"])
        daemon.advance(stamp(DAY0 + 700 * 60_000_000))
        expect(json.loads(subscriber.line())["seq"] > last, "only what came after is sent")


@check
def tls_files_that_cannot_be_used(env):
    """The start is refused with the key of the configuration, the file and the reason."""
    for files, reason in (
            ({**FILES, "certificate": "/no/such.pem"}, "certificate cannot be read"),
            ({**FILES, "key": FILES["certificate"]}, "key cannot be read")):
        daemon = env.daemon({"listen": {"status": {"address": "127.0.0.1:0", "tls": files}}})
        try:
            with daemon:
                raise AssertionError
        except ClientError as error:
            expect("listen.status.tls" in str(error) and reason in str(error), f"it says why: {error}")
        except AssertionError:
            expect(False, "it started with files that cannot be used")


@check
def tls_commands(env):
    """The commands of the binary reach a daemon whose ports are enciphered and ask for a token."""
    log = lines(3000, env.seed)
    with secured(env) as daemon, tempfile.TemporaryDirectory() as home:
        token = env.remember("tls token", _token_file)
        trust = ["--ca", FILES["certificate"], "--token-file", token]
        path = Path(home) / "log.ndjson"
        path.write_bytes(b"".join(log))

        def run(*arguments, code=0):
            ended = subprocess.run(
                [str(env.binary), *arguments], capture_output=True, timeout=120, check=False)
            expect_equal(ended.returncode, code, f"exit code of {arguments[0]}: {ended.stderr!r:.300}")
            return ended.stdout, ended.stderr

        run("replay", str(path), "--to", daemon.ready["ingest"], *trust)
        told, _ = run("status", "--json", "--address", daemon.ready["status"], *trust)
        expect_equal(json.loads(told)["status"]["ingest"]["events"], len(log), "events")
        users, _ = run("export", "--address", daemon.ready["status"], *trust)
        expect_equal(len(users.splitlines()), json.loads(told)["status"]["users"], "lines of the export")
        tail = subprocess.Popen(
            [str(env.binary), "tail", "--from", "1", "--address", daemon.ready["triggers"], *trust],
            stdout=subprocess.PIPE)
        try:
            expect_equal(json.loads(tail.stdout.readline())["seq"], 1, "the first trigger")
        finally:
            tail.kill()
            tail.wait()
            tail.stdout.close()
        run("backup", f"{home}/copy", "--address", daemon.ready["status"], *trust)
        # The machine's authorities do not vouch for it.
        _, why = run("status", "--tls", "--address", daemon.ready["status"], "--token-file", token, code=1)
        expect(b"no TLS with 127.0.0.1" in why, f"it says why: {why!r:.300}")
