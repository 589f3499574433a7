"""`sinks`: TCP connect-out, webhooks and files, each with its own cursor, slow, failing, killed and started again."""

import hashlib
import hmac
import json
import os
import random
import shutil
import signal
import socket
import ssl
import subprocess
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from client import merged
from faults import metric
from features import DAY, SECOND, load, stamp
from harness import Skip, check, check_each, eventually, expect, expect_equal, expect_sequence

QUICK = {"limits": {"sink_retry_least": "20ms", "sink_retry_most": "200ms"}}
START = 1_735_689_600 * SECOND


def carts(count, day=0):
    """So many users who leave a cart on a day, ten seconds apart: each fires cart_abandoned an hour later."""
    return [
        (json.dumps({"user_id": f"u{day}-{n}", "event": "add_to_cart", "ts": stamp(START + day * DAY + n * SECOND)})
         + "\n").encode()
        for n in range(0, 10 * count, 10)]


def waiting(env, **config):
    """A daemon that has not been started, so that its sinks may lie beside it."""
    daemon = env.daemon()
    daemon.config = merged(daemon.config, {**QUICK, **config})
    return daemon


def fire(daemon, lines, name="log"):
    """Feeds lines and moves the clock to the end of the day; the triggers as the status port has them."""
    daemon.feed(lines, name)
    now = daemon.status.status()["clock"]["now"]
    with daemon.producer("clock") as producer:
        producer.advance(now[:10] + "T23:59:59Z")
    return daemon.status.triggers()


def sink_of(daemon, name):
    sinks = {sink["name"]: sink for sink in daemon.status.status()["sinks"]}
    return sinks[name]


class Receiver:
    """Takes TCP connections and keeps their lines."""

    def __init__(self, acknowledge=False, port=0, read=True):
        self.listener = socket.socket()
        self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.listener.bind(("127.0.0.1", port))
        self.listener.listen()
        self.port = self.listener.getsockname()[1]
        self.acknowledge, self.reading = acknowledge, read
        self.lines, self.open, self.accepted = [], [], 0
        self.thread = threading.Thread(target=self._serve, daemon=True)
        self.thread.start()

    def _serve(self):
        while True:
            try:
                peer, _ = self.listener.accept()
            except OSError:
                return
            self.accepted += 1
            self.open.append(peer)
            threading.Thread(target=self._read, args=(peer,), daemon=True).start()

    def _read(self, peer):
        rest = b""
        try:
            while not self.reading:
                time.sleep(0.01)
            while data := peer.recv(1 << 16):
                *whole, rest = (rest + data).split(b"\n")
                self.lines += whole
                if whole and self.acknowledge:
                    peer.sendall(json.dumps({"$ack": {"seq": json.loads(whole[-1])["seq"]}}).encode() + b"\n")
        except OSError:
            pass

    @property
    def seqs(self):
        return [json.loads(line)["seq"] for line in list(self.lines)]

    def close(self):
        for peer in self.open:
            peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
            peer.close()
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        self.thread.join(5)


