"""Disks that fail, fill up, lie damaged, are locked or are not there."""

import os
import shutil
import socket
import sqlite3
import subprocess
import threading
import time

from checks_recovery import Feeder
from checks_state import line
from client import address
from features import SECOND
from faults import (
    DATABASE_FAILED, FIRST_SEGMENT, JOURNAL_FAILED, SMALL, WHOLE, SmallDisk, acked_of, exit_code, files,
    injected, metric, refused_start, settle, start_with, strace, wait_said, workload)
from harness import Skip, check, check_each, expect, expect_equal

# --- calls that fail ------------------------------------------------------------------------------------


@check_each("fdatasync", "pwrite64")
def an_io_error_of_the_journal_stops_it(env, call):
    """EIO on the journal: no further ack, an exit code of its own, and the call is not tried again."""
    work = workload(env)
    daemon = env.daemon(WHOLE)
    try:
        log = daemon.home / "strace.log"
        segment = daemon.data / FIRST_SEGMENT
        # In a new store a thread's first calls there are the header's and the settings' records.
        first = 3 if call == "pwrite64" else 2
        start_with(daemon, strace(env, call, f"error=EIO:when={first}+", segment, output=log))
        producer = daemon.producer("feed")
        sent = 0
        try:
            while sent < len(work.lines):
                producer.send(b"".join(work.lines[sent:sent + 10]))
                sent += 10
                time.sleep(0.01)
        except OSError:
            pass
        code = exit_code(daemon)
        acked = acked_of(producer)
        expect_equal(code, JOURNAL_FAILED, f"exit code; it said {daemon.said(300)!r}")
        expect("journal" in daemon.said() and "without further acks" in daemon.said(), "it says why")
        expect_equal(injected(log), 1, f"{call} calls on the journal after the failure, itself included")
        daemon.start()
        settle(daemon, work, acked, sent, f"after EIO of {call}")
    finally:
        daemon.discard()
    env.count(f"EIO on the journal: {call}")


@check
def an_io_error_of_the_outbox_stops_it(env):
    """EIO on the outbox: an exit code of its own, and nothing is lost or twice after the next start."""
    work = workload(env)
    daemon = env.daemon(WHOLE)
    try:
        daemon.start()
        expect_equal(daemon.terminate(), 0, "exit code")
        start_with(daemon, strace(env, "pwrite64", "error=EIO:when=3+", daemon.data / "outbox.db-wal"))
        producer = daemon.producer("feed")
        sent = 0
        try:
            while sent < len(work.lines):
                producer.send(b"".join(work.lines[sent:sent + 50]))
                sent += 50
                time.sleep(0.01)
        except OSError:
            pass
        code = exit_code(daemon)
        expect_equal(code, DATABASE_FAILED, f"exit code; it said {daemon.said(300)!r}")
        daemon.start()
        settle(daemon, work, acked_of(producer), min(sent, len(work.lines)), "after EIO of the outbox")
    finally:
        daemon.discard()
    env.count("EIO on the outbox")


@check
def no_room_for_the_journal_by_injection(env):
    """ENOSPC on the journal's write: no ack meanwhile, and it goes on by itself."""
    work = workload(env)
    turns = 20 if env.long else 2
    for turn in range(turns):
        first = 3 + env.random.randrange(3)
        daemon = env.daemon(WHOLE)
        try:
            prefix = strace(
                env, "pwrite64", f"error=ENOSPC:when={first}..{first + 3}", daemon.data / FIRST_SEGMENT)
            start_with(daemon, prefix)
            with daemon.producer("feed") as producer:
                # Each piece is a write of its own, and calls are counted by thread: many, so that the one
                # that fails comes.
                for start in range(0, len(work.lines), 15):
                    producer.send(b"".join(work.lines[start:start + 15]))
                    producer.sync(60)
                acked = producer.acked
            expect(metric(daemon, "roost_journal_stalls_total") > 0, "stalls are counted")
            expect("no room on disk" in daemon.said(), "it says so")
            settle(daemon, work, acked, what=f"ENOSPC from write {first} (seed {env.seed})")
            daemon.kill()
            daemon.start()
            settle(daemon, work, len(work.lines), what="and after a kill")
        finally:
            daemon.discard()
    env.count("ENOSPC on the journal, injected", turns)


