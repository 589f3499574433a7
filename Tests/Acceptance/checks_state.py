"""Every user and every trigger of every log, held against the plain calculation."""

import json
import random
import shutil
from dataclasses import dataclass

import features
import triggers
from features import DAY, HOUR, MINUTE, SECOND, Advance, Config, stamp
from harness import (
    CONFIGS, Failed, Skip, check, check_each, due_of, eventually, expect, expect_equal, expect_numbering,
    expect_sequence, expect_triggers, expect_users)
from logs import REAL, shuffled, synthetic

LOGS = ["synthetic", *REAL]
CASES = [(log, config) for log in LOGS for config in ("utc", "seoul")] + [
    ("google_store_a", "new_york_short_gaps"), ("synthetic", "new_york_short_gaps")]
FAR = 400 * DAY


@dataclass
class LogRun:
    """One log through one daemon: what the daemon said before and after the far `$advance`."""

    status: dict
    users: dict
    users_answer: object
    singles: dict
    closed: int
    later_users: dict
    later_status: dict
    triggers: list
    before_advance: int


def expected_log(env, name, config, closed=None):
    plain = CONFIGS[config][1]
    entries = list(env.log(name)) + ([Advance(closed)] if closed is not None else [])
    return env.remember(("plain", name, config, closed), lambda: features.read_log(entries, plain))


def log_run(env, name, config):
    """The run of a log, made once; a run that failed fails every check that needs it."""
    def make():
        try:
            return make_run(env, name, config)
        except (Failed, Skip):
            raise
        except Exception as error:
            return Failed(f"the run itself: {error}")

    return env.remember(("run", name, config), make)


def make_run(env, name, config):
    lines = env.log(name)
    plain = expected_log(env, name, config)
    closed = plain.now + FAR
    with env.daemon(CONFIGS[config][0]) as daemon:
        synced = daemon.feed(lines)
        expect_equal(synced["lines"], len(lines), "lines of $synced")
        status = daemon.status.status()
        users, answer = daemon.status.users()
        sample = random.Random(env.seed).sample(sorted(users), min(40, len(users)))
        singles = {user: daemon.status.user(user) for user in sample}
        before = status["outbox"]["last_seq"]
        daemon.advance(stamp(closed))
        later, _ = daemon.status.users()
        raw = daemon.outbox()
        return LogRun(
            status, users, answer, singles, closed, later, daemon.status.status(),
            [json.loads(line) for line in raw], before)


@check_each(*CASES)
def users_equal(env, name, config):
    """Every user as the contract's words have it, at the end of the log."""
    run = log_run(env, name, config)
    expect_users(run.users, features.features(expected_log(env, name, config), CONFIGS[config][1]))
    return f"{len(run.users)} users"


@check_each(*CASES)
def users_equal_after_advance(env, name, config):
    """And again with now 400 days later: windows, T and days since last follow the day of now."""
    run = log_run(env, name, config)
    later = expected_log(env, name, config, run.closed)
    expect_users(run.later_users, features.features(later, CONFIGS[config][1]))


@check_each(*CASES)
def triggers_equal(env, name, config):
    """The triggers that need no model, in the order of their numbers, and none else."""
    run = log_run(env, name, config)
    plain = expected_log(env, name, config)
    expected = triggers.triggers(plain, CONFIGS[config][1], run.closed)
    expect_numbering(run.triggers)
    expect_triggers(run.triggers, expected)
    before = triggers.triggers(plain, CONFIGS[config][1])
    expect_equal(run.before_advance, len(before), "triggers before the $advance")
    for trigger in run.triggers:
        expect_equal(trigger["type"], trigger["rule"], "type of a built-in rule")
        expect_equal(trigger.get("group"), "treated", "group")
    return f"{len(expected)} triggers"


@check_each(*[(log, "utc") for log in LOGS])
def triggers_decided_at(env, name, config):
    """`at` is now when the watermark passed the due time, whatever the reads were."""
    run = log_run(env, name, config)
    plain = expected_log(env, name, config)
    dues = [due_of(trigger) for trigger in run.triggers]
    expected = triggers.decided_at(plain, CONFIGS[config][1], run.closed, dues)
    got = [features.parse_stamp(trigger["at"], features.UTC) for trigger in run.triggers]
    expect_sequence([stamp(t) for t in got], [stamp(t) for t in expected], "at")