class Hook:
    """An HTTP receiver; `answer(number)` says the status of each request."""

    def __init__(self, answer=lambda number: 204, context=None, delay=0.0):
        outer = self
        self.requests, self.lock = [], threading.Lock()

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                with outer.lock:
                    number = len(outer.requests)
                    status = answer(number)
                    outer.requests.append((status, dict(self.headers), body))
                time.sleep(delay)
                self.send_response(status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        if context:
            self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def taken(self):
        """Triggers of the requests that were answered with success, in order."""
        triggers = []
        for status, _, body in list(self.requests):
            if 200 <= status < 300:
                told = load(body)
                triggers += told if isinstance(told, list) else [told]
        return triggers

    def close(self):
        self.server.shutdown()
        self.server.server_close()


def without_repeats(seqs):
    """First occurrences; what comes again must be the tail that was sent before."""
    seen = []
    for seq in seqs:
        if seq not in seen:
            seen.append(seq)
    return seen


@check
def sinks_deliver_everything_in_order(env):
    """Three kinds beside each other, with filters; every trigger of the outbox once each while nothing fails."""
    receiver, hook = Receiver(), Hook()
    daemon = waiting(env)
    path = daemon.home / "out.ndjson"
    daemon.config["sinks"] = [
        {"type": "tcp", "address": f"127.0.0.1:{receiver.port}", "name": "all"},
        {"type": "webhook", "url": f"http://127.0.0.1:{hook.port}/t?x=1", "name": "carts", "types": ["cart_abandoned"],
         "batch": 7, "secret": "geheim"},
        {"type": "file", "path": str(path), "name": "file"}]
    with daemon:
        triggers = fire(daemon, env.log("synthetic"))
        sent = [t for t in triggers if t["group"] == "treated"]
        eventually("the TCP receiver has all", lambda: len(receiver.lines) >= len(sent))
        expect_sequence([load(line) for line in receiver.lines], sent, "lines over TCP")
        eventually("the file has all", lambda: path.exists() and path.read_bytes().count(b"\n") >= len(sent))
        expect_sequence([load(line) for line in path.read_bytes().splitlines()], sent, "lines of the file")
        wanted = [t for t in sent if t["type"] == "cart_abandoned"]
        eventually("the webhook has all", lambda: len(hook.taken()) >= len(wanted))
        expect_sequence(hook.taken(), wanted, "triggers posted")
        for _, headers, body in hook.requests:
            expect_equal(headers["Content-Type"], "application/json", "content type")
            expect_equal(headers["Idempotency-Key"], json.loads(body)[0]["id"], "idempotency key")
            digest = hmac.new(b"geheim", body, hashlib.sha256).hexdigest()
            expect_equal(headers["X-Roost-Signature"], f"sha256={digest}", "signature")
            expect(1 <= len(json.loads(body)) <= 7, "at most a batch")
        for name in ("all", "carts", "file"):
            eventually(f"{name} is through", lambda: sink_of(daemon, name)["behind"] == 0)
            state = sink_of(daemon, name)
            expect_equal((state["cursor"], state["failures"], state["dead"], state["missed"], state["last_error"]),
                         (len(triggers), 0, 0, 0, None), f"state of {name}")
        lines = daemon.status.get("/metrics").body.decode()
        expect('roost_sink_behind{sink="carts"} 0' in lines, "metrics by sink")
        expect_equal(metric(daemon, "roost_sink_delivered_total"), 2 * len(sent) + len(wanted), "delivered")
    receiver.close()
    hook.close()
    return f"{len(sent)} triggers"


@check_each("tcp", "webhook", "file")
def sinks_lose_nothing_when_killed(env, kind):
    """kill -9 of the daemon and of the receiver at random moments: everything arrives, in order but for repeats."""
    rng = random.Random(env.seed)
    receiver, hook = Receiver(acknowledge=True), Hook(lambda number: 503 if number % 5 == 4 else 200)
    daemon = waiting(env)
    path = daemon.home / "out.ndjson"
    sink = {"tcp": {"address": f"127.0.0.1:{receiver.port}", "ack": True},
            "webhook": {"url": f"http://127.0.0.1:{hook.port}/"}, "file": {"path": str(path)}}[kind]
    daemon.config["sinks"] = [{"type": kind, "name": "s", **sink}]
    with daemon:
        got = []
        for day in range(6 if env.long else 4):
            fire(daemon, carts(60, day))
            time.sleep(rng.uniform(0, 0.15))
            if kind == "tcp" and rng.random() < 0.5:
                port, lines = receiver.port, receiver.lines
                receiver.close()
                env.count("receiver killed")
                receiver = Receiver(acknowledge=True, port=port)
                receiver.lines = lines + receiver.lines
            daemon.kill()
            env.count("daemon killed")
            daemon.start()
        triggers = daemon.status.triggers()
        seqs = {"tcp": lambda: receiver.seqs, "webhook": lambda: [t["seq"] for t in hook.taken()],
                "file": lambda: [json.loads(l)["seq"] for l in path.read_bytes().splitlines()]}[kind]
        eventually("everything has arrived", lambda: set(seqs()) == {t["seq"] for t in triggers})
        got = seqs()
        expect_sequence(without_repeats(got), [t["seq"] for t in triggers], "order of first arrivals")
        eventually("nothing is left", lambda: sink_of(daemon, "s")["behind"] == 0)
    receiver.close()
    hook.close()
    return f"{len(triggers)} triggers, {len(got) - len(triggers)} repeats"


@check
def sinks_do_not_wait_for_each_other(env):
    """A receiver that reads nothing, one that is not there and one that answers 500: the others and intake go on."""
    stuck, good, bad = Receiver(read=False), Receiver(), Hook(lambda number: 500)
    probe = socket.socket()
    probe.bind(("127.0.0.1", 0))
    port = probe.getsockname()[1]
    with waiting(env, sinks=[
            {"type": "tcp", "address": f"127.0.0.1:{stuck.port}", "name": "stuck", "ack": True},
            {"type": "tcp", "address": f"127.0.0.1:{port}", "name": "absent"},
            {"type": "webhook", "url": f"http://127.0.0.1:{bad.port}/", "name": "bad", "timeout": "2s"},
            {"type": "tcp", "address": f"127.0.0.1:{good.port}", "name": "good"}]) as daemon:
        triggers = fire(daemon, carts(300))
        eventually("the good one has all", lambda: len(good.lines) == len(triggers), 10)
        eventually("the bad one was tried", lambda: sink_of(daemon, "bad")["failures"] >= 3)
        state = sink_of(daemon, "bad")
        expect_equal((state["state"], state["cursor"], state["behind"]), ("failing", 0, len(triggers)), "the bad one")
        expect("answered 500" in state["last_error"], f"its reason: {state['last_error']}")
        eventually("the absent one was tried", lambda: "refused" in (sink_of(daemon, "absent")["last_error"] or ""))
        expect_equal(sink_of(daemon, "stuck")["cursor"], 0, "nothing counts before it is acknowledged")
        fire(daemon, carts(300, 1), "more")
        eventually("the good one has the rest", lambda: len(good.lines) == 600, 10)
        expect_equal(metric(daemon, 'roost_sink_failing'), 0, "the first sink listed is stuck, not failing")
        stuck.reading, stuck.acknowledge = True, True
        probe.close()
        absent = Receiver(port=port)
        eventually("the stuck one has caught up", lambda: sink_of(daemon, "stuck")["behind"] == 0)
        expect_sequence(without_repeats(stuck.seqs), list(range(1, 601)), "what the stuck one got")
        eventually("the absent one is sent to", lambda: sink_of(daemon, "absent")["behind"] == 0)
        expect_sequence(without_repeats(absent.seqs), list(range(1, 601)), "what the absent one got")
        begun = time.monotonic()
        expect_equal(daemon.terminate(), 0, "exit code with a sink failing")
        expect(time.monotonic() - begun < 10, "the stop does not wait for a receiver")
    for receiver in (stuck, good, bad, absent):
        receiver.close()


@check
def sinks_give_up_into_dead_letters(env):
    """After dead_letter_after what still fails is given up, named with its reason, and the next is delivered."""
    refusing = threading.Event()
    refusing.set()
    hook = Hook(lambda number: 422 if refusing.is_set() else 200)
    with waiting(env, sinks=[
            {"type": "webhook", "url": f"http://127.0.0.1:{hook.port}/", "name": "crm", "batch": 4,
             "dead_letter_after": "2s"}]) as daemon:
        first = fire(daemon, carts(8))
        eventually("they are given up", lambda: sink_of(daemon, "crm")["dead"] == len(first))
        expect_equal(metric(daemon, "roost_sink_dead_total"), len(first), "counted")
        refusing.clear()
        after = fire(daemon, carts(5, 1), "more")
        eventually("the next are delivered", lambda: len(hook.taken()) == 5)
        expect_equal([t["seq"] for t in hook.taken()], [t["seq"] for t in after[8:]], "the next")
        letters = daemon.status.paged("/v1/dead-letters", sink="crm")
        expect_equal([letter["seq"] for letter in letters], [t["seq"] for t in first], "numbers given up")
        for letter, trigger in zip(letters, first):
            expect_equal(letter["code"], "undelivered", "code")
            expect("422" in letter["detail"], f"reason: {letter}")
            expect_equal(load(letter["line"]), trigger, "the trigger itself")
        expect_equal(daemon.status.paged("/v1/dead-letters"), [], "lines that came in are another list")
        expect_equal(daemon.status.get("/v1/dead-letters?sink=nobody").status, 404, "an unknown sink")
        daemon.kill()
        daemon.start()
        time.sleep(0.3)
        expect_equal(len(hook.taken()), 5, "given up once and for all, delivered once")
        expect_equal(len(daemon.status.paged("/v1/dead-letters", sink="crm")), len(first), "kept over a restart")
        daemon.status.request("DELETE", "/v1/users/u0-0")
        erased = json.loads(daemon.status.paged("/v1/dead-letters", sink="crm")[0]["line"])
        expect_equal(erased, {"seq": first[0]["seq"], "type": "erased"}, "an erased user's")
    hook.close()


@check
def sinks_tell_what_retention_dropped(env):
    """A receiver that is away for longer than the outbox keeps: the gap is counted and told, the rest arrives."""
    probe = socket.socket()
    probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    probe.bind(("127.0.0.1", 0))
    port = probe.getsockname()[1]
    probe.close()
    with waiting(
            env, retention={"outbox": {"count": 2000}}, snapshot={"interval": "1s"},
            sinks=[{"type": "tcp", "address": f"127.0.0.1:{port}", "name": "away"}]) as daemon:
        triggers = fire(daemon, carts(5000))
        last = triggers[-1]["seq"]
        eventually("the outbox is cut", lambda: daemon.status.status()["outbox"]["oldest"] > 1, 60)
        oldest = daemon.status.status()["outbox"]["oldest"]
        receiver = Receiver(port=port)
        eventually("it has the rest", lambda: sink_of(daemon, "away")["behind"] == 0)
        state = sink_of(daemon, "away")
        expect(state["missed"] > 0, f"missed: {state}")
        expect_equal(state["missed"] + state["delivered"], last, "missed and delivered make all")
        expect_equal(metric(daemon, "roost_sink_missed_total"), state["missed"], "counted")
        expect("were dropped by retention.outbox before they were delivered" in daemon.said(), "it is logged")
        expect(set(range(oldest, last + 1)) <= set(receiver.seqs), "what is kept arrives")
        receiver.close()


@check
def sinks_speak_tls(env):
    """HTTPS to a certificate that the configuration trusts; to one it does not, nothing is sent."""
    if not shutil.which("openssl"):
        raise Skip("openssl is not installed")
    daemon = waiting(env)
    key, certificate = daemon.home / "key.pem", daemon.home / "cert.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost",
         "-addext", "subjectAltName=DNS:localhost", "-keyout", str(key), "-out", str(certificate)],
        check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    hook = Hook(context=context)
    url = f"https://localhost:{hook.port}/t"
    daemon.config["sinks"] = [
        {"type": "webhook", "url": url, "name": "trusted", "ca_file": str(certificate)},
        {"type": "webhook", "url": url + "2", "name": "stranger"}]
    with daemon:
        triggers = fire(daemon, carts(10))
        eventually("the trusted one has all", lambda: len(hook.taken()) == len(triggers))
        eventually("the other fails", lambda: sink_of(daemon, "stranger")["failures"] > 0)
        expect("certificate" in sink_of(daemon, "stranger")["last_error"], f"{sink_of(daemon, 'stranger')}")
        expect_equal(sink_of(daemon, "stranger")["cursor"], 0, "nothing was sent to it")
    hook.close()


