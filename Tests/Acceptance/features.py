"""Plain calculation of every user's object ("One user" in the contract) from a list of log lines.

The referee: written from the contract's words alone and sharing nothing with the daemon. Everything is
sorted by (event time, arrival) first and then simply counted. Times are integer microseconds, money is
integer millionths; means are fractions, so that nothing here rounds before the comparison does.
"""

import json
import math
import re
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from decimal import ROUND_HALF_EVEN, Context, Decimal, InvalidOperation
from fractions import Fraction
from zoneinfo import ZoneInfo

SECOND = 1_000_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR
MONEY_MAX = Decimal(10) ** 12
EXACT = Context(prec=2000)

KEYS = {
    "user": ["user_id", "user_pseudo_id"],
    "time": ["event_timestamp", "timestamp", "time", "ts"],
    "name": ["event_name", "event"],
    "id": ["event_id", "insert_id"],
    "value": ["purchase_value", "value", "revenue"],
}
DIMENSIONS = [
    "device", "media", "type", "channel", "payment_method", "gender", "age_band", "region",
    "promo_code", "partner", "store", "search_term",
]
MAIN = ["media", "device", "type", "channel", "payment_method"]
PROFILE = ["gender", "age_band", "region"]
MAPPED = {key for keys in KEYS.values() for key in keys} | set(DIMENSIONS) | {
    "discount", "discount_unit", "coupon", "items"}
WINDOWS = [1, 7, 30, 90]
RECENT = 10
NAMES = 256
NESTING = 32
KNOWN = {
    "session_start", "first_visit", "view_item", "add_to_cart", "begin_checkout", "purchase", "refund",
    "login", "sign_up",
}


@dataclass(frozen=True)
class Config:
    """What of the configuration the calculation depends on."""

    zone: str = "UTC"
    short_gap: int = 30 * MINUTE
    long_gap: int = 24 * HOUR
    keep: int | None = None
    dedupe_window: int = 24 * HOUR
    lateness: int = 60 * SECOND
    event_names: tuple = ()

    @property
    def keep_or_default(self):
        return self.keep if self.keep is not None else 2 * self.long_gap


@dataclass
class Event:
    user: str
    time: int
    name: str
    arrival: int = 0
    id: str | None = None
    value: int | None = None
    dimensions: dict = field(default_factory=dict)
    coupon: str | None = None
    items: list | None = None


@dataclass(frozen=True)
class Advance:
    """`$advance` to a time, at its place among the events."""

    to: int


class Reject(Exception):
    """A line that is no event: the contract's code."""

    def __init__(self, code, detail=""):
        super().__init__(f"{code}: {detail}")
        self.code = code


class Number(Decimal):
    """A JSON number together with its literal text."""

    __slots__ = ("text",)

    def __new__(cls, text):
        try:
            self = super().__new__(cls, text)
        except InvalidOperation:  # an exponent beyond what can be counted
            self = super().__new__(cls, "-1e9999" if text.startswith("-") else "1e9999")
        self.text = text
        return self


# --- time -----------------------------------------------------------------------------------------

EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)


class Zone:
    """Calendar days and wall times of a time zone."""

    def __init__(self, name):
        self.zone = ZoneInfo(name)
        self.offsets = {}

    def offset(self, micros):
        """Offset from UTC in force, microseconds."""
        quarter = micros // (15 * MINUTE)
        known = self.offsets.get(quarter)
        if known is None:
            moment = EPOCH + timedelta(microseconds=quarter * 15 * MINUTE)
            delta = moment.astimezone(self.zone).utcoffset()
            known = (delta.days * 86_400 + delta.seconds) * SECOND
            self.offsets[quarter] = known
        return known

    def day(self, micros):
        """Days since 1970-01-01 on the zone's wall."""
        return (micros + self.offset(micros)) // DAY

    def instant(self, wall):
        """The instant of a wall time; shown twice: the earlier; never shown: the first after the gap."""
        around = {self.offset(wall - 26 * HOUR), self.offset(wall), self.offset(wall + 26 * HOUR)}
        shown = [wall - offset for offset in around if self.offset(wall - offset) == offset]
        if shown:
            return min(shown)
        low, high = wall - max(around), wall - min(around)
        before = self.offset(low)
        while high - low > 1:
            middle = (low + high) // 2
            if self.offset(middle) == before:
                low = middle
            else:
                high = middle
        return high