@check_each(*[(log, "utc") for log in LOGS])
def status_adds_up(env, name, config):
    """The counts of the status port, and the list of users against them."""
    run = log_run(env, name, config)
    plain = expected_log(env, name, config)
    ingest = run.status["ingest"]
    expect_equal(ingest["lines"], len(env.log(name)), "lines")
    expect_equal(ingest["events"], len(plain.events), "events")
    expect_equal(ingest["rejected"], len(plain.rejected), "rejected")
    expect_equal(ingest["duplicates"], plain.duplicates, "duplicates")
    expect_equal(ingest["lines"], ingest["events"] + ingest["rejected"] + ingest["duplicates"], "the sum")
    expect_equal(run.status["users"], len(run.users), "users")
    total = sum(user["event_total"] for user in run.users.values())
    expect_equal(total, ingest["events"], "events of all users")
    expect_equal(run.status["clock"]["mode"], "event", "clock mode")
    now = features.parse_stamp(run.status["clock"]["now"], features.UTC)
    expect_equal(now, plain.now, "now")
    watermark = features.parse_stamp(run.status["clock"]["watermark"], features.UTC)
    expect_equal(watermark, plain.now - 60 * SECOND, "watermark")
    as_of = run.users_answer.header("as_of")
    expect(as_of is not None, "the list of users has an as_of header")
    last = run.users_answer.header("last_seq")
    expect_equal(int(last or -1), run.status["outbox"]["last_seq"], "last_seq header")


@check_each(*[(log, "seoul") for log in LOGS])
def one_user_as_in_the_list(env, name, config):
    run = log_run(env, name, config)
    for user, answer in run.singles.items():
        expect_equal(answer.status, 200, f"GET of {user!r}")
        expect_equal(answer.json(), run.users[user], f"user {user!r}")


# --- the same events, differently -------------------------------------------------------------------

def snapshot(daemon):
    """All that a person sees of a run: raw triggers, and users by id."""
    users, _ = daemon.status.users()
    return daemon.outbox(), users


def reference(env, name):
    """The log in one piece on the acked port, then the far advance."""
    def make():
        closed = expected_log(env, name, "utc").now + FAR
        with env.daemon() as daemon:
            daemon.feed(env.log(name))
            daemon.advance(stamp(closed))
            return (*snapshot(daemon), closed)

    return env.remember(("reference", name), make)


def expect_same(got, expected, what):
    expect_sequence(got[0], expected[0], f"triggers, {what}")
    expect_equal(got[1].keys(), expected[1].keys(), f"users, {what}")
    for user, value in expected[1].items():
        expect_equal(got[1][user], value, f"user {user!r}, {what}")


def feed_tiny(env, daemon, lines):
    rng = random.Random(env.seed)
    data = b"".join(lines)
    with daemon.producer() as producer:
        at = 0
        while at < len(data):
            size = rng.choice([1, 2, 3, 7, 50, 180, 200, 1000, 5000])
            producer.send(data[at:at + size])
            at += size
        producer.sync(600)


def feed_plain(_, daemon, lines):
    before = daemon.status.status()["ingest"]["lines"]
    with daemon.wire() as wire:
        wire.send(b"".join(lines))
        wire.finish()
        wire.wait_end()
        expect_equal(wire.lines, [], "bytes to a plain client")
    eventually(
        "all lines of a plain client are counted",
        lambda: daemon.status.status()["ingest"]["lines"] == before + len(lines))
    with daemon.producer("after") as producer:
        producer.sync(600)


def feed_http(env, daemon, lines):
    rng = random.Random(env.seed)
    at = 0
    while at < len(lines):
        part = lines[at:at + rng.randrange(1, 900)]
        at += len(part)
        answer = daemon.status.post_events(b"".join(part), compress=rng.random() < 0.5)
        expect_equal(answer.status, 200, "POST /v1/events")
        expect_equal(answer.json()["accepted"], len(part), "accepted")


def feed_pieces(env, daemon, lines):
    """A new connection of the same producer for each piece."""
    rng = random.Random(env.seed)
    at = 0
    while at < len(lines):
        part = lines[at:at + rng.randrange(1, 1500)]
        with daemon.producer("pieces") as producer:
            expect_equal(producer.next, at, "next of a returning producer")
            producer.send(b"".join(part))
            producer.sync(600)
        at += len(part)


FEEDS = {"tiny": feed_tiny, "plain": feed_plain, "http": feed_http, "pieces": feed_pieces}


@check_each(*[(log, how) for log in ("google_store_a", "cdnow_sample") for how in FEEDS])
def cut_differently(env, name, how):
    """However it is cut into reads and connections: the same triggers, byte for byte, the same users."""
    expected = reference(env, name)
    with env.daemon() as daemon:
        FEEDS[how](env, daemon, env.log(name))
        daemon.advance(stamp(expected[2]))
        expect_same(snapshot(daemon), expected, how)