@check
def sinks_keep_their_place(env):
    """A new sink begins now or with the oldest as told; a restart goes on; a consumer cannot take its name."""
    with waiting(env) as daemon:
        folder = daemon.home
        before = fire(daemon, carts(20))
        daemon.terminate()
        daemon.config["sinks"] = [
            {"type": "file", "path": str(folder / "now.ndjson"), "name": "now"},
            {"type": "file", "path": str(folder / "old.ndjson"), "name": "old", "from": "oldest"}]
        daemon.start()
        after = fire(daemon, carts(20, 1), "more")
        seqs = lambda name: [json.loads(l)["seq"] for l in (folder / name).read_bytes().splitlines()]
        eventually("both are through", lambda: all(s["behind"] == 0 for s in daemon.status.status()["sinks"]))
        expect_equal(seqs("now.ndjson"), [t["seq"] for t in after[len(before):]], "the one that begins now")
        expect_equal(seqs("old.ndjson"), [t["seq"] for t in after], "the one that begins with the oldest")
        daemon.terminate()
        daemon.start()
        again = fire(daemon, carts(5, 2), "again")
        eventually("both go on", lambda: all(s["behind"] == 0 for s in daemon.status.status()["sinks"]))
        expect_equal(seqs("old.ndjson"), [t["seq"] for t in again], "after a restart nothing twice, nothing lost")
        with daemon.subscriber({"$consumer": {"name": "$sink:old"}}) as subscriber:
            error = json.loads(subscriber.wait("an error", lambda lines: lines and lines[0]))
            expect_equal(error["$error"]["code"], "bad_field", "a consumer under a sink's name")