STAMP = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)(?:([Tt ])(\d\d):(\d\d):(\d\d)(?:\.(\d+))?([Zz]|[+-]\d\d:\d\d)?)?\Z", re.ASCII)


def parse_stamp(text, zone):
    """Microseconds of a time stamp as text; None where it is none."""
    match = STAMP.match(text)
    if not match:
        return None
    year, month, day, separator, hour, minute, second, fraction, offset = match.groups()
    try:
        seconds = int(second or 0)
        leap = 1 if seconds == 60 else 0
        moment = datetime(
            int(year), int(month), int(day), int(hour or 0), int(minute or 0), seconds - leap,
            tzinfo=timezone.utc)
    except ValueError:
        return None
    delta = moment - EPOCH
    micros = (delta.days * 86_400 + delta.seconds + leap) * SECOND + int(((fraction or "") + "000000")[:6])
    if offset is None:
        return zone.instant(micros)
    if offset in ("Z", "z"):
        return micros
    hours, minutes = int(offset[1:3]), int(offset[4:6])
    if hours > 23 or minutes > 59:
        return None
    shift = (hours * 60 + minutes) * MINUTE
    return micros - shift if offset[0] == "+" else micros + shift


def parse_epoch(number):
    """Microseconds of an epoch given as a number of seconds, milliseconds or microseconds."""
    size = abs(number)
    if size < Decimal(10) ** 11:
        scale = 1_000_000
    elif size < Decimal(10) ** 14:
        scale = 1000
    elif size < Decimal(10) ** 17:
        scale = 1
    else:
        return None
    return math.floor(Fraction(number) * scale)


def stamp(micros):
    """RFC 3339 in UTC, with a fraction only where there is one."""
    moment = EPOCH + timedelta(microseconds=micros)
    text = moment.strftime("%Y-%m-%dT%H:%M:%S").rjust(19, "0")
    if moment.microsecond:
        text += f".{moment.microsecond:06d}".rstrip("0")
    return text + "Z"


# --- lines ----------------------------------------------------------------------------------------

def no_constant(text):
    raise ValueError(f"{text} is not JSON")


class Pairs(list):
    """A JSON object as its pairs, in order, repeats kept."""


def money(number, name):
    if not isinstance(number, Number):
        raise Reject("bad_field", f"{name} is not a number")
    if abs(number) > MONEY_MAX:
        raise Reject("bad_field", f"{name} is beyond 10^12")
    if number.adjusted() < -40:
        return 0
    return int(EXACT.multiply(number, Decimal(1_000_000)).to_integral_value(ROUND_HALF_EVEN))


def text(value, name):
    if not isinstance(value, str):
        raise Reject("bad_field", f"{name} is not a string")
    return value


def first_of(members, keys):
    for key in keys:
        if members.get(key) is not None:
            return members[key]
    return None


def decode_items(value):
    if not isinstance(value, list) or isinstance(value, Pairs):
        raise Reject("bad_field", "items is not an array")
    items = []
    for entry in value:
        if not isinstance(entry, Pairs):
            raise Reject("bad_field", "an item is not an object")
        members = dict(entry)
        if members.get("item_id") is None:
            raise Reject("bad_field", "an item has no item_id")
        identifier = members["item_id"]
        item = {"item_id": identifier.text if isinstance(identifier, Number) else text(identifier, "item_id")}
        if members.get("item_category") is not None:
            item["item_category"] = text(members["item_category"], "item_category")
        name = members.get("item_name")
        if isinstance(name, str) and 1 <= len(name.encode()) <= 256:
            item["item_name"] = name
        quantity, price = members.get("quantity"), members.get("price")
        item["quantity"] = 1_000_000 if quantity is None else money(quantity, "quantity")
        if price is not None:
            item["price"] = money(price, "price")
        items.append(item)
    return items


