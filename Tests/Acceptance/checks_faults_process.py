"""Killed at every call of the commit path, of a snapshot, a cut, a recovery; signals of every kind."""

import http.client
import random
import signal
import threading
import time

from checks_recovery import Feeder
from checks_triggers import SleepingSubscriber
from client import ClientError
from features import SECOND, stamp
from faults import (
    FIRST_SEGMENT, SMALL, WHOLE, Saved, acked_of, feed_until_struck, killed, settle, start_with, strace,
    workload)
from harness import check, check_each, expect, expect_equal, expect_numbering

# Calls, and of which files: by themselves those of a thread's start come first and hide the commit path.
CALLS = [
    ("pwrite64", "journal"), ("fdatasync", "journal"), ("pwrite64", "outbox"), ("fdatasync", "outbox"),
    ("write", "all"), ("pwrite64", "all"), ("fdatasync", "all"), ("fsync", "all"), ("rename", "all"),
    ("unlink", "all"), ("openat", "all"), ("ftruncate", "all"), ("sendto", "all"),
    # The second life has snapshots to take the place of, and segments to cut.
    ("unlink", "second"), ("rename", "second"), ("fsync", "second")]
# Where the N-th of a call may be in the short form.
MOST = {"write": 4, "pwrite64": 60, "fdatasync": 20, "fsync": 60, "rename": 60, "unlink": 40, "openat": 60,
        "ftruncate": 6, "sendto": 8}


def places(env, most):
    """A few places by chance; all of them, until a run completes, in the long form."""
    if env.long:
        return range(1, 100_000)
    return sorted(env.random.sample(range(1, most + 1), min(most, 2)))


def paths(daemon, where):
    return {"all": [], "second": [], "journal": [daemon.data / FIRST_SEGMENT],
            "outbox": [daemon.data / "outbox.db", daemon.data / "outbox.db-wal"]}[where]


