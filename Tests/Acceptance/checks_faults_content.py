"""Content in numbers: users chosen to collide, as many users as events, a user with all the events."""

import json
import random
import time

from checks_state import DAY0
from features import SECOND
from faults import WHOLE
from harness import check, expect, expect_equal

MASK = 0xFFFFFFFF
MURMUR = 0x5BD1E995


def mixed(word):
    word = word * MURMUR & MASK
    word ^= word >> 24
    return word * MURMUR & MASK


INVERSE = pow(MURMUR, -1, 1 << 32)


def unmixed(word):
    word = word * INVERSE & MASK
    word ^= word >> 24
    return word * INVERSE & MASK


def colliding(rng, count):
    """Eight letters each, all with the same murmur2: the second word undoes what the first did."""
    letters = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 !#$%&()*+,-./:;<=>?@[]^_`{|}~"
    allowed = frozenset(letters)
    target, seed = 0x1234567, (0x9747B28C ^ 8) & MASK
    found = set()
    while len(found) < count:
        first = bytes(rng.choices(letters, k=4))
        state = (seed * MURMUR & MASK) ^ mixed(int.from_bytes(first, "little"))
        second = unmixed((state * MURMUR & MASK) ^ target).to_bytes(4, "little")
        if allowed.issuperset(second):
            found.add(first + second)
    return sorted(found)


@check
def users_chosen_to_collide(env):
    """One-event users whose partition hash is the same: taken as fast as others, and told apart."""
    count = 200_000 if env.long else 8000
    rng = random.Random(env.seed)
    names = colliding(rng, count)
    seconds = {}
    others = [f"{number:08d}".encode() for number in range(count)]
    for kind, users in (("colliding", names), ("others", others)):
        rows = [
            b'{"user_id":%s,"ts":%d,"event":"login"}\n' % (json.dumps(user.decode()).encode(), DAY0 + number)
            for number, user in enumerate(users)]
        with env.daemon(WHOLE) as daemon:
            begun = time.monotonic()
            daemon.feed(rows)
            seconds[kind] = time.monotonic() - begun
            expect_equal(daemon.status.status()["users"], count, f"users, {kind}")
    ratio = seconds["colliding"] / seconds["others"]
    expect(ratio < 8, f"colliding users take {ratio:.1f} times as long")
    env.count("user chosen to collide", count)
    return f"{ratio:.2f} times the time of others"


@check
def many_users_of_one_event(env):
    """As many users as events: all there, also after a kill."""
    count = 1_000_000 if env.long else 100_000
    rows = b"".join(
        b'{"user_id":"one-%d","ts":%d,"event":"view_item"}\n' % (number, DAY0 + number)
        for number in range(count))
    with env.daemon(WHOLE) as daemon:
        with daemon.producer("many") as producer:
            producer.send(rows)
            producer.sync(300)
        daemon.kill()
        daemon.start()
        status = daemon.status.status()
        expect_equal((status["users"], status["ingest"]["events"]), (count, count), "users and events")
    env.count("one-event user", count)


@check
def a_user_of_many_events(env):
    """One user with all the events, each a session, a purchase day or neither: exact, and not slow."""
    count = 1_000_000 if env.long else 100_000
    rows = b"".join(
        b'{"user_id":"one","ts":%d,"event":"%s","value":1}\n'
        % (DAY0 + number * 60 * SECOND, b"purchase" if number % 10 == 0 else b"view_item")
        for number in range(count))
    with env.daemon(WHOLE) as daemon:
        begun = time.monotonic()
        with daemon.producer("many") as producer:
            producer.send(rows)
            producer.sync(600)
        seconds = time.monotonic() - begun
        user = daemon.status.user("one").json()
        expect_equal(user["event_total"], count, "events")
        expect_equal(user["purchase"]["count"], count // 10, "purchases")
        expect_equal(user["purchase"]["revenue"], count // 10, "revenue")
        expect_equal(user["purchase"]["days"], (count - 10) * 60 // 86400 + 1, "purchase days")
        expect_equal(user["sessions"]["short"]["count"], 1, "sessions")
        expect(seconds < 10 + count / 20_000, f"{count} events in {seconds:.1f} s")
    env.count("event of one user", count)
    return f"{count / seconds:.0f} events/s"