def item_amount(item):
    """Quantity × price in millionths."""
    product = Fraction(item["quantity"] * item["price"], 1_000_000)
    return round(product)


def depth(tree):
    """Nesting of a value: 0 for a plain one, 1 for an object or array of plain ones."""
    deepest, level, values = 0, 1, [tree]
    while values:
        inner = []
        for value in values:
            if isinstance(value, Pairs):
                inner += [member for _, member in value]
            elif isinstance(value, list):
                inner += value
        if any(isinstance(value, list) for value in values):
            deepest = level
        level, values = level + 1, inner
    return deepest


def decode(line, config, zone):
    """One line of bytes (without its newline) as an event; raises `Reject`."""
    try:
        source = line.decode("utf-8")
    except UnicodeDecodeError as error:
        raise Reject("bad_utf8") from error
    try:
        tree = json.loads(
            source, object_pairs_hook=Pairs, parse_int=Number, parse_float=Number,
            parse_constant=no_constant)
    except RecursionError as error:
        raise Reject("too_deep") from error
    except ValueError as error:
        raise Reject("bad_json", str(error)) from error
    if not isinstance(tree, Pairs):
        raise Reject("not_object")
    if depth(tree) > NESTING:
        raise Reject("too_deep")
    seen = set()
    for key, _ in tree:
        if key in MAPPED and key in seen:
            raise Reject("bad_field", f"{key} is given twice")
        seen.add(key)
    return event_of(dict(tree), config, zone)


def event_of(members, config, zone):
    values = {name: first_of(members, keys) for name, keys in KEYS.items()}
    for name in ("user", "time", "name"):
        if values[name] is None:
            raise Reject("missing_field", name)
    user = values["user"]
    user = user.text if isinstance(user, Number) else text(user, "user")
    if not 1 <= len(user.encode("utf-8", "surrogatepass")) <= 256:
        raise Reject("bad_field", "user has not 1 to 256 bytes")
    when = values["time"]
    if isinstance(when, Number):
        time = parse_epoch(when)
    else:
        time = parse_stamp(text(when, "time"), zone)
    if time is None:
        raise Reject("bad_field", "time")
    name = text(values["name"], "name")
    event = Event(user=user, time=time, name=dict(config.event_names).get(name, name))
    if values["id"] is not None:
        event.id = text(values["id"], "id")
    if values["value"] is not None:
        event.value = money(values["value"], "value")
    for dimension in DIMENSIONS:
        if members.get(dimension) is not None:
            event.dimensions[dimension] = text(members[dimension], dimension)
    if members.get("discount") is not None:
        money(members["discount"], "discount")
    if members.get("discount_unit") is not None:
        text(members["discount_unit"], "discount_unit")
    if members.get("coupon") is not None:
        event.coupon = text(members["coupon"], "coupon")
        if event.coupon not in ("used", "not_used", "clicked"):
            raise Reject("bad_field", "coupon")
    if members.get("items") is not None:
        event.items = decode_items(members["items"])
    if event.value is None and event.items is not None and event.name in ("purchase", "refund"):
        event.value = sum(item_amount(item) for item in event.items if "price" in item)
    return event


@dataclass
class Log:
    """A log as it was taken: events without repeats, in order of arrival, and what became of each line."""

    events: list
    lone: set
    rejected: list
    duplicates: int
    late: int
    now: int | None
    # What events last called each item, repeats too.
    item_names: dict = field(default_factory=dict)