@check_each("tiny", "pieces")
def cut_differently_with_repeats(env, how):
    """Repeats by id count once, also where the two stand in different reads and connections."""
    expected = reference(env, "synthetic")
    with env.daemon() as daemon:
        FEEDS[how](env, daemon, env.log("synthetic"))
        daemon.advance(stamp(expected[2]))
        expect_same(snapshot(daemon), expected, how)


@check
def one_shard_as_many(env):
    """On one processor, and so on one shard: the same triggers and users."""
    if shutil.which("taskset") is None:
        raise Skip("taskset is not here")
    expected = reference(env, "synthetic")
    with env.daemon(prefix=["taskset", "-c", "0"]) as daemon:
        shards = daemon.status.status()["shards"]
        daemon.feed(env.log("synthetic"))
        daemon.advance(stamp(expected[2]))
        expect_same(snapshot(daemon), expected, "one processor")
    return f"{shards} shards"


@check_each("google_store_a", "synthetic_plain")
def any_order_within_the_lateness(env, name):
    """The same events in any order within the allowed lateness: same state, same triggers and ids."""
    lines = synthetic(env.seed + 5, repeats=False) if name == "synthetic_plain" else env.log(name)
    plain = Config(lateness=HOUR)
    config = {"clock": {"allowed_lateness": "1h"}}
    log = features.read_log(lines, plain)
    closed = log.now + FAR
    expected = features.features(features.read_log([*lines, Advance(closed)], plain), plain)
    reference_triggers = None
    orders = [lines] + [
        shuffled(lines, [(e.time, e.user) for e in log.events], HOUR, env.seed + turn)
        for turn in range(10 if env.long else 2)]
    for order in orders:
        with env.daemon(config) as daemon:
            daemon.feed(order)
            expect_equal(daemon.status.status()["ingest"]["late"], 0, "late events")
            daemon.advance(stamp(closed))
            raw, users = snapshot(daemon)
        expect_users(users, expected)
        got = [{key: value for key, value in json.loads(line).items() if key != "at"} for line in raw]
        expect_triggers(got, triggers.triggers(log, plain, closed))
        if reference_triggers is None:
            reference_triggers = got
        expect_sequence(got, reference_triggers, "triggers in another order of arrival")


# --- late events and repeats, by hand ---------------------------------------------------------------

DAY0 = 1_719_792_000 * SECOND


def line(user, time, name, **more):
    return json.dumps({"user_id": user, "ts": stamp(time), "event": name, **more}).encode() + b"\n"


@check
def late_events(env):
    """A late event counts, joins its session, fires nothing past due, and is answered by `retracted`."""
    at = DAY0 + 10 * HOUR
    entries = [
        line("buyer", at, "add_to_cart"), line("browser", at, "page_view"),
        line("clock", at + 2 * HOUR, "page_view"),  # the buyer's cart falls due on the way
        line("buyer", at + 30 * MINUTE, "purchase", value=10),  # late: makes the trigger untrue
        line("browser", at + 30 * MINUTE, "add_to_cart"),  # late: due 11:30, past
        line("browser", at + 110 * MINUTE, "add_to_cart"),  # late: due 12:50, still to come
        line("clock", at + 3 * HOUR, "page_view"),
        line("newcomer", at + 60 * MINUTE, "sign_up"),  # late: welcome is past due
    ]
    plain = Config()
    log = features.read_log(entries, plain)
    closed = log.now + 30 * DAY
    with env.daemon() as daemon:
        daemon.feed(entries)
        status = daemon.status.status()
        expect_equal(status["ingest"]["late"], 4, "late events")
        users, _ = daemon.status.users()
        expect_users(users, features.features(log, plain))
        daemon.advance(stamp(closed))
        found = [json.loads(row) for row in daemon.outbox()]
    expect_numbering(found)
    carts = [t for t in found if t["rule"] == "cart_abandoned" and t["type"] != "retracted"]
    expect_equal(
        [(t["user"], t["due"]) for t in carts],
        [("buyer", stamp(at + HOUR)), ("browser", stamp(at + 170 * MINUTE))], "carts abandoned")
    retracted = [t for t in found if t["type"] == "retracted"]
    expect_equal([t.get("retracts") for t in retracted], [carts[0]["seq"]], "retracted")
    expect_equal(retracted[0]["user"], "buyer", "user of retracted")
    expect(not [t for t in found if t["rule"] == "welcome"], "no welcome that was past due")
    churned = [t["due"] for t in found if t["rule"] == "churned"]
    expect_equal(churned, [stamp(at + 30 * MINUTE + 25 * DAY)], "churned, from the purchase's own time")
    stalled = [t["due"] for t in found if t["rule"] == "onboarding_stalled"]
    expect_equal(stalled, [stamp(at + HOUR + 3 * DAY)], "onboarding_stalled, from the sign-up's own time")


