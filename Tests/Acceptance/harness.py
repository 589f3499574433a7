"""Named checks, what they share, and how they are told."""

import random
import time
import traceback
from collections import Counter
from pathlib import Path

import features
import logs
import triggers
from client import ClientError, Daemon, merged


class Failed(Exception):
    """A sentence about what was not as the contract says."""


class Skip(Exception):
    """Why a check could not be made here."""


CHECKS = []


def check(function):
    """Registers a check under its function's name."""
    CHECKS.append((function.__name__, function))
    return function


def check_each(*cases):
    """Registers a check for each case, `name[case]`."""
    def register(function):
        for case in cases:
            label = ",".join(case) if isinstance(case, tuple) else str(case)
            arguments = case if isinstance(case, tuple) else (case,)

            def bound(env, arguments=arguments):
                return function(env, *arguments)

            bound.__module__ = function.__module__
            CHECKS.append((f"{function.__name__}[{label}]", bound))
        return function
    return register


def expect(condition, sentence):
    if not condition:
        raise Failed(sentence)


def expect_equal(actual, expected, what):
    if actual != expected:
        raise Failed(f"{what}: expected {expected!r:.300}, got {actual!r:.300}")


def expect_sequence(actual, expected, what):
    """Equal lists; says where they part."""
    for index, (a, e) in enumerate(zip(actual, expected)):
        if a != e:
            raise Failed(f"{what}, entry {index}: expected {e!r:.300}, got {a!r:.300}")
    expect_equal(len(actual), len(expected), f"{what}, length")


def eventually(what, condition, timeout=30.0, pause=0.05):
    """Waits for something that only wall time brings."""
    deadline = time.monotonic() + timeout
    while True:
        result = condition()
        if result:
            return result
        if time.monotonic() > deadline:
            raise Failed(f"{what} within {timeout} s")
        time.sleep(pause)


EVENT_CLOCK = {"clock": {"mode": "event", "allowed_lateness": "60s"}}
CONFIGS = {
    "utc": ({}, features.Config()),
    "seoul": ({"clock": {"timezone": "Asia/Seoul"}}, features.Config(zone="Asia/Seoul")),
    "new_york_short_gaps": (
        {"clock": {"timezone": "America/New_York", "allowed_lateness": "0s"},
         "sessions": {"short_gap": "10m", "long_gap": "6h"}},
        features.Config(
            zone="America/New_York", short_gap=10 * features.MINUTE, long_gap=6 * features.HOUR,
            lateness=0)),
}


class Env:
    def __init__(self, binary, shared, long, seed):
        self.binary, self.shared, self.long, self.seed = binary, Path(shared), long, seed
        self.random = random.Random(seed)
        self.known = {}
        self.faults = Counter()

    def count(self, kind, number=1):
        """Notes faults that were injected, and outlived."""
        self.faults[kind] += number

    def daemon(self, config=None, clock=True, **options):
        """A daemon under the event clock (or as configured), not yet started."""
        return Daemon(self.binary, merged(EVENT_CLOCK if clock else {}, config or {}), **options)

    def log(self, name):
        """Lines of a log by name; skips where a real one is absent."""
        if name not in self.known:
            if name == "synthetic":
                self.known[name] = logs.synthetic(self.seed)
            elif name == "synthetic_long":
                self.known[name] = logs.synthetic(self.seed + 1, events=40_000, users=800)
            else:
                self.known[name] = logs.real(name, self.shared)
        if self.known[name] is None:
            raise Skip(f"{self.shared}/data/events/{name}.ndjson.gz is not here")
        return self.known[name]

    def corpora(self):
        folder = self.shared / "data" / "corpora"
        if not folder.is_dir():
            raise Skip(f"{folder} is not here")
        return folder

    def remember(self, key, make):
        if key not in self.known:
            self.known[key] = make()
        if isinstance(self.known[key], Exception):
            raise self.known[key]
        return self.known[key]


def expect_users(actual, expected):
    """Every user equal to the plain calculation."""
    missing = expected.keys() - actual.keys()
    extra = actual.keys() - expected.keys()
    expect(not missing, f"{len(missing)} users missing, {sorted(missing)[:3]}")
    expect(not extra, f"{len(extra)} users too many, {sorted(extra)[:3]}")
    wrong = []
    for user, plain in expected.items():
        found = features.differences(plain, actual[user])
        if found:
            wrong.append(f"user {user!r}: " + "; ".join(found[:3]))
    expect(not wrong, f"{len(wrong)} of {len(expected)} users differ: " + " | ".join(wrong[:3]))


def due_of(trigger):
    """A trigger as the plain calculation names it."""
    moment = features.parse_stamp(trigger["due"], features.UTC)
    return triggers.Due(moment, trigger["rule"], trigger["user"].encode("utf-8", "surrogatepass"))


def expect_triggers(actual, expected):
    """The same (rule, user, due), in the order of their numbers; what concerns no user has a check of its own."""
    got = [due_of(trigger) for trigger in actual if "user" in trigger]
    missing, extra = set(expected) - set(got), set(got) - set(expected)
    expect(
        not missing and not extra,
        f"{len(missing)} missing {sorted(missing)[:3]}, {len(extra)} not expected {sorted(extra)[:3]}")
    expect_equal(len(got), len(expected), "number of triggers")
    expect_sequence(got, expected, "order of triggers")


def expect_numbering(actual):
    expect_sequence([t["seq"] for t in actual], list(range(1, len(actual) + 1)), "trigger numbers")
    expect_equal(len({t["id"] for t in actual}), len(actual), "different trigger ids")


def selected(only, modules):
    """Checks of these names, or of modules whose names begin so; all where neither is given."""
    for name, function in CHECKS:
        named = any(o in (name, name.split("[")[0]) for o in only or [])
        kept = any(function.__module__.startswith(f"checks_{module}") for module in modules or [])
        if named or kept or not (only or modules):
            yield name, function


def run(env, only, out, modules=None):
    passed = failed = skipped = 0
    for name, function in selected(only, modules):
        begun = time.monotonic()
        try:
            note = function(env)
        except Skip as skip:
            skipped += 1
            out(f"SKIP {name} {skip}")
        except (Failed, ClientError) as failure:
            failed += 1
            out(f"FAIL {name} {failure}")
        except Exception as error:  # a check that breaks is a failed check, and says where
            failed += 1
            where = traceback.extract_tb(error.__traceback__)[-1]
            out(f"FAIL {name} {type(error).__name__}: {error} ({Path(where.filename).name}:{where.lineno})")
        else:
            passed += 1
            seconds = time.monotonic() - begun
            out(f"ok {name} ({seconds:.1f} s)" + (f": {note}" if note else ""))
    if env.faults:
        out("faults injected, by kind:")
        for kind, number in sorted(env.faults.items()):
            out(f"{number:8} {kind}")
        out(f"{sum(env.faults.values()):8} in all (seed {env.seed})")
    out(f"{passed} passed, {failed} failed, {skipped} skipped")
    return passed, failed, skipped
