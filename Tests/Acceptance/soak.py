#!/usr/bin/env python3
"""Hours of log in minutes: a scaled event clock, clients that come and go, models refitted, and what must
stay flat measured all along: memory, descriptors, files and their bytes.

A fixed population of users is active day after day. Everything that ages out (rolling windows, outbox,
journal, dead letters) does so several times within the run. What is kept of users for good, a day and an
amount for each purchase, still grows: it is told apart as `state` and held against the number of purchases,
and memory and files are held flat without it.
"""

import argparse
import json
import random
import sys
import time
from pathlib import Path

from client import ClientError
from faults import metric, resident
from features import DAY, SECOND, stamp
from harness import Env, Failed, expect, expect_equal

START = 1_719_792_000 * SECOND
USERS = 3000
CONFIG = {
    "snapshot": {"interval": "5s", "journal_bytes": 1 << 20}, "journal": {"segment_bytes": 1 << 20},
    "retention": {"outbox": {"count": 20000}, "dead_letters": {"count": 500}},
    "models": {"schedule": {"every": "7d", "at": "3h"}, "keep_versions": 5,
               "segments": {"k": 4, "restarts": 3}},
    "limits": {"dedupe_ids": 100000},
}
NAMES = ["session_start", "view_item", "view_item", "add_to_cart", "begin_checkout", "purchase", "login"]


class Traffic:
    """The log of one day after the other."""

    def __init__(self, seed):
        self.rng = random.Random(seed)
        self.now = START
        self.number = 0
        self.purchases = 0

    def day(self, events):
        rows = []
        for moment in sorted(self.rng.randrange(DAY) for _ in range(events)):
            self.number += 1
            if self.rng.random() < 0.002:
                rows.append(b"rubbish %d\n" % self.number)
                continue
            name = self.rng.choice(NAMES)
            row = {"user_id": f"user-{int(self.rng.random() ** 2 * USERS)}",
                   "ts": self.now + moment, "event": name, "event_id": f"e{self.number}", "device": self.rng.choice(["mobile", "desktop"]),
                   "media": f"m{self.rng.randrange(20)}"}
            if self.rng.random() < 0.02:
                row["ts"] -= self.rng.randrange(2 * DAY)
            if name == "purchase":
                self.purchases += 1
                row["items"] = [{"item_id": f"P{self.rng.randrange(50)}",
                                 "item_category": f"C{self.rng.randrange(8)}", "price": self.rng.randrange(1, 100000)}]
            rows.append(json.dumps(row).encode() + b"\n")
        self.now += DAY
        return b"".join(rows)


def measure(daemon, purchases=0):
    pid = daemon.process.pid
    found = [path for path in daemon.data.rglob("*") if path.is_file()]
    sizes = 0
    for path in found:
        try:
            sizes += path.stat().st_size
        except FileNotFoundError:
            continue  # a segment or snapshot that went meanwhile
    daemon.status.status()  # brings the metric of the state up to date
    state = metric(daemon, "roost_state_bytes") / (1 << 20)
    return {
        "state, MiB": state,
        "memory beyond": resident(pid) / (1 << 20) - state,
        "descriptors": len(list(Path(f"/proc/{pid}/fd").iterdir())),
        "threads": len(list(Path(f"/proc/{pid}/task").iterdir())),
        "files": len(found),
        "files beyond": sizes / (1 << 20) - state,
        "purchases": purchases,
    }


# How far the last quarter may lie above the second: a share, and an amount for small numbers.
ROOM = {"memory beyond": (0.05, 4), "descriptors": (0, 6), "threads": (0.5, 12), "files": (0.2, 8),
        "files beyond": (0.10, 6)}
# What one purchase may add to the state: 16 bytes of its day, and room in blocks that grow by a fifth.
PURCHASE_BYTES = 48


def mean(rows, key):
    return sum(row[key] for row in rows) / len(rows)


