"""Logs to feed: the real ones, where they are at hand, and a synthetic one that goes into every corner."""

import gzip
import json
import random
from pathlib import Path

from features import DAY, HOUR, MINUTE, SECOND, stamp

FIXTURES = Path(__file__).resolve().parent.parent / "Fixtures"
REAL = ["cdnow_sample", "google_store_a", "marketing_insights", "online_retail_a"]


def read(path):
    """Lines of a gzipped log, newlines kept."""
    with gzip.open(path, "rb") as file:
        return file.read().splitlines(keepends=True)


def real(name, shared):
    """A real log's lines, or None where it is not at hand."""
    for folder in (Path(shared) / "data" / "events", FIXTURES):
        path = folder / f"{name}.ndjson.gz"
        if path.exists():
            return read(path)
    return None


START = 1_719_792_000 * SECOND  # 2024-07-01T00:00:00Z
MEDIA = ["criteo", "direct", "카카오", "organic", "naver"]
CATEGORIES = ["skincare", "마스크팩", "home", "men\u2019s \"wear\""]
NAMES = [
    "session_start", "session_start", "first_visit", "view_item", "view_item", "add_to_cart",
    "begin_checkout", "purchase", "login", "sign_up", "refund", "page_view", "wish_list",
]
STEPS = [  # what lies between two events of one user: the gaps and delays themselves among them
    0, 1, SECOND, 5 * MINUTE, 30 * MINUTE - 1, 30 * MINUTE, 30 * MINUTE + 1, HOUR, HOUR + 1,
    24 * HOUR - 1, 24 * HOUR, 24 * HOUR + 1, 3 * DAY, 14 * DAY, 14 * DAY + 1, 25 * DAY, 25 * DAY + 1,
    60 * DAY, 61 * DAY,
]


def spelling(rng, time):
    """One of the forms of the contract for an instant of whole microseconds."""
    form = rng.randrange(4)
    if form == 0 and time % SECOND == 0:
        return time // SECOND
    if form == 1 and time % 1000 == 0:
        return time // 1000
    if form == 2:
        return time
    if form == 3:
        return stamp(time + 9 * HOUR)[:-1] + "+09:00"
    return stamp(time)


def one(rng, user, time, number):
    members = {
        rng.choice(["user_id", "user_pseudo_id"]): user,
        rng.choice(["event_timestamp", "timestamp", "time", "ts"]): spelling(rng, time),
        rng.choice(["event_name", "event"]): rng.choice(NAMES),
    }
    name = members.get("event_name") or members.get("event")
    for key, values in (
            ("device", ["mobile", "desktop"]), ("media", MEDIA), ("type", ["a", "b"]),
            ("channel", ["online", "store"]), ("payment_method", ["card", "lpay"]), ("gender", ["F", "M"]),
            ("age_band", ["20s", "30s", "40s"]), ("region", ["Z1", "Z2"]),
            ("coupon", ["used", "not_used", "clicked"])):
        if rng.random() < 0.4:
            members[key] = rng.choice([*values, None])
    if name in ("purchase", "refund"):
        money(rng, members)
    elif rng.random() < 0.1:
        members["value"] = rng.randrange(10**6)
    if rng.random() < 0.5:
        members[rng.choice(["event_id", "insert_id"])] = f"e{number}"
    return members


def money(rng, members):
    kind = rng.randrange(5)
    if kind != 0:
        members["items"] = [
            {key: value for key, value in (
                ("item_id", f"P{rng.randrange(30):03d}"),
                ("item_category", rng.choice([*CATEGORIES, None])),
                ("quantity", rng.choice([1, 2, 3, None])),
                ("price", rng.choice([9.99, 1200, 0.5, 41110, 0.000001, None]))) if rng.random() < 0.9
                or key == "item_id"}
            for _ in range(rng.randrange(1, 4))]
    if kind in (0, 1, 2):
        members[rng.choice(["purchase_value", "value", "revenue"])] = rng.choice(
            [29.33, 41110, 0, 123456.789012, 7])


def synthetic(seed, events=4000, users=120, repeats=True):
    """Lines in the order of time; every user's steps hit the gaps and the delays exactly as well.

    Half of the identifiers are sent a second time within the window, so that they count once.
    """
    rng = random.Random(seed)
    rows = []
    per_user = max(1, events // users)
    for index in range(users):
        user = rng.choice([f"u{index}", 1_000_000_000 + index, float(f"{index}.25"), f"사용자 {index}", f"a/b?{index}&%"])
        time = START + rng.randrange(60) * DAY + rng.randrange(24 * 3600) * SECOND
        for _ in range(rng.randrange(1, 2 * per_user)):
            rows.append((time, one(rng, user, time, len(rows))))
            time += rng.choice(STEPS[:12]) if rng.random() < 0.9 else rng.choice(STEPS)
            time = min(time, START + 300 * DAY)
    extra = []
    if repeats:
        for time, members in rows:
            identified = "event_id" in members or "insert_id" in members
            if identified and rng.random() < 0.5:
                extra.append((time + rng.randrange(1, 3600) * SECOND, members))
    rows += [(time, {**members}) for time, members in extra]
    rows.sort(key=lambda row: row[0])
    last = max(time for time, _ in rows) + SECOND
    rows.append((last, {"user_id": "the last", "ts": stamp(last), "event": "page_view"}))
    return [json.dumps(members, ensure_ascii=rng.random() < 0.5).encode() + b"\n" for _, members in rows]


def shuffled(lines, times_and_users, lateness, seed):
    """The lines in another order of arrival, none later than the lateness allows.

    Each line's place is its time plus a chance amount below the lateness, the same for lines of one user
    and one instant, so that these keep their order.
    """
    rng = random.Random(seed)
    jitter = {}
    keyed = []
    for line, (time, user) in zip(lines, times_and_users):
        delay = jitter.setdefault((user, time), rng.randrange(max(1, lateness - SECOND)))
        keyed.append((time + delay, line))
    keyed.sort(key=lambda entry: entry[0])
    return [line for _, line in keyed]
