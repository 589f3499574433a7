"""What goes out: the trigger port, the outbox over HTTP, and the wall clock."""

import json
import socket
import time
from collections import namedtuple

import features
import triggers
from checks_state import DAY0, line
from client import ClientError, address
from features import DAY, HOUR, MINUTE, SECOND, stamp
from harness import check, check_each, eventually, expect, expect_equal, expect_numbering, expect_sequence

WELCOMES = 60


def welcomed(env, daemon, count=WELCOMES, begin=0):
    """`count` triggers of type welcome, numbered from `begin` + 1."""
    lines = [line(f"u{n:05d}", DAY0 + n * SECOND, "sign_up") for n in range(begin, begin + count)]
    daemon.feed(lines)
    daemon.advance(stamp(DAY0 + (begin + count - 1) * SECOND))


def error_of(subscriber):
    row = subscriber.wait(
        "$error", lambda lines: next((text for text in lines if text.startswith(b'{"$error"')), None))
    return json.loads(row)["$error"]


@check
def tail_and_resume(env):
    """A tail begins at now, a resume after its number; types are filtered; the raw lines are the same."""
    with env.daemon() as daemon:
        welcomed(env, daemon)
        whole = daemon.outbox()
        expect_numbering([json.loads(row) for row in whole])
        with daemon.subscriber({"$tail": {}}) as tail, daemon.subscriber() as silent, \
                daemon.subscriber({"$resume": {"after": 57}}) as late, \
                daemon.subscriber({"$resume": {"after": 0, "types": ["churned"]}}) as none, \
                daemon.subscriber({"$resume": {"after": 0, "types": ["welcome"]}}) as all_of_type:
            late.await_seq(WELCOMES)
            expect_equal([json.loads(row)["seq"] for row in late.lines], [58, 59, 60], "after 57")
            expect_sequence(all_of_type.await_seq(WELCOMES), whole, "by type")
            time.sleep(1)  # beyond the 200 ms in which a silent client may still speak
            welcomed(env, daemon, count=5, begin=WELCOMES)
            for name, subscriber in (("tail", tail), ("silent", silent)):
                subscriber.await_seq(WELCOMES + 5)
                numbers = [t["seq"] for t in subscriber.triggers()]
                expect_equal(numbers, [61, 62, 63, 64, 65], f"a {name} subscriber")
            expect_equal(none.triggers(), [], "another type")
            expect_equal(daemon.status.status()["outbox"]["subscribers"], 5, "subscribers")
        over_http = daemon.status.triggers()
        expect_sequence(
            [(t["seq"], t["id"], t["user"], t["due"]) for t in over_http],
            [(t["seq"], t["id"], t["user"], t["due"]) for t in map(json.loads, daemon.outbox())],
            "GET /v1/triggers")
        one = daemon.status.triggers(user="u00003")
        expect_equal([t["user"] for t in one], ["u00003"], "GET /v1/triggers?user=")
        expect_equal(daemon.status.triggers(type="churned"), [], "GET /v1/triggers?type=")


@check
def named_consumers(env):
    """A new name starts at the oldest kept; its cursor outlives connections and kill -9; at least once."""
    with env.daemon() as daemon:
        welcomed(env, daemon)
        with daemon.subscriber({"$consumer": {"name": "push"}}) as consumer:
            consumer.await_seq(WELCOMES)
            expect_equal(consumer.triggers()[0]["seq"], 1, "the first of a new name")
            consumer.acknowledge(20)
            cursor_is(daemon, "push", 20)
        daemon.kill()
        daemon.start()
        cursor_is(daemon, "push", 20)
        with daemon.subscriber({"$consumer": {"name": "push"}}) as consumer:
            consumer.await_seq(WELCOMES)
            consumer.acknowledge(WELCOMES)
            consumer.acknowledge(10)
            cursor_is(daemon, "push", WELCOMES)
        with daemon.subscriber({"$consumer": {"name": "other", "types": ["welcome"]}}) as consumer:
            consumer.await_seq(WELCOMES)
            expect_equal(len(consumer.triggers()), WELCOMES, "another name has a cursor of its own")


def cursor_is(daemon, name, seq):
    """An ack has no answer: asks, as a consumer of that name, where it would go on."""
    def stands():
        last = daemon.status.status()["outbox"]["last_seq"]
        with daemon.subscriber({"$consumer": {"name": name}}) as probe:
            if seq < last:
                probe.await_triggers(1)
                return probe.triggers()[0]["seq"] == seq + 1
            time.sleep(0.5)
            return not probe.triggers()

    eventually(f"the cursor of {name} stands at {seq}", stands)