# --- deploy/examples --------------------------------------------------------------------------------------

EXAMPLES = Path(__file__).resolve().parent.parent.parent / "deploy" / "examples"


class Program:
    """An example as a child process whose lines of output are collected."""

    def __init__(self, *words, env=None, cwd=None, feed=None):
        self.process = subprocess.Popen(
            words, stdin=subprocess.PIPE if feed is not None else subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, env={**os.environ, **(env or {})}, cwd=cwd, start_new_session=True)
        self.lines, self.errors = [], []
        for stream, lines in ((self.process.stdout, self.lines), (self.process.stderr, self.errors)):
            threading.Thread(target=self._read, args=(stream, lines), daemon=True).start()
        if feed is not None:
            self.process.stdin.write(feed)
            self.process.stdin.close()

    @staticmethod
    def _read(stream, lines):
        for line in stream:
            lines.append(line)

    @property
    def triggers(self):
        return [load(line) for line in list(self.lines) if line.startswith(b'{"seq":')]

    def stop(self):
        """The whole group: a script has children."""
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGTERM)
        self.process.wait(10)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()


def needing(*tools):
    for tool in tools:
        if not shutil.which(tool):
            raise Skip(f"{tool} is not installed")


@check_each("subscribe.sh", "subscribe.py")
def examples_subscribe(env, name):
    """From a shell and from Python: every trigger, and after an end of either only those that came since."""
    needing(*(["socat", "bash"] if name.endswith(".sh") else []))
    with env.daemon() as daemon:
        words = {"subscribe.sh": [str(EXAMPLES / "subscribe.sh")],
                 "subscribe.py": [str(EXAMPLES / "subscribe.py"), "--roost", daemon.ready["triggers"], "--name", "shell"]}[name]
        variables = {"ROOST": daemon.ready["triggers"], "CURSOR": str(daemon.home / "cursor.txt")}
        first = fire(daemon, carts(40))
        with Program(*words, env=variables) as program:
            eventually("it has all", lambda: len(program.triggers) >= 40)
            expect_sequence(program.triggers, first, "triggers")
            time.sleep(0.3)
        second = fire(daemon, carts(25, 1), "more")
        with Program(*words, env=variables) as program:
            eventually("it has the rest", lambda: len(program.triggers) >= 25)
            time.sleep(0.2)
            expect_sequence(program.triggers, second[40:], "triggers after the restart")


