"""How faults are made: strace's injections, a small file system, damaged files; and how a run is settled.

After every fault the same is asked: all that was acknowledged is kept, nothing is kept that was not sent,
users and triggers equal the plain calculation, numbers have no gap, ids are unique.
"""

import os
import shutil
import signal
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import features
import triggers
from checks_state import FAR
from client import ClientError
from features import Advance, Config, stamp
from harness import (
    Failed, Skip, expect, expect_equal, expect_numbering, expect_triggers, expect_users)
from logs import synthetic

# Small files and frequent snapshots, so that every path is walked within a second or two.
SMALL = {"snapshot": {"interval": "1s", "journal_bytes": 65536}, "journal": {"segment_bytes": 65536}}
# Everything stays in one segment, and no snapshot is made before the stop.
WHOLE = {"snapshot": {"interval": "1h"}}
JOURNAL_FAILED, DATABASE_FAILED, STATE_FAILED = 3, 4, 5
FIRST_SEGMENT = "journal/00000000000000000001.journal"


@dataclass
class Workload:
    """Lines, and what a daemon that got them all must say."""

    lines: list
    log: object
    closed: int
    triggers: list
    users: dict


def workload(env, events=1200, users=50):
    def make():
        lines = synthetic(env.seed + 7, events=events, users=users)
        log = features.read_log(lines, Config())
        closed = log.now + FAR
        later = features.read_log([*lines, Advance(closed)], Config())
        return Workload(
            lines, log, closed, triggers.triggers(log, Config(), closed),
            features.features(later, Config()))

    return env.remember(("workload", events, users), make)


def settle(daemon, work, acked=0, sent=None, what="", name="feed", unusable=0):
    """Sends what is not kept, closes the log's time, and holds everything against the calculation."""
    with daemon.producer(name) as producer:
        kept = producer.next
        sent = len(work.lines) if sent is None else sent
        expect(acked <= kept <= sent, f"{what}: acked {acked} ≤ kept {kept} ≤ sent {sent}")
        producer.send(b"".join(work.lines[kept:]))
        producer.sync(120)
        expect_equal(producer.acked, len(work.lines), f"{what}: the last ack")
    daemon.advance(stamp(work.closed))
    check_all(daemon, work, what, unusable)
    return kept


def check_all(daemon, work, what, unusable=0):
    try:
        status = daemon.status.status()
        expect_equal(status["ingest"]["events"], len(work.log.events), "events")
        expect_equal(status["ingest"]["lines"], len(work.lines) + unusable, "lines")
        found = daemon.status.triggers()
        expect_numbering(found)
        expect_triggers(found, work.triggers)
        expect_users(daemon.status.users()[0], work.users)
    except Failed as failure:
        raise Failed(f"{what}: {failure}") from None


# --- strace -----------------------------------------------------------------------------------------

def strace(env, calls, inject, *paths, output="/dev/null"):
    """A prefix that runs the daemon under injection, of all calls or those on some files; the daemon stays
    the child that signals reach.

    strace counts calls for each thread, so `when=N` is the N-th of some thread.
    """
    if not env.remember("strace", lambda: traceable()):
        raise Skip("strace is not installed or may not trace here")
    prefix = ["strace", "-D", "-f", "-qq", "-o", str(output), "-e", "signal=none", "-e", f"trace={calls}"]
    for path in paths:
        prefix += ["-P", str(path)]
    return [*prefix, "-e", f"inject={calls}:{inject}"]


def traceable():
    if shutil.which("strace") is None:
        return False
    command = ["strace", "-D", "-f", "-qq", "-o", "/dev/null", "-e", "trace=write",
               "-e", "inject=write:signal=KILL:when=1", "echo"]
    return subprocess.run(command, capture_output=True, timeout=30).returncode == -signal.SIGKILL


def injected(output):
    """Calls that a strace log shows as injected."""
    return Path(output).read_text(errors="replace").count("(INJECTED)")


def killed(daemon, timeout=60):
    """Waits for the end of a daemon that was struck; whether it was killed."""
    try:
        code = daemon.process.wait(timeout)
    except subprocess.TimeoutExpired:
        daemon.kill()
        raise Failed(f"the daemon neither ended nor answered; it said {daemon.said(400)!r}") from None
    expect(code in (-signal.SIGKILL, 0), f"killed or done, not {code}; it said {daemon.said(400)!r}")
    return code == -signal.SIGKILL


def exit_code(daemon, timeout=30):
    """The code of a daemon that is to end by itself."""
    try:
        return daemon.process.wait(timeout)
    except subprocess.TimeoutExpired:
        raise Failed(f"it did not end within {timeout} s; it said {daemon.said(400)!r}") from None