@check_each("journal", "outbox")
def a_full_disk_is_waited_for(env, what):
    """A file system without room, part of a record written: intake pauses, and goes on when there is room."""
    work = workload(env)
    turns = 12 if env.long else 2
    with SmallDisk("24m") as disk:
        for turn in range(turns):
            full_disk_round(env, disk, work, what, turn)
    env.count(f"full disk, {what} under load", turns)


def full_disk_round(env, disk, work, what, turn):
    daemon = env.daemon(WHOLE, data_dir=disk.data, prefix=disk.prefix)
    try:
        daemon.start()
        # A little is left, so that the record that meets the end is part-written.
        disk.fill(leave=env.random.randrange(3) * 4096 if what == "journal" else 24 * 4096)
        feeder = Feeder(daemon, work.lines, len(work.lines), 0.002)
        feeder.start()
        wait_said(daemon, "no room on disk")
        time.sleep(0.7)
        expect(daemon.running, f"it goes on running; it said {daemon.said(300)!r}")
        stood = acked_while_full(feeder)
        if turn % 2:  # killed while there is no room
            daemon.kill()
            acked, sent = feeder.finish(), feeder.sent
            disk.free()
            daemon.start()
            settle(daemon, work, acked, sent, f"full disk, killed (seed {env.seed})")
        else:
            disk.free()
            feeder.join(120)
            feeder.producer.sync(60)
            feeder.finish()
            settle(daemon, work, stood, what=f"full disk, {turn} (seed {env.seed})")
        daemon.kill()
        daemon.start()
        settle(daemon, work, len(work.lines), what="full disk, after a kill")
    finally:
        if daemon.running:
            daemon.kill()
        shutil.rmtree(disk.inside / "data", ignore_errors=True)
        disk.free()
        daemon.discard()


def acked_while_full(feeder):
    first = feeder.producer.acked
    time.sleep(0.5)
    expect_equal(feeder.producer.acked, first, "nothing is acknowledged while there is no room")
    return first


@check
def no_room_for_a_snapshot(env):
    """ENOSPC in a snapshot: abandoned and counted, the old one kept, the stream complete."""
    work = workload(env)
    for call in ["rename", "fsync", "openat"] if env.long else ["rename", "fsync"]:
        daemon = env.daemon(SMALL)
        try:
            daemon.start()
            daemon.feed(work.lines[:400], name="feed")
            expect_equal(daemon.terminate(), 0, "exit code")
            kept = {path.name for path in files(daemon, "snapshots/*")}
            # rename is of snapshots alone; fsync and openat are let pass until the start is over.
            when = "1+" if call == "rename" else "200+"
            start_with(daemon, strace(env, call, f"error=ENOSPC:when={when}"))
            daemon.feed(work.lines[400:800], name="feed")
            if call == "rename":
                wait_said(daemon, "snapshot: abandoned")
                expect_equal(metric(daemon, "roost_snapshot_failures_total"), 1, "failures counted")
                now = {path.name for path in files(daemon, "snapshots/*")}
                expect_equal(now, kept, "the snapshots before, and nothing half written")
            daemon.kill()
            daemon.start()
            settle(daemon, work, 800, 800, f"after ENOSPC of {call} in a snapshot")
        finally:
            daemon.discard()
        env.count("ENOSPC in a snapshot")


