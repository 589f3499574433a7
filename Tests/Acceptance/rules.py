"""Plain calculation of declared rules on a log in the order of time, with no allowed lateness.

Written from the words of the configuration: when something falls due at an instant, conditions are judged on
every event of the user up to and including that instant. Shares nothing with the daemon, its hash included.
"""

import struct
from bisect import bisect_right
from collections import defaultdict

from features import DAY, HOUR, MINUTE


def murmur3(data):
    """High word of MurmurHash3 x64 128, seed 0 (Austin Appleby)."""
    mask = (1 << 64) - 1
    c1, c2 = 0x87C37B91114253D5, 0x4CF5AD432745937F

    def rotate(x, r):
        return ((x << r) | (x >> (64 - r))) & mask

    def mix(k):
        k ^= k >> 33
        k = k * 0xFF51AFD7ED558CCD & mask
        k ^= k >> 33
        k = k * 0xC4CEB9FE1A85EC53 & mask
        return k ^ k >> 33

    h1 = h2 = 0
    whole = len(data) // 16 * 16
    for at in range(0, whole, 16):
        k1, k2 = struct.unpack_from("<QQ", data, at)
        h1 ^= rotate(k1 * c1 & mask, 31) * c2 & mask
        h1 = ((rotate(h1, 27) + h2) * 5 + 0x52DCE729) & mask
        h2 ^= rotate(k2 * c2 & mask, 33) * c1 & mask
        h2 = ((rotate(h2, 31) + h1) * 5 + 0x38495AB5) & mask
    tail = data[whole:]
    if len(tail) > 8:
        h2 ^= rotate(int.from_bytes(tail[8:], "little") * c2 & mask, 33) * c1 & mask
    if tail:
        h1 ^= rotate(int.from_bytes(tail[:8], "little") * c1 & mask, 31) * c2 & mask
    h1 ^= len(data)
    h2 ^= len(data)
    h1 = (h1 + h2) & mask
    h2 = (h2 + h1) & mask
    return (mix(h1) + mix(h2)) & mask


def held_out(purpose, rule, user, share):
    """Whether a user is held out of a rule, or (`control`) of everything."""
    data = purpose.encode() + b"\0" + rule.encode() + b"\0" + user.encode()
    return (murmur3(data) >> 11) * 2.0**-53 < share


class Page:
    """What the user page counts of one user's purchases, at any instant; calendar days are UTC's."""

    def __init__(self, events):
        purchases = [e for e in events if e.name == "purchase"]
        self.times = [e.time for e in purchases]
        self.sums = [0]
        for event in purchases:
            self.sums.append(self.sums[-1] + (event.value or 0))

    def count(self, instant):
        return bisect_right(self.times, instant)

    def revenue(self, instant):
        return self.sums[self.count(instant)] / 1e6

    def days(self, instant):
        return len({t // DAY for t in self.times[: self.count(instant)]})

    def days_since_last(self, instant):
        """None for who never bought."""
        count = self.count(instant)
        return instant // DAY - self.times[count - 1] // DAY if count else None


def users_of(log):
    by_user = defaultdict(list)
    for event in log.events:
        by_user[event.user].append(event)
    for events in by_user.values():
        events.sort(key=lambda event: (event.time, event.arrival))
    return by_user


def on_event(events, name, holds, cooldown, end):
    """`on: {event: name}`: once an instant, and not again within the cooldown."""
    last = None
    for time in sorted({e.time for e in events if e.name == name}):
        if time <= end and holds(time) and (last is None or time >= last + cooldown):
            last = time
            yield time


def on_absence(events, of, after, within, holds, end):
    """`on: {absence: of, after: after, within: …}`; an event that is both ends the wait and begins another."""
    pending = None
    for event in events:
        if pending is not None and pending < event.time:
            if holds(pending):
                yield pending
            pending = None
        if event.name == of:
            pending = None
        if event.name == after:
            pending = event.time + within
    if pending is not None and pending <= end and holds(pending):
        yield pending


def closes(events, gap=30 * MINUTE):
    """When the user's short sessions close."""
    times = sorted({e.time for e in events})
    for time, following in zip(times, times[1:] + [None]):
        if following is None or following > time + gap:
            yield time + gap


def on_crossing(events, value, bound, clear, hour, end):
    """`on: {crosses: …, above: bound, clear: clear, daily: hour}`: looked at when a session closes, and daily."""
    first = events[0].time
    daily = first // DAY * DAY + hour
    looks = set(closes(events))
    while daily <= end:
        if daily >= first:
            looks.add(daily)
        daily += DAY
    told = False
    for instant in sorted(look for look in looks if look <= end):
        number = value(instant)
        if told:
            if number is None or number < clear:
                told = False
        elif number is not None and number >= bound:
            told = True
            yield instant


def caps_passed(dues, day_cap, week_cap):
    """Days, and stretches of seven, on which a user was sent more than the caps; `dues` are local days."""
    for day in set(dues):
        if sum(1 for d in dues if d == day) > day_cap:
            yield f"day {day}"
        if sum(1 for d in dues if day - 6 <= d <= day) > week_cap:
            yield f"the seven days up to {day}"


__all__ = [
    "DAY", "HOUR", "MINUTE", "Page", "caps_passed", "held_out", "on_absence", "on_crossing", "on_event",
    "users_of",
]
