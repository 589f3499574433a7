"""Damaged files: bits flipped, pages of rubbish, zeros, torn tails. Never taken for whole, never for empty."""

import os
import random
import sqlite3
import time

from client import ClientError
from faults import (
    DATABASE_FAILED, FIRST_SEGMENT, JOURNAL_FAILED, SMALL, STATE_FAILED, WHOLE, Saved, files, flip,
    refused_start, settle, wait_said, workload)
from harness import Failed, check, check_each, expect, expect_equal


@check
def flipped_bits_of_the_journal_are_refused(env):
    """A bit flipped in the middle: the start is refused with file and offset, and nothing is changed."""
    work = workload(env)
    flips = 200 if env.long else 8
    daemon = env.daemon(WHOLE)
    try:
        daemon.start()
        for start in range(0, 1000, 50):
            daemon.feed(work.lines[start:start + 50], name="feed")
        daemon.kill()
        segment = daemon.data / FIRST_SEGMENT
        whole = segment.read_bytes()
        rng = random.Random(env.seed)
        for turn in range(flips):
            # Not in the last commits, which a crash might have torn, nor in the header's reserve.
            place = rng.randrange(40, len(whole) * 8 // 10)
            flip(segment, place, rng.randrange(8))
            damaged = segment.read_bytes()
            code, said = refused_start(daemon)
            where = f"flip {turn} at byte {place} (seed {env.seed}): {said[-300:]!r}"
            expect_equal(code, JOURNAL_FAILED, f"exit code, {where}")
            expect(str(segment) in said and "at byte" in said, f"file and offset are named, {where}")
            expect(segment.read_bytes() == damaged, f"the file is left as it was, {where}")
            segment.write_bytes(whole)
        daemon.start()
        settle(daemon, work, 1000, 1000, "with the bits put right")
    finally:
        daemon.discard()
    env.count("bit flipped in a segment", flips)


@check_each("replayed", "refused")
def flipped_bits_of_snapshots(env, how):
    """Where the journal reaches back, a damaged snapshot is made again; where not, it is refused and named."""
    work = workload(env, 6000, 150)
    turns = 40 if env.long else 4
    daemon = env.daemon(WHOLE if how == "replayed" else SMALL)
    try:
        daemon.start()
        sent = len(work.lines) * 3 // 4
        for start in range(0, sent, 500):
            daemon.feed(work.lines[start:min(start + 500, sent)], name="feed")
        expect_equal(daemon.terminate(), 0, "exit code")
        if how == "refused":
            expect(not (daemon.data / FIRST_SEGMENT).exists(), "the first segment is cut away")
        saved = Saved(daemon)
        for turn in range(turns):
            saved.restore()
            path = env.random.choice(files(daemon, "snapshots/*.snap"))
            flip(path, env.random.randrange(path.stat().st_size), env.random.randrange(8))
            if how == "refused":
                code, said = refused_start(daemon)
                expect(code in (JOURNAL_FAILED, STATE_FAILED), f"exit code of its own, not {code}")
                expect(path.name in said or str(path) in said, f"the file is named: {said[-400:]!r}")
                continue
            daemon.start()
            wait_said(daemon, "made again from the journal")
            if turn % 4 == 0:
                settle(daemon, work, sent, sent, f"{path.name} damaged (seed {env.seed})")
            daemon.kill()
        saved.restore()
    finally:
        daemon.discard()
    env.count(f"bit flipped in a snapshot, {how}", turns)


@check_each("outbox.db", "registry.db", "cursors.db", "deadletters.db")
def damaged_database_pages(env, name):
    """Rubbish in place of a page: a clear error and exit code, or an error where it is read; never a crash."""
    work = workload(env)
    turns = 24 if env.long else 3
    daemon = env.daemon(WHOLE)
    refused = 0
    try:
        daemon.start()
        daemon.feed([*work.lines[:800], *[b"rubbish\n"] * 200], name="feed")
        daemon.status.refit("segments")
        with daemon.subscriber({"$consumer": {"name": "push"}}) as subscriber:
            subscriber.acknowledge(1)
            time.sleep(0.2)
        expect_equal(daemon.terminate(), 0, "exit code")
        path = daemon.data / name
        fold(path)
        saved = Saved(daemon)
        pages = path.stat().st_size // 4096
        for turn in range(turns):
            saved.restore()
            page = turn % pages if turn < 2 else env.random.randrange(pages)
            with path.open("r+b") as file:
                file.seek(page * 4096)
                file.write(random.Random(env.seed + turn).randbytes(4096))
            try:
                daemon.start()
            except ClientError:
                refused += 1
                code = daemon.process.returncode
                said = daemon.said()
                expect_equal(code, DATABASE_FAILED, f"page {page} of {name}: exit code; {said[-300:]!r}")
                expect(name in said, f"page {page}: the file is named: {said[-300:]!r}")
                continue
            exercise(daemon, work)
            if daemon.running:
                daemon.kill()
            else:
                expect_equal(daemon.process.returncode, DATABASE_FAILED, f"page {page} of {name}: exit code")
        expect(refused > 0, "the first page is not taken for a database")
    finally:
        daemon.discard()
    env.count(f"damaged page of {name}", turns)
    return f"{refused} of {turns} starts refused"


def fold(path):
    """Takes the write-ahead log into the file, so that a damaged page is what is read."""
    database = sqlite3.connect(path)
    database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    database.close()


def exercise(daemon, work):
    """Goes through what reads the databases; an error is an answer, a crash is not."""
    try:
        daemon.status.get("/v1/triggers?after=0&limit=1000")
        daemon.status.get("/v1/dead-letters?after=0&limit=1000")
        daemon.status.get("/v1/models/segments")
        daemon.feed(work.lines[800:1000], name="feed")
        with daemon.subscriber({"$consumer": {"name": "push"}}):
            pass
    except (ClientError, OSError):
        pass
    time.sleep(0.1)


@check_each("segment", "snapshot", "outbox.db", "store.json")
def zeroed_files(env, what):
    """A file of zeros: refused and named, or made again from what remains; never taken for empty."""
    work = workload(env)
    daemon = env.daemon(WHOLE)
    try:
        daemon.start()
        daemon.feed(work.lines[:1000], name="feed")
        expect_equal(daemon.terminate(), 0, "exit code")
        pattern = {"segment": "journal/*.journal", "snapshot": "snapshots/*.snap"}.get(what, what)
        path = files(daemon, pattern)[0]
        if what == "outbox.db":
            fold(path)
        path.write_bytes(b"\0" * path.stat().st_size)
        if what == "snapshot":
            daemon.start()
            settle(daemon, work, 1000, 1000, f"{path.name} zeroed")
        else:
            code, said = refused_start(daemon)
            expected = {"segment": JOURNAL_FAILED, "outbox.db": DATABASE_FAILED, "store.json": 1}[what]
            expect_equal(code, expected, f"exit code; it said {said[-300:]!r}")
            expect(str(daemon.data) in said, f"what is wrong is named: {said[-300:]!r}")
    finally:
        daemon.discard()
    env.count(f"zeroed file: {what}")


@check
def torn_tails_of_the_last_record(env):
    """The journal cut at a length of its last record: what was whole is there, the rest is sent again."""
    work = workload(env)
    daemon = env.daemon(WHOLE)
    try:
        daemon.start()
        daemon.feed(work.lines[:600], name="feed")
        daemon.kill()
        saved = Saved(daemon)
        before = (daemon.data / FIRST_SEGMENT).stat().st_size
        daemon.start()
        daemon.feed(work.lines[600:620], name="feed")
        daemon.kill()
        segment = daemon.data / FIRST_SEGMENT
        after = segment.stat().st_size
        torn = segment.read_bytes()
        lengths = range(before, after) if env.long else sorted(env.random.sample(range(before, after), 6))
        for length in lengths:
            saved.restore()
            segment.write_bytes(torn[:length])
            try:
                daemon.start()
            except ClientError:
                raise Failed(f"cut at {length} of {after}: {daemon.said(400)!r}") from None
            with daemon.producer("feed") as probe:
                expect_equal(probe.next, 600, f"lines kept, cut at {length} of {after}")
            daemon.kill()
        daemon.start()
        settle(daemon, work, 600, 600, "after torn tails")
    finally:
        daemon.discard()
    env.count("torn tail", len(lengths))


@check
def a_journal_that_lost_acknowledged_records_is_refused(env):
    """The outbox has triggers of records that the journal lacks: refused, for their numbers would come again."""
    work = workload(env)
    daemon = env.daemon(WHOLE)
    try:
        daemon.start()
        for start in range(0, 1000, 100):
            daemon.feed(work.lines[start:start + 100], name="feed")
        daemon.kill()
        segment = daemon.data / FIRST_SEGMENT
        os.truncate(segment, segment.stat().st_size // 2)
        code, said = refused_start(daemon)
        expect_equal(code, JOURNAL_FAILED, f"exit code; it said {said[-300:]!r}")
        expect("lacks the records" in said, f"which are missing is said: {said[-300:]!r}")
    finally:
        daemon.discard()
    env.count("journal cut below the outbox")