@check
def a_file_that_may_not_grow(env):
    """RLIMIT_FSIZE: a failed write like any other: its exit code, part-written record cut at the start."""
    if shutil.which("prlimit") is None:
        raise Skip("prlimit is not installed")
    work = workload(env)
    turns = 10 if env.long else 2
    for _ in range(turns):
        daemon = env.daemon(WHOLE)
        try:
            start_with(daemon, [])
            daemon.feed(work.lines[:100], name="feed")
            size = (daemon.data / FIRST_SEGMENT).stat().st_size + 1 + env.random.randrange(2000)
            subprocess.run(
                ["prlimit", "--pid", str(daemon.process.pid), f"--fsize={size}:{size}"], check=True)
            feeder = Feeder(daemon, work.lines, len(work.lines), 0.002)
            feeder.start()
            code = exit_code(daemon)
            acked, sent = feeder.finish(), feeder.sent
            expect(code in (JOURNAL_FAILED, DATABASE_FAILED), f"exit code of its own, not {code}")
            daemon.start()
            settle(daemon, work, acked, sent, f"file size limit {size} (seed {env.seed})")
        finally:
            daemon.discard()
    env.count("part-written record at a file size limit", turns)


# --- locked, missing, not ours ----------------------------------------------------------------------------

@check
def a_locked_outbox_is_waited_for(env):
    """Another process has the outbox locked: acks go on, triggers come when it lets go."""
    work = workload(env)
    seconds = 40 if env.long else 3
    with env.daemon(WHOLE) as daemon:
        daemon.feed(work.lines[:100], name="feed")
        other = sqlite3.connect(daemon.data / "outbox.db", isolation_level=None, check_same_thread=False)
        other.execute("BEGIN IMMEDIATE")
        release = threading.Timer(seconds, lambda: (other.execute("ROLLBACK"), other.close()))
        release.start()
        with daemon.producer("feed") as producer:
            producer.send(b"".join(work.lines[100:200]))
            producer.wait("an ack under the lock", lambda rows: producer.acked >= 200)
            producer.send(b"".join(work.lines[200:]))
            producer.sync(seconds + 60)
        release.join()
        expect(daemon.running, f"it goes on; it said {daemon.said(300)!r}")
        settle(daemon, work, len(work.lines), what=f"after a lock of {seconds} s")
    env.count("outbox locked by another process")


@check
def a_long_reader_of_the_outbox(env):
    """Another process reads the outbox for long: its write-ahead log grows meanwhile, and shrinks after."""
    work = workload(env)
    with env.daemon(SMALL) as daemon:
        daemon.feed(work.lines[:200], name="feed")
        other = sqlite3.connect(daemon.data / "outbox.db", isolation_level=None)
        other.execute("BEGIN")
        other.execute("SELECT count(*) FROM sqlite_master").fetchall()
        count = 200_000 if env.long else 20_000
        rows = [line(f"w{n}", work.closed + n * SECOND, "sign_up") for n in range(count)]
        for start in range(0, len(rows), 2000):
            daemon.feed(rows[start:start + 2000], name="others")
        grown = (daemon.data / "outbox.db-wal").stat().st_size
        other.execute("ROLLBACK")
        other.close()
        for start in range(0, len(rows), 2000):
            daemon.feed([row.replace(b"w", b"v", 1) for row in rows[start:start + 2000]], name="others")
        after = (daemon.data / "outbox.db-wal").stat().st_size
        expect(after <= max(grown, 20 << 20), f"the log shrinks: {grown} bytes, then {after}")
        expect_equal(daemon.terminate(60), 0, "exit code")
        daemon.start()
        expect_equal(daemon.status.status()["ingest"]["lines"], 200 + 2 * len(rows), "lines")
    env.count("long reader of the outbox")
    return f"{grown >> 10} KiB under the reader, {after >> 10} KiB after"


def unprivileged(env):
    """A prefix under which file modes count."""
    if os.geteuid() != 0:
        return []
    if shutil.which("setpriv") is None:
        raise Skip("setpriv is not installed, and root may write anywhere")
    prefix = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
    if subprocess.run([*prefix, env.binary, "--help"], capture_output=True).returncode:
        raise Skip("the binary cannot be run by another user here")
    return prefix