def read_log(lines, config):
    """Takes lines (bytes) and `Advance`s in order of arrival."""
    zone = Zone(config.zone)
    log = Log([], set(), [], 0, 0, None)
    kept = {}
    closed = None  # everything up to and including this was closed by $advance
    number = -1
    for entry in lines:
        if isinstance(entry, Advance):
            log.now = entry.to if log.now is None else max(log.now, entry.to)
            closed = entry.to if closed is None else max(closed, entry.to)
            continue
        number += 1
        try:
            event = decode(entry.rstrip(b"\r\n"), config, zone)
        except Reject as reject:
            log.rejected.append((number, reject.code))
            continue
        event.arrival = number
        log.item_names.update((item["item_id"], item["item_name"]) for item in event.items or [] if "item_name" in item)
        if event.id is not None:
            times = kept.setdefault((event.user, event.id), [])
            if any(abs(event.time - time) <= config.dedupe_window for time in times):
                log.duplicates += 1
                # A repeat is an accepted line: its time moves the clock as any other's.
                log.now = event.time if log.now is None else max(log.now, event.time)
                continue
            times.append(event.time)
        if log.now is not None:
            late = event.time < log.now - config.lateness or (closed is not None and event.time <= closed)
            log.late += late
            if late and event.time < log.now - config.keep_or_default:
                log.lone.add(number)
        log.now = event.time if log.now is None else max(log.now, event.time)
        log.events.append(event)
    return log


# --- features -------------------------------------------------------------------------------------

@dataclass(frozen=True)
class Time:
    """An instant to be compared as such, whatever its spelling."""

    micros: int


def sessions(times, lone, gap):
    """(first, last) of each maximal run in which no two neighbours are more than the gap apart."""
    runs = []
    for time in times:
        if runs and time - runs[-1][1] <= gap:
            runs[-1][1] = time
        else:
            runs.append([time, time])
    return runs + [[time, time] for time in lone]


def sessions_object(runs):
    total = sum(last - first for first, last in runs)
    return {
        "count": len(runs),
        "total_s": Fraction(total, SECOND),
        "mean_s": Approximate(Fraction(total, SECOND * len(runs))),
    }


@dataclass(frozen=True)
class Approximate:
    """A mean or deviation: held to 1e-9 relative."""

    value: Fraction


def amount(millionths):
    return Fraction(millionths, 1_000_000)


def root(fraction):
    """Square root of a fraction to some 40 digits."""
    context = Context(prec=50)
    quotient = context.divide(Decimal(fraction.numerator), Decimal(fraction.denominator))
    return Fraction(context.sqrt(quotient))


def most_frequent(events, dimension):
    """Ties to the value seen first by event time; the events come sorted."""
    counts = {}
    for event in events:
        value = event.dimensions.get(dimension)
        if value is not None:
            counts[value] = counts.get(value, 0) + 1
    if not counts:
        return None
    most = max(counts.values())
    return next(value for value, count in counts.items() if count == most)


def purchase_objects(purchases, zone, today):
    """`purchase` (without refunds) and `rfm`."""
    days = {}
    for event in purchases:
        day = zone.day(event.time)
        days[day] = days.get(day, 0) + (event.value or 0)
    order = sorted(days)
    revenue = sum(days.values())
    purchase = {
        "count": len(purchases), "days": len(order), "revenue": amount(revenue),
        "mean_value": Approximate(amount(revenue) / len(purchases)),
        "first": Time(purchases[0].time), "last": Time(purchases[-1].time),
    }
    gaps = [b - a for a, b in zip(order, order[1:])]
    if gaps:
        mean = Fraction(sum(gaps), len(gaps))
        purchase["interval_mean_d"] = Approximate(mean)
        if len(gaps) > 1:
            variance = sum((gap - mean) ** 2 for gap in gaps) / (len(gaps) - 1)
            purchase["interval_sd_d"] = Approximate(root(variance))
    frequency = len(order) - 1
    repeat = revenue - days[order[0]]
    rfm = {
        "frequency": frequency, "recency_d": order[-1] - order[0], "T_d": today - order[0],
        "monetary_value": Approximate(amount(repeat) / frequency if frequency else Fraction(0)),
        "days_since_last": today - order[-1],
    }
    return purchase, rfm