@check
def gap_and_future(env):
    """A number not yet given or no longer kept is an error with the bounds, never a silent skip."""
    with env.daemon({"retention": {"outbox": {"count": 10}}}) as daemon:
        welcomed(env, daemon)
        with daemon.subscriber({"$resume": {"after": 1000}}) as subscriber:
            error = error_of(subscriber)
            expect_equal((error["code"], error["last"]), ("future", WELCOMES), "beyond the head")
        def pruned():
            with daemon.subscriber({"$resume": {"after": 0}}) as probe:
                row = probe.wait("an answer", lambda lines: lines[:1])
                return json.loads(row[0]).get("$error")

        error = eventually("the oldest triggers are dropped", pruned, timeout=90, pause=0.5)
        expect_equal(error["code"], "gap", "code")
        expect_equal(error["last"], WELCOMES, "last")
        expect(1 < error["oldest"] <= WELCOMES - 9, f"oldest: {error}")
        with daemon.subscriber({"$resume": {"after": error["oldest"] - 1}}) as subscriber:
            subscriber.await_seq(WELCOMES)
            expect_equal(subscriber.triggers()[0]["seq"], error["oldest"], "from the oldest kept")
        with daemon.subscriber({"$consumer": {"name": "new"}}) as subscriber:
            subscriber.await_seq(WELCOMES)
            expect(subscriber.triggers()[0]["seq"] >= error["oldest"], "a new name starts at the oldest kept")


@check
def heartbeats(env):
    with env.daemon() as daemon:
        with daemon.subscriber({"$tail": {}}) as subscriber:
            subscriber.say({"$heartbeat": {"every": "1s"}})
            subscriber.wait(
                "two heartbeats",
                lambda lines: sum(text.startswith(b'{"$heartbeat"') for text in lines) >= 2, 15)


@check
def bad_subscribers(env):
    """A control line that means nothing is answered by `$error`."""
    with env.daemon() as daemon:
        for control in ({"$what": {}}, {"$resume": {}}, {"$consumer": {}}):
            with daemon.subscriber(control) as subscriber:
                error = error_of(subscriber)
                expect(error.get("code"), f"a code for {control}: {error}")


@check
def a_slow_subscriber_stops_nobody(env):
    """One that does not read is paused; ingest and the others go on, and it gets everything later."""
    count = 30_000
    with env.daemon() as daemon:
        with daemon.subscriber() as other:
            slow = SleepingSubscriber(daemon)
            lines = [line(f"u{n:06d}", DAY0 + n * SECOND, "sign_up") for n in range(count)]
            begun = time.monotonic()
            daemon.feed(lines)
            daemon.advance(stamp(DAY0 + count * SECOND))
            seconds = time.monotonic() - begun
            with daemon.subscriber({"$resume": {"after": 0}}) as third:
                third.await_seq(count)
            expect_equal(slow.read_all(count), list(range(1, count + 1)), "numbers of the slow one")
            del other
    return f"{seconds:.1f} s for {count} triggers"


class SleepingSubscriber:
    """Asks for everything and reads nothing until told to."""

    def __init__(self, daemon):
        self.socket = socket.socket()
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        self.socket.settimeout(60)
        self.socket.connect(address(daemon.ready["triggers"]))
        self.socket.sendall(b'{"$resume":{"after":0}}\n')

    def read_all(self, count):
        data = b""
        numbers = []
        while len(numbers) < count:
            chunk = self.socket.recv(1 << 16)
            if not chunk:
                raise ClientError(f"the slow subscriber was closed after {len(numbers)}")
            *whole, data = (data + chunk).split(b"\n")
            numbers += [json.loads(row)["seq"] for row in whole]
        self.socket.close()
        return numbers


# --- wall clock ----------------------------------------------------------------------------------------

def wall(**triggers):
    return {
        "clock": {"mode": "wall", "allowed_lateness": "500ms"}, "models": {"enabled": []},
        "triggers": {"cart_abandoned": {"delay": "1s"}, **triggers},
    }


def now_micros():
    return time.time_ns() // 1000