def visit(daemon, rng):
    """Clients that come and go beside the producer; how many lines they left."""
    kind = rng.randrange(5)
    if kind == 0:
        with daemon.wire() as wire:
            wire.send(b"a line without its end, which counts where the end is clean")
            wire.finish()
            wire.wait_end()
            return 1
    elif kind == 1:
        after = max(0, daemon.status.status()["outbox"]["last_seq"] - 100)
        with daemon.subscriber({"$resume": {"after": after}}):
            pass
    elif kind == 2:
        with daemon.subscriber({"$consumer": {"name": f"push-{rng.randrange(3)}"}}) as subscriber:
            subscriber.acknowledge(max(1, daemon.status.status()["outbox"]["last_seq"] - 50))
    elif kind == 3:
        daemon.status.users()
    else:
        daemon.status.get("/metrics")
    return 0


def soak(env, minutes, events):
    rng = random.Random(env.seed)
    traffic = Traffic(env.seed)
    rows, days, kills = [], 0, 0
    begun = time.monotonic()
    deadline = begun + minutes * 60
    daemon = env.daemon(CONFIG)
    try:
        daemon.start()
        lines = 0
        while time.monotonic() < deadline:
            with daemon.producer("soak") as producer:
                for _ in range(20):
                    data = traffic.day(events)
                    producer.send(data)
                    lines += data.count(b"\n")
                    days += 1
                    expect(producer.sync(120)["lines"] > 0, "it keeps up")
                    if time.monotonic() > deadline:
                        break
            for _ in range(3):
                try:
                    lines += visit(daemon, rng)
                except ClientError as error:
                    # A consumer whose cursor has fallen behind what is kept is told so.
                    expect("gap" in str(error), f"a visitor: {error}")
            rows.append(measure(daemon, traffic.purchases))
            print(f"{time.monotonic() - begun:7.0f} s {days:6} days  "
                  + "  ".join(f"{key} {value:.0f}" for key, value in rows[-1].items()), flush=True)
        status = daemon.status.status()
        expect_equal(status["ingest"]["lines"], lines, "lines")
        expect(status["users"] <= USERS, "users")
        daemon.kill()
        kills += 1
        daemon.start()
        expect_equal(daemon.status.status()["ingest"]["lines"], lines, "lines after a kill")
        expect_equal(daemon.terminate(120), 0, "exit code")
    finally:
        daemon.discard()
    return rows, days, lines, kills


def table(rows):
    """Second quarter against the last; whether all is flat."""
    quarter = max(1, len(rows) // 4)
    early, late = rows[quarter:2 * quarter], rows[-quarter:]
    flat = True
    print(f"{'':14}{'2nd quarter':>14}{'last quarter':>14}{'allowed':>12}")
    purchases = mean(late, "purchases") - mean(early, "purchases")
    room = {"state, MiB": (0, purchases * PURCHASE_BYTES / (1 << 20) + 0.5), **ROOM}
    for key, (share, amount) in room.items():
        before, after = mean(early, key), mean(late, key)
        allowed = before * (1 + share) + amount
        flat = flat and after <= allowed
        mark = "" if after <= allowed else "  GROWS"
        print(f"{key:14}{before:14.1f}{after:14.1f}{allowed:12.1f}{mark}")
    return flat


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--binary", default=".build/release/roost")
    parser.add_argument("--minutes", type=float, default=20)
    parser.add_argument("--events", type=int, default=4000, help="lines of a day")
    parser.add_argument("--seed", type=int, default=time.time_ns() % 1_000_000)
    arguments = parser.parse_args()
    print(f"seed {arguments.seed}")
    env = Env(str(Path(arguments.binary).resolve()), "../shared", True, arguments.seed)
    try:
        rows, days, lines, kills = soak(env, arguments.minutes, arguments.events)
        if len(rows) < 8:
            raise Failed(f"only {len(rows)} measurements: too few to say what is flat")
    except (Failed, ClientError) as failure:
        print(f"FAIL soak {failure} (seed {arguments.seed})")
        return 1
    flat = table(rows)
    print(f"{'ok' if flat else 'FAIL'} soak: {days * 24} hours of log, {lines} lines, {kills} kill")
    return 0 if flat else 1


if __name__ == "__main__":
    sys.exit(main())