@check
def late_beyond_keep(env):
    """A late event older than `sessions.keep` makes a session of its own, a younger one joins its own."""
    at = DAY0
    entries = [
        line("u", at, "page_view"), line("clock", at + 10 * DAY, "page_view"),
        line("u", at + MINUTE, "page_view"),  # older than two days: alone
        line("v", at + 9 * DAY, "page_view"), line("v", at + 9 * DAY + 20 * MINUTE, "page_view"),
    ]
    plain = Config()
    log = features.read_log(entries, plain)
    expect_equal(len(log.lone), 1, "events of their own")
    with env.daemon() as daemon:
        daemon.feed(entries)
        users, _ = daemon.status.users()
        expect_users(users, features.features(log, plain))
        expect_equal(daemon.status.status()["ingest"]["late"], 3, "late events")


@check
def bridges_between_sessions(env):
    """An event between two sessions makes them one; a gap of exactly the limit does not split."""
    at = DAY0
    entries = [
        line("merge", at, "page_view"), line("merge", at + 50 * MINUTE, "page_view"),
        line("merge", at + 25 * MINUTE, "page_view"),
        line("exact", at, "page_view"), line("exact", at + 30 * MINUTE, "page_view"),
        line("split", at, "page_view"), line("split", at + 30 * MINUTE + 1, "page_view"),
    ]
    plain = Config(lateness=2 * HOUR)
    with env.daemon({"clock": {"allowed_lateness": "2h"}}) as daemon:
        daemon.feed(entries)
        users, _ = daemon.status.users()
    expect_users(users, features.features(features.read_log(entries, plain), plain))
    for user, count in (("merge", 1), ("exact", 1), ("split", 2)):
        expect_equal(users[user]["sessions"]["short"]["count"], count, f"short sessions of {user}")


@check
def repeats_by_id(env):
    """At most the window apart they count once, also at the limit; of two users, or further apart, twice."""
    at = DAY0
    entries = [
        line("a", at, "purchase", value=5, event_id="1"), line("a", at, "purchase", value=5, event_id="1"),
        line("a", at + HOUR, "purchase", value=5, insert_id="1"),
        line("b", at + HOUR, "purchase", value=5, event_id="1"),
        line("a", at + 24 * HOUR, "purchase", value=5, event_id="1"),
        line("a", at + 24 * HOUR + 1, "purchase", value=5, event_id="1"),
        line("a", at + 24 * HOUR + 2, "purchase", value=5),
        line("a", at + 24 * HOUR + 2, "purchase", value=5),
    ]
    plain = Config()
    log = features.read_log(entries, plain)
    with env.daemon() as daemon:
        daemon.feed(entries)
        users, _ = daemon.status.users()
        expect_equal(daemon.status.status()["ingest"]["duplicates"], 3, "repeats")
    expect_equal(log.duplicates, 3, "repeats by the plain calculation")
    expect_users(users, features.features(log, plain))


@check
def mapped_fields_and_names(env):
    """`schema.fields` and `schema.event_names`, the Korean sign-up among them."""
    config = {"schema": {
        "fields": {"user": ["member"], "time": ["at"], "name": ["what"], "value": ["krw"]},
        "event_names": {"회원가입완료": "sign_up", "구매": "purchase"}}}
    rows = [
        {"member": "김", "at": "2024-07-01 09:00:00", "what": "회원가입완료"},
        {"member": "김", "at": "2024-07-01 09:05:00.5", "what": "구매", "krw": 41110, "user_id": "other"},
        {"member": "김", "at": "2024-07-02", "what": "방문"},
    ]
    with env.daemon({**config, "clock": {"timezone": "Asia/Seoul"}}) as daemon:
        daemon.feed([json.dumps(row, ensure_ascii=False).encode() + b"\n" for row in rows])
        users, _ = daemon.status.users()
    expect_equal(list(users), ["김"], "users")
    user = users["김"]
    expect_equal(user["events"], {"sign_up": 1, "purchase": 1, "방문": 1}, "events")
    expect_equal(user["purchase"]["revenue"], 41110, "revenue")
    expect_equal(user["first_seen"], "2024-07-01T00:00:00Z", "first_seen")
    expect_equal(user["last_seen"], "2024-07-01T15:00:00Z", "last_seen")