@check
def absence_fires_by_the_clock(env):
    """Nothing more arrives, and the trigger comes; a purchase in time prevents it."""
    with env.daemon(wall(), clock=False) as daemon, daemon.subscriber({"$tail": {}}) as tail:
        time.sleep(0.5)
        at = now_micros()
        daemon.feed([line("left", at, "add_to_cart"), line("bought", at, "add_to_cart"),
                     line("bought", at + 1000, "purchase", value=3)])
        found = tail.await_triggers(1, timeout=20)
        seconds = (now_micros() - at) / SECOND
        expect_equal((found[0]["rule"], found[0]["user"]), ("cart_abandoned", "left"), "the trigger")
        expect_equal(found[0]["due"], stamp(at + SECOND), "due")
        decided = features.parse_stamp(found[0]["at"], features.UTC)
        expect(decided > at + SECOND + SECOND // 2, f"decided after the watermark has passed: {found[0]}")
        expect(seconds < 10, f"it came after {seconds:.1f} s")
        with daemon.producer("p") as producer:
            producer.sync()
        expect_equal([t["user"] for t in daemon.status.triggers()], ["left"], "all triggers")
        watermark = daemon.status.status()["clock"]["watermark"]
        expect(abs(features.parse_stamp(watermark, features.UTC) - now_micros()) < 60 * SECOND, "watermark")
    return f"after {seconds:.1f} s"


@check
def absence_fires_after_a_crash(env):
    """Due while the daemon was down, less than `max_age` ago: it is sent after the restart."""
    with env.daemon(wall(), clock=False) as daemon:
        at = now_micros()
        daemon.feed([line("left", at, "add_to_cart")])
        daemon.kill()
        time.sleep(2.5)
        daemon.start()
        with daemon.subscriber({"$resume": {"after": 0}}) as subscriber:
            found = subscriber.await_triggers(1, timeout=20)
        expect_equal((found[0]["user"], found[0]["due"]), ("left", stamp(at + SECOND)), "the trigger")
        expect_equal(found[0]["group"], "treated", "group")


@check
def nothing_stale_is_sent_after_an_outage(env):
    """Due longer ago than `max_age`: recorded as stale, not sent."""
    config = wall(max_age="2s")
    with env.daemon(config, clock=False) as daemon:
        at = now_micros()
        daemon.feed([line("left", at, "add_to_cart")])
        daemon.kill()
        time.sleep(5)
        daemon.start()
        with daemon.subscriber({"$resume": {"after": 0}}) as subscriber:
            last = eventually(
                "the trigger is recorded", lambda: daemon.status.status()["outbox"]["last_seq"])
            expect_equal(last, 1, "triggers recorded")
            fresh = now_micros()
            daemon.feed([line("fresh", fresh, "add_to_cart")])
            found = subscriber.await_triggers(1, timeout=20)
            expect_equal([t["user"] for t in found], ["fresh"], "what is sent")
            expect_equal(found[0]["seq"], 2, "its number")
        kept = daemon.status.triggers()
        if kept and kept[0]["seq"] == 1:
            expect_equal(kept[0]["group"], "stale", "group of what is recorded")


@check
def nothing_is_sent_for_a_back_fill(env):
    """A log of years ago under the wall clock: everything counts, what it made due is stale, nothing is
    sent."""
    lines = env.log("cdnow_sample")
    with env.daemon(wall(), clock=False) as daemon, daemon.subscriber({"$resume": {"after": 0}}) as tail:
        daemon.feed(lines)
        status = daemon.status.status()
        expect_equal(status["ingest"]["events"], len(lines), "events")
        expect_equal(status["ingest"]["late"], len(lines), "late events")
        stale = settled(daemon)
        expect(stale, "what was due is recorded")
        expect_equal({t["group"] for t in stale}, {"stale"}, "groups")
        expect_equal({t["rule"] for t in stale}, {"churned", "win_back"}, "rules of a log of purchases")
        expect_equal(tail.triggers(), [], "what is sent")


def settled(daemon):
    """The triggers of a back-fill, once it has come to rest."""
    counts = []

    def stands():
        counts.append(daemon.status.status()["outbox"]["last_seq"])
        return counts[-1] > 0 and len(counts) > 3 and counts[-4] == counts[-1]

    eventually("the back-fill is settled", stands, pause=1.0)
    return daemon.status.triggers()


Past = namedtuple("Past", "time name")


def past(random, now):
    """Events of users by id, weeks long and over for a month: carts, purchases, visits, sign-ups."""
    names = ["view_item", "add_to_cart", "add_to_cart", "begin_checkout", "purchase", "login", "sign_up"]
    steps = [MINUTE, 10 * MINUTE, 30 * MINUTE, HOUR, 5 * HOUR, 2 * DAY, 4 * DAY, 16 * DAY, 30 * DAY]
    users = {}
    for number in range(400):
        time = now - 400 * DAY + random.randrange(100 * DAY)
        users[f"past-{number:03d}"] = events = []
        for _ in range(random.randrange(1, 12)):
            events.append(Past(time, random.choice(names)))
            time += random.choice(steps)
            if time > now - 100 * DAY:
                break
    return users


@check_each("by time", "by user")
def a_back_fill_is_recorded_as_stale(env, order):
    """Each trigger that the old log calls for is recorded once, as stale, under its own id: the very ones a
    plain calculation finds, in whatever pieces the log comes. A subscriber gets none, and a live cart its
    own."""
    now = now_micros()
    users = past(env.random, now)
    log = [(event.time, user, event.name) for user, events in users.items() for event in events]
    if order == "by time":
        log.sort(key=lambda row: row[0])
    expected = set()
    for user, events in users.items():
        for rule, due in triggers.of_user(events, triggers.DELAYS, triggers.End(watermark=now - 7 * HOUR)):
            expected.add((user, rule, stamp(due)))
    config = {"clock": {"mode": "wall", "allowed_lateness": "1s"}, "models": {"enabled": []}}
    with env.daemon(config, clock=False) as daemon, daemon.subscriber({"$resume": {"after": 0}}) as tail:
        with daemon.producer("log") as producer:
            for begin in range(0, len(log), 97):
                producer.send(b"".join(line(u, t, n) for t, u, n in log[begin:begin + 97]))
                if begin % 5 == 0:
                    producer.sync()
            producer.sync()
        stale = settled(daemon)
        expect_equal({t["group"] for t in stale}, {"stale"}, "groups")
        found = [(t["user"], t["rule"], t["due"]) for t in stale]
        expect_equal(len(set(found)), len(found), "each is recorded once")
        expect_equal(len({t["id"] for t in stale}), len(stale), "ids")
        missing, extra = expected - set(found), set(found) - expected
        expect(not missing and not extra, f"missing {sorted(missing)[:3]}, too many {sorted(extra)[:3]}")
        # The same history again changes nothing; what is sent goes on from there.
        daemon.kill()
        daemon.start()
        expect_equal(daemon.status.triggers(), stale, "after a crash")
        expect_equal(tail.triggers(), [], "what is sent")
        with daemon.subscriber({"$resume": {"after": 0}}) as live:
            daemon.feed([line("live", now_micros(), "sign_up")], name="live")
            sent = live.await_triggers(1, timeout=20)
            expect_equal([(t["user"], t["rule"]) for t in sent], [("live", "welcome")], "what is sent")
            expect_equal(sent[0]["seq"], len(stale) + 1, "its number")
    return f"{len(stale)} stale"


@check
def the_future_is_refused(env):
    """Wall clock: beyond `max_future_skew` an event is `future_timestamp`, and nobody's time moves."""
    with env.daemon(wall(), clock=False) as daemon, daemon.producer("p") as producer:
        at = now_micros()
        producer.send(
            line("far", at + 10 * MINUTE, "page_view") + line("near", at + MINUTE, "page_view")
            + line("years", at + 3650 * DAY, "page_view") + line("then", at - HOUR, "page_view"))
        producer.sync()
        expect_equal(
            [(r["line"], r["code"]) for r in producer.rejects],
            [(0, "future_timestamp"), (2, "future_timestamp")], "rejects")
        now = features.parse_stamp(daemon.status.status()["clock"]["now"], features.UTC)
        expect(abs(now - now_micros()) < MINUTE, "now is the wall clock")
        expect_equal(sorted(daemon.status.users()[0]), ["near", "then"], "users")


@check
def rules_are_configured(env):
    """Delays and `enabled` merge by name over the built-in rules."""
    config = {"triggers": {"cart_abandoned": {"delay": "10m"}, "welcome": {"enabled": False}}}
    with env.daemon(config) as daemon:
        daemon.feed([line("u", DAY0, "add_to_cart"), line("u", DAY0, "sign_up")])
        daemon.advance(stamp(DAY0 + 4 * DAY))
        found = [json.loads(row) for row in daemon.outbox()]
    expect_equal(
        [(t["rule"], t["due"]) for t in found],
        [("cart_abandoned", stamp(DAY0 + 10 * MINUTE)), ("onboarding_stalled", stamp(DAY0 + 3 * DAY))],
        "triggers")