def rolling(events, starts, zone, today):
    result = {}
    for days in WINDOWS:
        inside = range(today - days + 1, today + 1)
        bought = [e for e in events if e.name == "purchase" and zone.day(e.time) in inside]
        result[f"{days}d"] = {
            "events": sum(zone.day(event.time) in inside for event in events),
            "sessions": sum(zone.day(start) in inside for start in starts),
            "purchases": len(bought),
            "revenue": amount(sum(event.value or 0 for event in bought)),
        }
    return result


def amounts_by(purchases):
    result = {"category": {}, "payment_method": {}, "channel": {}}
    for event in purchases:
        for item in event.items or []:
            if "item_category" in item and "price" in item:
                totals = result["category"]
                totals[item["item_category"]] = totals.get(item["item_category"], 0) + item_amount(item)
        for dimension in ("payment_method", "channel"):
            value = event.dimensions.get(dimension)
            if value is not None:
                totals = result[dimension]
                totals[value] = totals.get(value, 0) + (event.value or 0)
    return {
        dimension: {value: amount(total) for value, total in totals.items() if total}
        for dimension, totals in result.items() if any(totals.values())
    }


def recent_object(event, names):
    shown = {"at": Time(event.time), "value": amount(event.value or 0)}
    if event.items:
        shown["items"] = [
            {**item, "quantity": amount(item["quantity"]),
             **({"price": amount(item["price"])} if "price" in item else {}),
             **({"item_name": names[item["item_id"]]} if item["item_id"] in names else {})}
            for item in event.items
        ]
    return shown


def user_object(events, log, config, zone, names):
    """`events`: all of one user's, sorted by (event time, arrival)."""
    today = zone.day(log.now)
    joined = [e.time for e in events if e.arrival not in log.lone]
    alone = [e.time for e in events if e.arrival in log.lone]
    short = sessions(joined, alone, config.short_gap)
    counts = {}
    for event in events:
        name = event.name if event.name in names else "other"
        counts[name] = counts.get(name, 0) + 1
    purchases = [event for event in events if event.name == "purchase"]
    refunds = [event for event in events if event.name == "refund"]
    result = {
        "user": events[0].user, "first_seen": Time(events[0].time), "last_seen": Time(events[-1].time),
        "event_total": len(events), "events": counts, "converted": bool(purchases),
        "sessions": {
            "short": sessions_object(short),
            "long": sessions_object(sessions(joined, alone, config.long_gap)),
        },
        "rolling": rolling(events, [start for start, _ in short], zone, today),
    }
    main = {dimension: most_frequent(events, dimension) for dimension in MAIN}
    result["main"] = {dimension: value for dimension, value in main.items() if value is not None}
    if purchases:
        result["purchase"], result["rfm"] = purchase_objects(purchases, zone, today)
        result["amount_by"] = amounts_by(purchases)
        result["recent_purchases"] = [recent_object(event, log.item_names) for event in purchases[-RECENT:][::-1]]
    if refunds:
        result.setdefault("purchase", {})["refunds"] = {
            "count": len(refunds), "value": amount(sum(event.value or 0 for event in refunds))}
    coupon = {kind: sum(e.coupon == kind for e in events) for kind in ("used", "not_used", "clicked")}
    if any(coupon.values()):
        result["coupon"] = {
            **coupon, "used_ratio": Approximate(Fraction(coupon["used"], sum(coupon.values())))}
    profile = {}
    for event in events:
        for key in PROFILE:
            if key in event.dimensions:
                profile[key] = event.dimensions[key]
    result["profile"] = profile
    return {key: value for key, value in result.items() if value != {} and value != []}


