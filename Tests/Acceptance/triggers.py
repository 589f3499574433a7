"""Plain calculation of the triggers that need no model, under the event clock, from a list of events.

Written from the contract's words: a user's events are sorted by (event time, arrival) and walked
through; a timer fires when the next thing known to have happened is strictly later than its due time, or
when the end of the log (watermark, or `$advance`) closes that time.
"""

from bisect import bisect_right
from dataclasses import dataclass

from features import DAY, HOUR, MINUTE, Zone

DEPTH = {"view_item": 1, "add_to_cart": 2, "begin_checkout": 3}
STAGE_RULE = {1: "browse_abandoned", 2: "cart_abandoned", 3: "checkout_abandoned"}
DELAYS = {
    "browse_abandoned": 24 * HOUR,
    "cart_abandoned": HOUR,
    "checkout_abandoned": 30 * MINUTE,
    "churned": 25 * DAY,
    "win_back": 60 * DAY,
    "dormant": 14 * DAY,
    "onboarding_stalled": 3 * DAY,
    "welcome": 0,
}
RULES = set(DELAYS)
REPLENISH = "replenish_due"
ITEMS_KEPT = 256


class Items:
    """What one user bought: item, last time, first and last day, number of days."""

    def __init__(self, day):
        self.day = day
        self.rows = []

    def buy(self, item, time):
        day = self.day(time)
        for row in self.rows:
            if row["item"] == item:
                row["days"] += day != row["last_day"]
                row["told"] = row["told"] and time == row["last"]
                row["last"], row["last_day"] = time, day
                return
        row = {"item": item, "last": time, "first_day": day, "last_day": day, "days": 1, "told": False}
        if len(self.rows) < ITEMS_KEPT:
            self.rows.append(row)
        else:  # in place of the one bought longest ago, of several the first
            oldest = min(range(len(self.rows)), key=lambda index: self.rows[index]["last"])
            self.rows[oldest] = row

    @staticmethod
    def due(row):
        """After three days or more: the last purchase plus the mean interval between the days."""
        if row["days"] < 3 or row["told"]:
            return None
        return row["last"] + (row["last_day"] - row["first_day"]) * DAY // (row["days"] - 1)

    def fire(self, passed):
        for row in self.rows:
            due = self.due(row)
            if due is not None and passed(due):
                row["told"] = True
                yield REPLENISH, due, row["item"]


@dataclass(frozen=True, order=True)
class Due:
    """In the order in which the outbox numbers them: due, rule, user's bytes."""

    due: int
    rule: str
    user: bytes


@dataclass(frozen=True)
class End:
    """How far time has come: `closed` by `$advance` inclusively, `watermark` exclusively."""

    watermark: int
    closed: int | None = None

    def passed(self, due):
        return due < self.watermark or (self.closed is not None and due <= self.closed)


class Timers:
    """What is pending for one user."""

    def __init__(self, delays, day=None):
        self.delays = delays
        self.items = Items(day) if day else None
        self.due = {}  # rule -> due
        self.stage = None  # (depth, due)
        self.bought = False

    def fire(self, passed):
        """Takes out and yields (rule, due) of everything whose time has passed."""
        for rule in [rule for rule, due in self.due.items() if passed(due)]:
            yield rule, self.due.pop(rule)
        if self.stage is not None and passed(self.stage[1]):
            depth, due = self.stage
            self.stage = None
            yield STAGE_RULE[depth], due
        if self.items is not None:
            yield from ((rule, due) for rule, due, _ in self.items.fire(passed))

    def apply(self, event):
        def arm(rule):
            self.due[rule] = event.time + self.delays[rule]

        depth = DEPTH.get(event.name)
        if depth is not None and (self.stage is None or depth >= self.stage[0]):
            self.stage = (depth, event.time + self.delays[STAGE_RULE[depth]])
        if event.name == "purchase":
            self.bought = True
            self.stage = None
            self.due.pop("dormant", None)
            self.due.pop("onboarding_stalled", None)
            arm("churned")
            arm("win_back")
            if self.items is not None:
                for item in event.items or []:
                    self.items.buy(item["item_id"], event.time)
        elif not self.bought:
            arm("dormant")
        if event.name == "sign_up":
            arm("welcome")
            arm("onboarding_stalled")


def of_user(events, delays, end, day=None):
    """`events`: one user's, sorted by (event time, arrival). `day`: of an instant, where items count."""
    timers = Timers(delays, day)
    for event in events:
        yield from timers.fire(lambda due, now=event.time: due < now and end.passed(due))
        timers.apply(event)
    yield from timers.fire(end.passed)


def triggers(log, config, closed=None, delays=None):
    """All triggers in the order of their numbers, for a log without late events.

    `closed`: the last `$advance`, or None where there was none.
    """
    delays = {**DELAYS, **(delays or {})}
    if log.now is None:
        return []
    newest = max((event.time for event in log.events), default=log.now)
    end = End(watermark=newest - config.lateness, closed=closed)
    zone = Zone(config.zone)
    by_user = {}
    for event in log.events:
        by_user.setdefault(event.user, []).append(event)
    found = set()
    for user, events in by_user.items():
        events.sort(key=lambda event: (event.time, event.arrival))
        key = user.encode("utf-8", "surrogatepass")
        found.update(Due(due, rule, key) for rule, due in of_user(events, delays, end, zone.day))
    return sorted(found)


def decided_at(log, config, closed, dues):
    """Now when each was decided: the first event (by arrival) that takes the watermark strictly beyond
    the due time, or the `$advance` after the last event."""
    highest = []
    for event in log.events:  # in order of arrival
        highest.append(max(event.time, highest[-1] if highest else event.time))
    result = []
    for due in dues:
        index = bisect_right(highest, due.due + config.lateness)
        result.append(highest[index] if index < len(highest) else closed)
    return result
