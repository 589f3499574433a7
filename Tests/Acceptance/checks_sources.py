"""`listen.sources`: hosts that the daemon connects to and reads, and what it makes of their ends."""

import random
import socket
import threading

import features
from checks_state import expected_log
from faults import metric
from harness import CONFIGS, check, check_each, eventually, expect, expect_equal, expect_users

FAST = {"limits": {"source_retry_least": "20ms", "source_retry_most": "200ms"}}


class Source:
    """Listens; each script is what one connection is sent. What the daemon writes is kept."""

    def __init__(self, scripts, endless=False):
        self.listener = socket.socket()
        self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.listener.bind(("127.0.0.1", 0))
        self.listener.listen()
        self.port = self.listener.getsockname()[1]
        self.scripts, self.endless = scripts, endless
        self.accepted, self.written, self.open = 0, b"", []
        self.thread = threading.Thread(target=self._serve, daemon=True)
        self.thread.start()

    def _serve(self):
        while True:
            try:
                peer, _ = self.listener.accept()
            except OSError:
                return
            self.accepted += 1
            if self.accepted > len(self.scripts):
                self.open.append(peer)
                continue
            for piece in self.scripts[self.accepted - 1]:
                peer.sendall(piece)
            if self.endless and self.accepted == len(self.scripts):
                self.open.append(peer)
                continue
            # Everything is read before the end is seen.
            peer.shutdown(socket.SHUT_WR)
            self._drain(peer)

    def _drain(self, peer):
        try:
            while data := peer.recv(4096):
                self.written += data
        except OSError:
            pass
        peer.close()

    def close(self):
        """No more listening; the last connections end."""
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        for peer in self.open:
            peer.shutdown(socket.SHUT_WR)
            self._drain(peer)
        self.thread.join(5)


def sources(*listening):
    return {"listen": {"sources": [{"address": f"localhost:{source.port}"} for source in listening]}, **FAST}



def cut(rng, data, pieces):
    places = sorted(rng.randrange(len(data) + 1) for _ in range(pieces))
    return [data[a:b] for a, b in zip([0, *places], [*places, len(data)])]


@check_each("once", "in_parts")
def sources_are_read(env, case):
    """A log through one connection, and through many that end: every user equal, nothing ever written."""
    rng = random.Random(env.seed)
    lines = env.log("synthetic")
    parts = [lines]
    if case == "in_parts":
        ends = sorted(rng.sample(range(1, len(lines)), 12))
        parts = [lines[a:b] for a, b in zip([0, *ends], [*ends, len(lines)])]
    # A half line at the end of a connection is given whole by the next.
    scripts = []
    for index, part in enumerate(parts):
        tail = parts[index + 1][0][:-1] if index + 1 < len(parts) else b""
        scripts.append(cut(rng, b"".join(part) + tail[:rng.randrange(len(tail) + 1)], 40))
    source = Source(scripts, endless=True)
    with env.daemon(sources(source)) as daemon:
        eventually(
            "all lines are taken", lambda: daemon.status.status()["ingest"]["lines"] == len(lines), 60)
        with daemon.producer("after") as producer:
            producer.sync()
        users, _ = daemon.status.users()
        expect_users(users, features.features(expected_log(env, "synthetic", "utc"), CONFIGS["utc"][1]))
        expect_equal(daemon.status.status()["ingest"]["sources"], 1, "sources in /v1/status")
        expect_equal(metric(daemon, "roost_source_connections_opened_total"), len(parts), "connections")
        expect_equal(daemon.terminate(), 0, "exit code of SIGTERM with a source open")
    source.close()
    expect_equal(source.written, b"", "what was written to the source")
    return f"{len(parts)} connections"


@check
def sources_that_are_not_there(env):
    """A host that refuses is tried until it takes the connection; a stop does not wait for it."""
    probe = socket.socket()
    probe.bind(("127.0.0.1", 0))
    port = probe.getsockname()[1]
    with env.daemon({"listen": {"sources": [{"address": f"127.0.0.1:{port}"}]}, **FAST}) as daemon:
        eventually("it has tried thrice", lambda: metric(daemon, "roost_source_failures_total") >= 3)
        probe.listen()
        peer, _ = probe.accept()
        peer.sendall(b'{"user_id":"u","ts":1700000000,"event":"login"}\n')
        eventually("the line is taken", lambda: daemon.status.status()["ingest"]["events"] == 1)
        probe.close()
        peer.close()
        eventually("it tries again", lambda: metric(daemon, "roost_source_connections") == 0)
        expect_equal(daemon.terminate(10), 0, "exit code while it waits")
        expect("cannot connect: Connection refused" in daemon.said(), f"it says why: {daemon.said()}")


@check
def sources_of_something_else(env):
    """Control lines are kept as dead letters and not followed; garbage ends the connection, not the source."""
    garbage = b"HTTP/1.1 400 Bad Request\r\n" * 200
    controls = b'{"$hello":{"producer":"p"}}\n{"$sync":{}}\n{"$advance":{"to":"2030-01-01T00:00:00Z"}}\n'
    good = b'{"user_id":"u","ts":1700000000,"event":"login"}\n'
    source = Source([[garbage], [garbage], [controls + good]], endless=True)
    with env.daemon(sources(source)) as daemon:
        eventually("the good line is taken", lambda: daemon.status.status()["ingest"]["events"] == 1)
        ingest = daemon.status.status()["ingest"]
        expect_equal((ingest["rejected"], ingest["lines"]), (203, 204), "rejected, lines")
        codes = [letter["code"] for letter in daemon.status.dead_letters()]
        expect_equal(codes, ["bad_json"] * 200 + ["missing_field"] * 3, "codes of the dead letters")
        expect_equal(daemon.status.status()["clock"]["now"], "2023-11-14T22:13:20Z", "now: $advance is not followed")
        expect_equal(metric(daemon, "roost_ingest_connections_unusable_total"), 2, "connections given up")
    source.close()
    expect_equal(source.written, b"", "what was written to the source")


@check
def sources_after_a_kill(env):
    """Two sources, a kill -9 in between: both are connected to again, and what was taken is still there."""
    def line(user, time):
        return b'{"user_id":"%s","ts":%d,"event":"login","event_id":"e%d"}\n' % (user, time, time)

    first = Source([[line(b"a", 1_700_000_000)], [line(b"a", 1_700_000_001)]])
    second = Source([[line(b"b", 1_700_000_000)], [line(b"b", 1_700_000_001)]])
    with env.daemon(sources(first, second)) as daemon:
        eventually("four lines are taken", lambda: daemon.status.status()["ingest"]["events"] == 4)
        with daemon.producer("after") as producer:
            producer.sync()
        daemon.kill()
        before = (first.accepted, second.accepted)
        daemon.start()
        expect_equal(daemon.status.status()["ingest"]["events"], 4, "events after the kill")
        eventually(
            "both are connected to again",
            lambda: first.accepted > before[0] and second.accepted > before[1])
    first.close()
    second.close()