def features(log, config):
    """Every user's object by user id."""
    zone = Zone(config.zone)
    names = set(KNOWN)
    by_user = {}
    custom = 0
    for event in log.events:
        if event.name not in names and custom < NAMES:
            names.add(event.name)
            custom += 1
        by_user.setdefault(event.user, []).append(event)
    return {
        user: user_object(sorted(events, key=lambda e: (e.time, e.arrival)), log, config, zone, names)
        for user, events in by_user.items()
    }


# --- comparison -----------------------------------------------------------------------------------

# What follows from a model, or is described without a definition; checked elsewhere.
NOT_COMPARED = {
    "segment", "segments", "segment_at_last_purchase", "tier", "tier_best", "grade", "predictions",
    "recommendations", "recommended_categories", "rfm_cell",
}
UTC = Zone("UTC")


def load(line):
    """A JSON answer with its numbers exact."""
    return json.loads(line, parse_float=Decimal)


def differences(expected, actual, path=""):
    """Sentences about where an answer differs from the calculation; empty where it does not."""
    if isinstance(expected, dict):
        return differences_of_objects(expected, actual, path)
    if isinstance(expected, list):
        if not isinstance(actual, list) or len(expected) != len(actual):
            return [f"{path}: {len(expected)} entries expected, got {actual!r:.120}"]
        return [
            line for index, (e, a) in enumerate(zip(expected, actual))
            for line in differences(e, a, f"{path}[{index}]")
        ]
    if isinstance(expected, Time):
        got = parse_stamp(actual, UTC) if isinstance(actual, str) else None
        return [] if got == expected.micros else [f"{path}: {stamp(expected.micros)} expected, got {actual}"]
    if isinstance(expected, (bool, str)) or isinstance(actual, (bool, str)) or actual is None:
        same = type(expected) is type(actual) and expected == actual
        return [] if same else [f"{path}: {expected!r} expected, got {actual!r}"]
    if not isinstance(actual, (int, Decimal)):
        return [f"{path}: a number expected, got {actual!r:.120}"]
    got = Fraction(actual)
    if isinstance(expected, Approximate):
        near = abs(got - expected.value) <= max(abs(expected.value), abs(got)) * Fraction(1, 10**9)
        return [] if near else [f"{path}: {float(expected.value)!r} expected, got {actual}"]
    return [] if got == expected else [f"{path}: {float(expected)!r} expected, got {actual}"]


def differences_of_objects(expected, actual, path):
    if not isinstance(actual, dict):
        return [f"{path}: an object expected, got {actual!r:.120}"]
    if path == "":
        actual = {key: value for key, value in actual.items() if key not in NOT_COMPARED}
        actual = tidy(actual)
    elif path == ".purchase" and "count" not in expected:
        # Only refunds: the contract does not say whether zeros stand beside them.
        actual = {key: value for key, value in actual.items() if key == "refunds"}
    elif path.startswith(".recent_purchases[") and path.endswith("]") and "quantity" in expected:
        actual = {"quantity": 1, **actual}
    found = [f"{path}.{key}: missing" for key in expected if key not in actual]
    found += [f"{path}.{key}: not expected, got {actual[key]!r:.120}" for key in actual if key not in expected]
    for key in expected:
        if key in actual:
            found += differences(expected[key], actual[key], f"{path}.{key}")
    return found


def tidy(actual):
    """Leaves out what the contract allows either way: sums of nothing, empty lists of items."""
    actual = dict(actual)
    if "amount_by" in actual:
        kept = {
            dimension: {value: total for value, total in totals.items() if total != 0}
            for dimension, totals in actual["amount_by"].items()
        }
        actual["amount_by"] = {dimension: totals for dimension, totals in kept.items() if totals}
        if not actual["amount_by"]:
            del actual["amount_by"]
    if "recent_purchases" in actual:
        actual["recent_purchases"] = [
            {key: value for key, value in shown.items() if not (key == "items" and value == [])}
            for shown in actual["recent_purchases"]
        ]
    return actual
