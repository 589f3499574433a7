"""Killed, stopped, started again: nothing acked is lost, nothing happens twice."""

import json
import random
import re
import signal
import threading
import time

import features
import triggers
from checks_state import FAR, expect_same, expected_log, reference, snapshot
from client import ClientError, Producer, Subscriber
from faults import metric
from features import Advance, Config, stamp
from harness import (
    check, expect, expect_equal, expect_numbering, expect_sequence, expect_triggers, expect_users)

SNAPSHOTS = {"snapshot": {"interval": "1s", "journal_bytes": 65536}, "journal": {"segment_bytes": 65536}}


class Feeder(threading.Thread):
    """An acked producer that sends lines from its `next` on, slowly enough to be interrupted."""

    def __init__(self, daemon, lines, until, pause):
        super().__init__(daemon=True)
        self.producer = daemon.producer("feed")
        self.next = self.producer.next
        self.lines, self.until, self.pause = lines, until, pause
        self.sent = self.next
        self.stopped = False

    def run(self):
        rng = random.Random(self.next)
        try:
            while self.sent < self.until and not self.stopped:
                size = rng.randrange(1, 60)
                part = self.lines[self.sent:min(self.sent + size, self.until)]
                self.producer.send(b"".join(part))
                self.sent += len(part)
                time.sleep(self.pause)
        except OSError:
            pass  # the daemon was killed

    def finish(self):
        """What was acked, as the producer knows it once the connection is gone."""
        self.stopped = True
        self.join()
        self.producer.close()
        return self.producer.acked


class Collector:
    """A subscriber that resumes after its last number, over and over; keeps every line it was sent."""

    def __init__(self):
        self.lines = []

    def connect(self, daemon):
        after = json.loads(self.lines[-1])["seq"] if self.lines else 0
        self.subscriber = Subscriber(daemon.ready["triggers"], {"$resume": {"after": after}})

    def collect(self):
        """Takes what came before the connection broke; a torn last line is nothing."""
        self.subscriber.close()
        for row in self.subscriber.lines:
            if row.startswith(b'{"$error"'):
                raise ClientError(f"the resuming subscriber was told {row.decode()}")
            if row.startswith(b'{"seq"') and row.endswith(b"}"):
                self.lines.append(row)