@check
def examples_receive_a_webhook(env):
    """The receiver takes what is signed, refuses what is not, and shows each trigger once."""
    with Program(str(EXAMPLES / "webhook_receiver.py"), "--listen", "127.0.0.1:0", env={"ROOST_SECRET": "geheim"}) as program:
        eventually("it listens", lambda: program.lines)
        url = "http://" + program.lines[0].decode().split()[-1] + "/triggers"
        with waiting(env, sinks=[
                {"type": "webhook", "name": "right", "url": url, "secret": "geheim", "batch": 9},
                {"type": "webhook", "name": "again", "url": url, "secret": "geheim"},
                {"type": "webhook", "name": "wrong", "url": url, "secret": "falsch"}]) as daemon:
            triggers = fire(daemon, carts(30))
            for name in ("right", "again"):
                eventually(f"{name} is through", lambda: sink_of(daemon, name)["behind"] == 0)
            eventually("the wrong one fails", lambda: sink_of(daemon, "wrong")["failures"] > 0)
            expect("401" in sink_of(daemon, "wrong")["last_error"], "an unsigned body is refused")
            expect_equal(sink_of(daemon, "wrong")["cursor"], 0, "and not delivered")
        expect_equal(sorted(t["seq"] for t in program.triggers), [t["seq"] for t in triggers], "each trigger once")