def refused_start(daemon, timeout=60):
    """Starts a daemon that is to refuse; its code and what it said."""
    daemon.errors.write_bytes(b"")
    try:
        daemon.start(timeout)
    except ClientError:
        code = daemon.process.returncode
        expect(code is not None and code > 0, f"an exit code of its own, not {code}; {daemon.said(400)!r}")
        return code, daemon.said()
    raise Failed("it started")


def start_with(daemon, prefix):
    """Starts under a prefix for this time only."""
    usual, daemon.prefix = daemon.prefix, list(prefix)
    try:
        return daemon.start()
    finally:
        daemon.prefix = usual


def feed_until_struck(daemon, prefix, work, pieces=12, upto=None):
    """Runs a daemon under injection, feeds it and stops it in order, until it dies of the injection.

    Returns (acked, sent, whether it was killed).
    """
    acked = sent = 0
    upto = len(work.lines) if upto is None else upto
    producer = None
    try:
        start_with(daemon, prefix)
        producer = daemon.producer("feed")
        sent = producer.next
        size = max(1, (upto - sent) // pieces + 1)
        while sent < upto:
            part = work.lines[sent:min(sent + size, upto)]
            sent += len(part)
            producer.send(b"".join(part))
            producer.wait("an ack", lambda rows, least=sent: producer.acked >= least)
        daemon.process.send_signal(signal.SIGTERM)
        return acked_of(producer), sent, killed(daemon)
    except (ClientError, OSError) as error:
        if not killed(daemon):
            raise Failed(f"it was not killed, and yet: {error}; it said {daemon.said(400)!r}") from None
        return acked_of(producer), sent, True
    finally:
        if daemon.process and daemon.process.stdout:
            daemon.process.stdout.close()


def acked_of(producer):
    if producer is None or producer.next is None:
        return 0
    producer.close()
    return producer.acked


# --- files ------------------------------------------------------------------------------------------

def files(daemon, pattern):
    return sorted(path for path in daemon.data.glob(pattern) if path.is_file())


def flip(path, offset, bit):
    with path.open("r+b") as file:
        file.seek(offset)
        byte = file.read(1)[0]
        file.seek(offset)
        file.write(bytes([byte ^ (1 << bit)]))


class Saved:
    """A data directory as it was, to be damaged again and again."""

    def __init__(self, daemon):
        self.daemon = daemon
        self.copy = daemon.home / "saved"
        shutil.copytree(daemon.data, self.copy)

    def restore(self):
        shutil.rmtree(self.daemon.data)
        shutil.copytree(self.copy, self.daemon.data)


# --- a file system without room -----------------------------------------------------------------------

class SmallDisk:
    """A tmpfs of a few megabytes in a mount namespace of its own, with a file that takes its room."""

    SCRIPT = 'mount -t tmpfs -o size="$2" tmpfs "$1" && echo mounted && exec cat'

    def __init__(self, size):
        self.point = Path(tempfile.mkdtemp(prefix="roost-small-"))
        self.holder = subprocess.Popen(
            ["unshare", "-Urm", "sh", "-c", self.SCRIPT, "sh", str(self.point), size],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        if self.holder.stdout.readline() != b"mounted\n":
            self.close()
            raise Skip("no tmpfs may be mounted in a namespace of one's own here")
        self.prefix = ["nsenter", "-t", str(self.holder.pid), "-U", "-m", "--preserve-credentials"]
        self.inside = Path(f"/proc/{self.holder.pid}/root{self.point}")
        self.data = self.point / "data"

    def fill(self, leave=0):
        """Takes all room but so many bytes."""
        free = os.statvfs(self.inside)
        room = free.f_bavail * free.f_frsize - leave
        with (self.inside / "filler").open("ab") as filler:
            filler.write(b"\0" * max(0, room))

    def free(self):
        (self.inside / "filler").unlink(missing_ok=True)

    def close(self):
        if self.holder.stdin:
            self.holder.stdin.close()
        self.holder.wait(10)
        self.holder.stdout.close()
        shutil.rmtree(self.point, ignore_errors=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def wait_said(daemon, text, timeout=30):
    deadline = time.monotonic() + timeout
    while text not in daemon.said(20_000):
        if time.monotonic() > deadline:
            raise Failed(f"it did not say {text!r} within {timeout} s but {daemon.said(400)!r}")
        time.sleep(0.05)


def metric(daemon, name):
    """A number of /metrics."""
    for row in daemon.status.get("/metrics").body.decode().splitlines():
        if row.split("{")[0].split(" ")[0] == name:
            return float(row.rsplit(" ", 1)[1])
    raise Failed(f"there is no metric {name}")


def resident(process):
    """Resident memory, bytes."""
    fields = Path(f"/proc/{process}/statm").read_text().split()
    return int(fields[1]) * os.sysconf("SC_PAGESIZE")