def live_once(daemon, work):
    """A first life with half of the lines, ended in order."""
    start_with(daemon, [])
    daemon.feed(work.lines[:len(work.lines) // 2], name="feed")
    expect_equal(daemon.terminate(), 0, "exit code")


@check_each(*CALLS)
def killed_at_a_call(env, call, where):
    """kill -9 at the N-th call of a thread, from the first start to the snapshot and cut of the stop."""
    work = workload(env, 6000, 150) if where == "second" else workload(env)
    struck = 0
    for place in places(env, MOST[call] if where in ("all", "second") else 10):
        daemon = env.daemon(SMALL if where in ("all", "second") else WHOLE)
        try:
            if where == "second":
                live_once(daemon, work)
            prefix = strace(env, call, f"signal=KILL:when={place}", *paths(daemon, where))
            acked, sent, died = feed_until_struck(daemon, prefix, work, pieces=40 if env.long else 20)
            if where == "second":
                # What the first life took is there, however early the second one died.
                acked, sent = (max(count, len(work.lines) // 2) for count in (acked, sent))
            daemon.start()
            settle(daemon, work, acked, sent, f"{call} number {place} on {where} (seed {env.seed})")
            daemon.kill()
        finally:
            daemon.discard()
        struck += died
        if not died and env.long:
            break
    env.count(f"kill at a call: {call} on {where}", struck)
    return f"{struck} kills"


def crashed(env, daemon, work):
    """A data directory with snapshots, a journal after them and a torn tail."""
    start_with(daemon, [])
    half = len(work.lines) * 2 // 3
    with daemon.producer("feed") as producer:
        producer.send(b"".join(work.lines[:half // 2]))
        producer.sync()
    expect_equal(daemon.terminate(), 0, "exit code")
    start_with(daemon, [])
    with daemon.producer("feed") as producer:
        producer.send(b"".join(work.lines[half // 2:half]))
        producer.sync()
    daemon.kill()
    newest = max(daemon.data.glob("journal/*.journal"))
    with newest.open("ab") as file:
        file.write(b"\x07\x00\x00\x01")
    return half


@check_each("pwrite64", "fsync", "openat", "ftruncate", "write")
def killed_in_a_recovery(env, call):
    """kill -9 at the N-th call of a recovery; then another recovery."""
    work = workload(env)
    daemon = env.daemon(SMALL)
    struck = 0
    try:
        half = crashed(env, daemon, work)
        saved = Saved(daemon)
        for place in places(env, 4):
            saved.restore()
            prefix = strace(env, call, f"signal=KILL:when={place}")
            died = False
            try:
                start_with(daemon, prefix)
                daemon.kill()
            except ClientError:
                died = killed(daemon)
            daemon.start()
            settle(daemon, work, half, half, f"recovery, {call} number {place} (seed {env.seed})")
            daemon.kill()
            struck += died
            if not died and env.long:
                break
    finally:
        daemon.discard()
    env.count(f"kill in recovery: {call}", struck)
    return f"{struck} kills"


@check
def ten_recoveries_killed_in_turn(env):
    """Ten recoveries of one crash, each killed in the middle; the eleventh has everything."""
    work = workload(env)
    struck = 0
    for turn in range(20 if env.long else 1):
        rng = random.Random(env.seed + turn)
        daemon = env.daemon(SMALL)
        try:
            half = crashed(env, daemon, work)
            nested = 0
            while nested < 10:
                # One that gets by is asked again: ten are to be killed.
                call = rng.choice(["pwrite64", "fsync", "openat"])
                try:
                    start_with(daemon, strace(env, call, f"signal=KILL:when={rng.randrange(1, 3)}"))
                    daemon.kill()
                except ClientError:
                    nested += killed(daemon)
            struck += nested
            daemon.start()
            settle(daemon, work, half, half, f"ten nested recoveries (seed {env.seed + turn})")
        finally:
            daemon.discard()
    env.count("nested recovery kill", struck)
    return f"{struck} recoveries killed"


@check
def killed_while_a_model_is_adopted(env):
    """kill -9 around the adoption of a model: in force wholly or not at all, and the stream complete."""
    work = workload(env)
    rng = random.Random(env.seed)
    kills = 40 if env.long else 3
    adopted = 0
    config = {**SMALL, "models": {"enabled": ["segments"], "segments": {"k": 3, "minimum_users": 10}},
              "triggers": {"segment_moved": {"enabled": False}, "bot_suspected": {"enabled": False}}}
    for turn in range(kills):
        daemon = env.daemon(config)
        try:
            daemon.start()
            half = len(work.lines) // 2
            with daemon.producer("feed") as producer:
                producer.send(b"".join(work.lines[:half]))
                producer.sync()
            request = threading.Thread(target=refit_quietly, args=(daemon,))
            request.start()
            time.sleep(rng.random() * 0.12)
            daemon.kill()
            request.join()
            daemon.start()
            before = daemon.status.json("/v1/status")["models"]["segments"]["version"]
            rows = daemon.status.json("/v1/segments")["segments"]
            if before:
                adopted += 1
                expect(sum(row["users"] for row in rows) > 0, "the adopted model's segments have users")
                expect_equal(
                    daemon.status.json("/v1/models/segments")["version"], before, "the registry's version")
            else:
                expect_equal(sum(row["users"] for row in rows), 0, "no users in segments of no model")
            settle(daemon, work, half, half, f"adoption {turn} (seed {env.seed})")
        finally:
            daemon.discard()
    env.count("kill around an adoption", kills)
    return f"{kills} kills, {adopted} after the adoption was on disk"


def refit_quietly(daemon):
    try:
        daemon.status.refit("segments")
    except (OSError, http.client.HTTPException):
        pass  # cut by the kill


# --- signals ------------------------------------------------------------------------------------------

@check
def stopped_under_load_with_a_stuck_subscriber(env):
    """SIGTERM while a producer sends and a subscriber does not read: in order, with code 0."""
    work = workload(env)
    with env.daemon(SMALL) as daemon:
        stuck = SleepingSubscriber(daemon)
        feeder = Feeder(daemon, work.lines, len(work.lines), 0.001)
        feeder.start()
        time.sleep(0.3)
        expect_equal(daemon.terminate(30), 0, f"exit code; it said {daemon.said(300)!r}")
        acked, sent = feeder.finish(), feeder.sent
        stuck.socket.close()
        daemon.start()
        settle(daemon, work, acked, sent, "after a stop under load")
    env.count("SIGTERM under load, stuck subscriber")


@check
def a_second_sigterm_ends_at_once(env):
    """Two orders a second apart: ended at once, code 1, and what was acknowledged is there."""
    work = workload(env)
    daemon = env.daemon(SMALL)
    try:
        segment = daemon.data / FIRST_SEGMENT
        start_with(daemon, strace(env, "fdatasync", "delay_enter=700000", segment))
        feeder = Feeder(daemon, work.lines, len(work.lines), 0.001)
        feeder.start()
        time.sleep(0.5)
        daemon.process.send_signal(signal.SIGTERM)
        time.sleep(1.2)
        begun = time.monotonic()
        daemon.process.send_signal(signal.SIGTERM)
        code = daemon.process.wait(30)
        seconds = time.monotonic() - begun
        acked, sent = feeder.finish(), feeder.sent
        expect(code in (0, 1), f"exit code 1, or 0 where it had just done, not {code}")
        expect(seconds < 5, f"at once, not after {seconds:.1f} s")
        daemon.start()
        settle(daemon, work, acked, sent, "after two SIGTERM")
    finally:
        daemon.discard()
    env.count("SIGTERM twice")
    return f"code {code} after {seconds:.1f} s"


@check
def stopped_and_continued_without_a_storm(env):
    """SIGSTOP and SIGCONT under the wall clock: what fell due meanwhile fires once, nothing else does."""
    config = {"clock": {"allowed_lateness": "0s"},
              "triggers": {"cart_abandoned": {"delay": "2s"}, "browse_abandoned": {"delay": "3s"}}}
    users = 40
    with env.daemon(config, clock=False) as daemon, daemon.subscriber() as subscriber:
        now = stamp(int(time.time()) * SECOND)
        rows = []
        for number in range(users):
            name = "add_to_cart" if number % 2 else "view_item"
            rows.append(f'{{"user_id":"u{number}","ts":"{now}","event":"{name}"}}\n'.encode())
        daemon.feed(rows)
        daemon.process.send_signal(signal.SIGSTOP)
        time.sleep(60 if env.long else 5)
        daemon.process.send_signal(signal.SIGCONT)
        subscriber.await_triggers(users)
        time.sleep(1.5)
        found = subscriber.triggers()
        expect_equal(len(found), users, "triggers: one for each user")
        expect_equal(len({row["user"] for row in found}), users, "users")
        expect_numbering(daemon.status.triggers())
    env.count("SIGSTOP and SIGCONT")


@check
def a_slow_disk_slows_acks_only(env):
    """Every fdatasync takes long: acks come late, nothing else is wrong, questions are answered."""
    work = workload(env)
    pause = 2_000_000 if env.long else 200_000
    daemon = env.daemon(WHOLE)
    try:
        start_with(daemon, strace(env, "fdatasync", f"delay_enter={pause}", daemon.data / FIRST_SEGMENT))
        with daemon.producer("feed") as producer:
            for start in range(0, len(work.lines), 200):
                producer.send(b"".join(work.lines[start:start + 200]))
                begun = time.monotonic()
                expect_equal(daemon.status.get("/healthz").status, 200, "/healthz")
                expect(time.monotonic() - begun < 1 + pause / 2e6, "the status port answers meanwhile")
            producer.sync(300)
        settle(daemon, work, len(work.lines), what="on a slow disk")
    finally:
        daemon.discard()
    env.count("slow fdatasync")


@check
def killed_between_commit_and_ack(env):
    """Acks never leave the daemon: the client sends everything again, and each line counts once."""
    work = workload(env)
    turns = 30 if env.long else 3
    for turn in range(turns):
        daemon = env.daemon(WHOLE)
        try:
            # Every send after the welcome fails, so that the commit is done and nobody hears of it.
            start_with(daemon, strace(env, "sendto", "error=EPIPE:when=2+"))
            size = 20 + env.random.randrange(len(work.lines) - 20)
            try:
                producer = daemon.producer("feed")
                producer.send(b"".join(work.lines[:size]))
                producer.wait_end(20)
                acked = acked_of(producer)
            except (ClientError, OSError):
                acked = 0
            daemon.kill()
            daemon.start()
            settle(daemon, work, acked, size, f"no ack arrived, {turn} (seed {env.seed})")
        finally:
            daemon.discard()
    env.count("ack lost after the commit", turns)