def kill_loop(env, lines, config, plain, kills):
    rng = random.Random(env.seed)
    log = features.read_log(lines, plain)
    closed = log.now + FAR
    collector = Collector()
    acked = 0
    with env.daemon(config) as daemon:
        for turn in range(kills):
            collector.connect(daemon)
            target = min(len(lines), (turn + 1) * len(lines) // (kills + 1) + rng.randrange(200))
            feeder = Feeder(daemon, lines, target, rng.choice([0, 0.0005, 0.002]))
            expect(acked <= feeder.next, f"kill {turn}: {acked} were acked, {feeder.next} kept (seed {env.seed})")
            feeder.start()
            time.sleep(rng.random() ** 2 * 0.6)
            daemon.kill()
            acked = max(acked, feeder.finish())
            sent = feeder.sent
            collector.collect()
            begun = time.monotonic()
            daemon.start()
            with daemon.producer("feed") as probe:
                expect(probe.next <= sent, f"kill {turn}: {sent} were sent, {probe.next} kept (seed {env.seed})")
            if rng.random() < 0.2:  # and again, while it may still be recovering
                daemon.kill()
                daemon.start()
            slowest = time.monotonic() - begun
        collector.connect(daemon)
        with daemon.producer("feed") as producer:
            producer.send(b"".join(lines[producer.next:]))
            producer.sync(600)
            expect_equal(producer.acked, len(lines), "the last ack")
        daemon.advance(stamp(closed))
        status = daemon.status.status()
        raw, users = snapshot(daemon)
        collector.subscriber.await_seq(status["outbox"]["last_seq"])
        collector.collect()
    return log, closed, status, raw, users, collector.lines, slowest


def check_after_kills(env, lines, config, plain, kills):
    log, closed, status, raw, users, collected, slowest = kill_loop(env, lines, config, plain, kills)
    expect_equal(status["ingest"]["events"], len(log.events), f"events (seed {env.seed})")
    found = [json.loads(row) for row in raw]
    expect_numbering(found)
    expect_triggers(found, triggers.triggers(log, plain, closed))
    later = features.read_log([*lines, Advance(closed)], plain)
    expect_users(users, features.features(later, plain))
    expect_sequence(collected, raw, "what a resuming subscriber got")
    return f"{kills} kills, {len(users)} users, {len(found)} triggers, last start {slowest:.2f} s"


@check
def kill_and_recover(env):
    """kill -9 at random moments under acked load; acked ⊆ kept ⊆ sent; nothing lost, nothing twice."""
    kills = 500 if env.long else 10
    return check_after_kills(env, env.log("synthetic_long"), SNAPSHOTS, Config(), kills)


@check
def kill_and_recover_the_defaults(env):
    """The same without small segments and snapshots: recovery from the journal alone."""
    kills = 200 if env.long else 3
    return check_after_kills(env, env.log("synthetic"), {}, Config(), kills)


@check
def kill_and_recover_real_log(env):
    lines = env.log("google_store_a")
    kills = 200 if env.long else 3
    return check_after_kills(env, lines, SNAPSHOTS, Config(), kills)


@check
def killed_runs_equal_unbroken_runs(env):
    """With kills in between, the whole outbox is byte for byte that of an unbroken run."""
    lines = env.log("cdnow_sample")
    expected = reference(env, "cdnow_sample")
    rng = random.Random(env.seed)
    with env.daemon(SNAPSHOTS) as daemon:
        for turn in range(4):
            with daemon.producer("feed") as producer:
                producer.send(b"".join(lines[producer.next:(turn + 1) * len(lines) // 5]))
                producer.wait("an ack", lambda rows: any(b"$ack" in row for row in rows))
                time.sleep(rng.random() * 0.2)
                daemon.kill()
            daemon.start()
        with daemon.producer("feed") as producer:
            producer.send(b"".join(lines[producer.next:]))
            producer.sync()
        daemon.advance(stamp(expected[2]))
        expect_same(snapshot(daemon), expected, "with kills in between")


@check
def partitions_are_saved_in_turn(env):
    """Every part of the state is saved once a turn while lines come, so that a start replays no more than that."""
    lines = env.log("synthetic")[:4000]
    with env.daemon(SNAPSHOTS) as daemon:
        with daemon.producer("feed") as producer:
            for start in range(0, len(lines), 20):
                producer.send(b"".join(lines[start:start + 20]))
                producer.sync()
        turns = metric(daemon, "roost_snapshots_total")
        deadline = time.monotonic() + 30
        # One turn ends that had begun before, and one that has seen everything.
        while metric(daemon, "roost_snapshots_total") < turns + 1 and time.monotonic() < deadline:
            time.sleep(0.05)
        time.sleep(1.5)
        records = int(daemon.status.status()["ingest"]["lines"]) // 20
        daemon.kill()
        before = len(daemon.said(1_000_000))
        daemon.start()
        said = re.search(r"(\d+) records replayed", daemon.said(1_000_000)[before:])
        expect(said is not None, "the start says what it has replayed")
        replayed = int(said.group(1))
        expect(replayed < records / 4, f"{replayed} of {records} records are replayed")
        expect_equal(daemon.status.status()["ingest"]["lines"], len(lines), "lines")


@check
def a_clean_stop(env):
    """SIGTERM under load: exit code 0, what was acked is there, the state is the same after the start."""
    lines = env.log("synthetic")
    with env.daemon() as daemon:
        feeder = Feeder(daemon, lines, len(lines), 0.001)
        feeder.start()
        time.sleep(0.4)
        code = daemon.terminate()
        acked = feeder.finish()
        expect_equal(code, 0, f"exit code; it said {daemon.said(400)!r}")
        daemon.start()
        with daemon.producer("feed") as producer:
            expect(acked <= producer.next <= feeder.sent, f"{acked} ≤ {producer.next} ≤ {feeder.sent}")
            producer.send(b"".join(lines[producer.next:]))
            producer.sync()
        before = snapshot(daemon)
        expect_equal(daemon.terminate(), 0, "exit code when idle")
        daemon.start()
        expect_same(snapshot(daemon), before, "after a clean stop")


@check
def a_stuck_subscriber_does_not_hold_a_stop(env):
    lines = env.log("synthetic")
    with env.daemon() as daemon, daemon.subscriber({"$resume": {"after": 0}}):
        daemon.feed(lines)
        daemon.process.send_signal(signal.SIGTERM)
        expect_equal(daemon.terminate(30), 0, "exit code after two SIGTERM")


@check
def one_instance_to_a_directory(env):
    """A second daemon on the same data directory is refused, and the directory named."""
    with env.daemon() as first:
        second = env.daemon(data_dir=first.data)
        try:
            second.start(20)
            refused = False
        except ClientError:
            refused = True
        code = second.process.returncode
        said = second.said()
        second.discard()
        expect(refused, "the second does not start")
        expect(code == 1, f"exit code 1, got {code}")
        expect(str(first.data) in said, f"the directory is named: {said[-300:]!r}")
        expect(first.running, "the first goes on")


@check
def stopped_for_a_while(env):
    """SIGSTOP and SIGCONT: the stream goes on where it was."""
    lines = env.log("synthetic")
    expected = expected_log(env, "synthetic", "utc")
    with env.daemon() as daemon:
        with daemon.producer("feed") as producer:
            producer.send(b"".join(lines[:1000]))
            daemon.process.send_signal(signal.SIGSTOP)
            time.sleep(2)
            daemon.process.send_signal(signal.SIGCONT)
            producer.send(b"".join(lines[1000:]))
            producer.sync()
        users, _ = daemon.status.users()
        expect_users(users, features.features(expected, Config()))


@check
def a_torn_tail_is_cut(env):
    """Bytes of a record that was being written when the power went: cut, and the rest is there."""
    lines = env.log("synthetic")[:500]
    with env.daemon() as daemon:
        daemon.feed(lines)
        before = snapshot(daemon)
        daemon.kill()
        segments = sorted(
            (path for path in daemon.data.rglob("*") if path.is_file() and "journal" in str(path.relative_to(daemon.data))),
            key=lambda path: path.stat().st_mtime_ns)
        expect(segments, "journal files under a name that says so")
        newest = segments[-1]
        with newest.open("ab") as file:
            file.write(b"\x07\x00\x00")
        daemon.start()
        expect_same(snapshot(daemon), before, "after a torn tail")


def resend(daemon, lines):
    """A producer that lost its connection and sends everything again."""
    with Producer(daemon.ready["ingest"], "feed", 0) as producer:
        producer.send(b"".join(lines))
        return producer.sync()


@check
def everything_sent_again(env):
    lines = env.log("synthetic")[:2000]
    with env.daemon() as daemon:
        daemon.feed(lines, name="feed")
        before = snapshot(daemon)
        for _ in range(3):
            resend(daemon, lines)
        expect_same(snapshot(daemon), before, "after resending")