@check
def examples_receive_over_tcp(env):
    """The acknowledging receiver and socat, side by side."""
    needing("socat")
    probe = socket.socket()
    probe.bind(("127.0.0.1", 0))
    port = probe.getsockname()[1]
    probe.close()
    with Program(str(EXAMPLES / "tcp_receiver.py"), "--listen", "127.0.0.1:0") as own, \
            Program("socat", "-u", f"TCP-LISTEN:{port},bind=127.0.0.1,reuseaddr,fork", "-") as other:
        eventually("it listens", lambda: own.errors)
        address = own.errors[0].decode().split()[-1]
        with waiting(env, sinks=[
                {"type": "tcp", "name": "own", "address": address, "ack": True},
                {"type": "tcp", "name": "socat", "address": f"127.0.0.1:{port}"}]) as daemon:
            triggers = fire(daemon, carts(50))
            for program in (own, other):
                eventually("all have arrived", lambda: len(program.triggers) >= 50)
                expect_sequence(program.triggers, triggers, "triggers")


@check
def examples_feed_events(env):
    """A log by curl, and a file that rsyslog follows: every event is taken as it stands."""
    needing("curl", "gzip", "bash")
    lines = env.log("synthetic")
    with env.daemon() as daemon:
        variables = {"ROOST_STATUS": "http://" + daemon.ready["status"]}
        with Program(str(EXAMPLES / "post_events.sh"), env=variables, feed=b"".join(lines)) as program:
            expect_equal(program.process.wait(60), 0, f"exit code; it said {program.errors}")
        expect_equal(daemon.status.status()["ingest"]["lines"], len(lines), "lines")
        with Program(str(EXAMPLES / "post_events.sh"), env=variables, feed=b"nonsense\n") as program:
            expect_equal(program.process.wait(60), 1, "exit code of a line that is not taken")


@check
def examples_follow_a_file_with_rsyslog(env):
    """The shipped rsyslog.conf with its paths changed: all lines, those too that were written while the daemon was away.

    A batch that rsyslog could not send whole is sent again, so lines may come twice: what is already too late to be
    told from a repetition counts once more as late, the rest as a duplicate.
    """
    needing("rsyslogd")
    lines = env.log("synthetic")
    half = len(lines) // 2
    with env.daemon() as daemon:
        daemon.feed(lines)
        alone = daemon.status.status()["ingest"]
    probe = socket.socket()
    probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    probe.bind(("127.0.0.1", 0))
    port = probe.getsockname()[1]
    probe.close()
    daemon = env.daemon({"listen": {"ingest": {"address": f"127.0.0.1:{port}"}}})
    work, log = daemon.home / "spool", daemon.home / "events.ndjson"
    work.mkdir()
    text = (EXAMPLES / "rsyslog.conf").read_text()
    for old, new in (("/var/spool/rsyslog", work), ("/var/log/shop/events.ndjson", log), ('"7001"', f'"{port}"')):
        expect(old in text, f"rsyslog.conf has {old}")
        text = text.replace(old, str(new) if "/" in old else new)
    (daemon.home / "rsyslog.conf").write_text(text)
    log.write_bytes(b"".join(lines[:half]))
    words = ["rsyslogd", "-n", "-f", str(daemon.home / "rsyslog.conf"), "-i", str(daemon.home / "rsyslog.pid")]
    with Program(*words) as program, daemon:
        eventually(
            "the first half is taken", lambda: daemon.status.status()["ingest"]["lines"] >= half, 60)
        expect_equal(daemon.terminate(), 0, "exit code")
        with log.open("ab") as file:
            file.write(b"".join(lines[half:]))
        time.sleep(1)
        daemon.start()
        # The connection was open when the daemon ended: TCP alone cannot tell whether the first line written
        # into it arrived.
        eventually(
            "the rest is taken", lambda: daemon.status.status()["ingest"]["events"] >= alone["events"] - 1, 60)
        expect(program.process.poll() is None, f"rsyslog runs: {program.errors}")
        counts = daemon.status.status()["ingest"]
        taken = counts["events"] - counts["late"]
        expect(taken <= alone["events"] - alone["late"], f"an event twice: {counts}, of {alone}")
        return f"{counts['lines']} of {len(lines)} lines, {taken} events in time"