@check_each("read-only", "wrong owner", "no parent", "a file")
def unusable_data_directories(env, what):
    """Refused with code 1 and named, before a port is opened."""
    daemon = env.daemon(WHOLE, prefix=[] if what in ("no parent", "a file") else unprivileged(env))
    try:
        daemon.home.chmod(0o755)
        if what == "no parent":
            daemon.data = daemon.home / "not" / "there"
        elif what == "a file":
            daemon.data.write_text("a file\n")
        else:
            daemon.data.mkdir()
            daemon.data.chmod(0o555 if what == "read-only" else 0o700)
            if what == "read-only" and os.geteuid() == 0:
                os.chown(daemon.data, 65534, 65534)
            if what == "wrong owner" and os.geteuid() != 0:
                raise Skip("only root can make a directory that is somebody else's")
        daemon.config["data_dir"] = str(daemon.data)
        code, said = refused_start(daemon)
        expect_equal(code, 1, f"exit code; it said {said[-300:]!r}")
        expect(str(daemon.data) in said, f"the directory is named: {said[-300:]!r}")
    finally:
        daemon.discard()
    env.count(f"data directory: {what}")


@check
def a_log_that_nobody_reads(env):
    """Standard error is a pipe that is full: ingest, answers and the stop go on."""
    work = workload(env)
    daemon = env.daemon({**WHOLE, "limits": {"unusable_lines": 1}})
    try:
        reader, writer = os.pipe()
        daemon.path.parent.mkdir(exist_ok=True)
        # A shell puts the full pipe in the place of standard error.
        daemon.prefix = ["sh", "-c", f'exec "$@" 2>/dev/fd/{writer}', "sh"]
        os.set_inheritable(writer, True)
        usual = subprocess.Popen
        try:
            subprocess.Popen = lambda *a, **k: usual(*a, **{**k, "close_fds": False})
            daemon.start()
        finally:
            subprocess.Popen = usual
        os.set_blocking(writer, False)
        try:
            while True:
                os.write(writer, b"x" * 65536)
        except BlockingIOError:
            pass
        refused = 40
        for _ in range(refused):
            with daemon.wire() as wire:
                wire.send(b"rubbish\n" * 3)
                wire.wait_end(20)
        settle(daemon, work, what="with a full log pipe", unusable=refused)
        expect_equal(daemon.terminate(30), 0, "exit code")
        os.close(reader)
        os.close(writer)
    finally:
        daemon.discard()
    env.count("log pipe that nobody reads")


@check
def descriptors_run_out(env):
    """More clients than descriptors: none of it kills the daemon or spins it, and it recovers by itself."""
    if shutil.which("prlimit") is None:
        raise Skip("prlimit is not installed")
    work = workload(env)
    with env.daemon(SMALL, prefix=["prlimit", "--nofile=96:96"]) as daemon:
        feeder = Feeder(daemon, work.lines, len(work.lines), 0.02)
        feeder.start()
        wires = []
        try:
            for port in ("ingest", "triggers", "status") * 70:
                wires.append(open_socket(daemon, port))
            begun = cpu_seconds(daemon.process.pid)
            time.sleep(4)
            spent = cpu_seconds(daemon.process.pid) - begun
        finally:
            for wire in wires:
                wire.close()
        expect(daemon.running, f"it goes on; exit code {daemon.process.poll()}, {daemon.said(400)!r}")
        expect(spent < 3, f"it does not spin: {spent:.1f} s of 4 s")
        feeder.join(120)
        feeder.producer.sync(60)
        acked = feeder.finish()
        settle(daemon, work, acked, what="after descriptors ran out")
    env.count("descriptors exhausted")


def open_socket(daemon, port):
    return socket.create_connection(address(daemon.ready[port]), timeout=10)


def cpu_seconds(process):
    with open(f"/proc/{process}/stat", encoding="ascii") as file:
        fields = file.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
