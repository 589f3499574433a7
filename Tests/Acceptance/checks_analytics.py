"""What `GET /v1/analytics/…` shows, held against a plain count of the log's lines."""

import http.client
import json
import math
import random
import shutil
import subprocess
import time
from collections import Counter, defaultdict
from fractions import Fraction

import features
from checks_erasure import erase
from checks_recovery import SNAPSHOTS
from features import DAY, HOUR, MINUTE, SECOND, Config, Zone, stamp
from harness import CONFIGS, Skip, check, check_each, eventually, expect, expect_equal
from logs import REAL, synthetic

DIMENSIONS = ["device", "media", "type", "channel", "payment_method", "gender", "age_band", "region"]
NAMES = [
    "overview", *DIMENSIONS, "seasonality", "cohorts", "funnel", "paths", "sales", "transitions", "grades",
    "categories", "coupons", "promotions", "search", "age_gender", "personas",
]
QUERIES = [
    *NAMES, "overview?days=10000", "seasonality?by=segment", "seasonality?by=category",
    "seasonality?by=channel", "seasonality?event=view_item", "funnel?by=media", "funnel?by=device",
]
STEPS = ["view_item", "add_to_cart", "begin_checkout", "purchase"]
WINDOW = 24 * HOUR
QUIET = {"models": {"enabled": []}}


def asked(daemon, query):
    answer = daemon.status.get("/v1/analytics/" + query)
    expect_equal(answer.status, 200, f"status of {query} ({answer.body!r:.200})")
    return json.loads(answer.body)


def all_bytes(daemon):
    """Every analysis as it comes."""
    bodies = {}
    for query in QUERIES:
        answer = daemon.status.get("/v1/analytics/" + query)
        expect_equal(answer.status, 200, f"status of {query} ({answer.body!r:.200})")
        bodies[query] = answer.body
    return bodies


def expect_same_bytes(got, wanted, when):
    for query, body in wanted.items():
        expect(got[query] == body, f"{query} {when}: {got[query]!r:.300} is not {body!r:.300}")


def near(value, wanted, what, tolerance=1e-9):
    if wanted is None or value is None:
        expect(value is None and wanted is None, f"{what}: {value}, not {wanted}")
        return
    wanted = float(wanted)
    expect(abs(value - wanted) <= tolerance * max(1.0, abs(wanted)), f"{what}: {value}, not {wanted}")


def money(millionths):
    return Fraction(millionths, 1_000_000)


def ratio(part, whole):
    return None if whole == 0 else Fraction(part, whole)


def month_of(day):
    return (features.EPOCH + features.timedelta(days=day)).strftime("%Y-%m")


def day_text(day):
    return (features.EPOCH + features.timedelta(days=day)).strftime("%Y-%m-%d")


class Plain:
    """The log's events and users, counted from the lines."""

    def __init__(self, lines, config, without=()):
        self.config = config
        self.zone = Zone(config.zone)
        log = features.read_log(lines, config)
        self.events = log.events
        self.today = self.zone.day(log.now)
        everybody = features.features(log, config)
        self.sessions = sum(user["sessions"]["short"]["count"] for user in everybody.values())
        self.users = {user: row for user, row in everybody.items() if user not in without}
        self.purchases = [event for event in self.events if event.name == "purchase"]
        self.of_user = defaultdict(list)
        for event in sorted(self.events, key=lambda e: (e.time, e.arrival)):
            self.of_user[event.user].append(event)

    def day(self, event):
        return self.zone.day(event.time)

    def wall(self, event):
        """Weekday (0 Monday) and hour."""
        micros = event.time + self.zone.offset(event.time)
        return (micros // DAY + 3) % 7, micros % DAY // HOUR

    def value_of(self, user, dimension):
        row = self.users[user]
        return row.get("main", {}).get(dimension) or row.get("profile", {}).get(dimension)

    def members(self, part):
        """Users, converted, purchases and revenue by what `part` says of a user, None left out."""
        groups = defaultdict(lambda: [0, 0, 0, 0])
        for user, row in self.users.items():
            key = part(user)
            if key is None:
                continue
            bought = [event for event in self.of_user[user] if event.name == "purchase"]
            groups[key][0] += 1
            groups[key][1] += bool(bought)
            groups[key][2] += len(bought)
            groups[key][3] += sum(event.value or 0 for event in bought)
        return groups


def expect_ranked(rows, key, size, what):
    order = [(-row[size], row[key].encode()) for row in rows]
    expect_equal(order, sorted(order), f"order of {what}")


def expect_members(row, counts, users, what):
    expect_equal([row["users"], row["converted"], row["purchases"]], counts[:3], what)
    near(row["revenue"], money(counts[3]), f"revenue of {what}")
    near(row["share"], ratio(counts[0], users), f"share of {what}")
    near(row["rate"], ratio(counts[1], counts[0]), f"rate of {what}")
    near(row["order_value"], ratio(money(counts[3]), counts[2]), f"order value of {what}")
    near(row["revenue_per_user"], ratio(money(counts[3]), counts[0]), f"revenue per user of {what}")
    if counts[0]:
        low, high = wilson(counts[1], counts[0])
        near(row["rate_low"], low, f"lower bound of {what}")
        near(row["rate_high"], high, f"upper bound of {what}")


def wilson(successes, count):
    z = 1.959963984540054
    p = successes / count
    middle = (p + z * z / (2 * count)) / (1 + z * z / count)
    reach = z / (1 + z * z / count) * math.sqrt(p * (1 - p) / count + z * z / (4 * count * count))
    return max(0.0, middle - reach), min(1.0, middle + reach)


def chi_square(table):
    """Pearson's statistic with Yates' correction where there is one degree of freedom; None with an empty line."""
    rows = [sum(row) for row in table]
    columns = [sum(column) for column in zip(*table)]
    total = sum(rows)
    if 0 in rows or 0 in columns:
        return None
    small = len(rows) == 2 and len(columns) == 2
    statistic = 0.0
    for row, row_sum in zip(table, rows):
        for count, column_sum in zip(row, columns):
            expected = row_sum * column_sum / total
            off = abs(count - expected)
            off -= min(0.5, off) if small else 0
            statistic += off * off / expected
    return statistic


# --- each analysis ----------------------------------------------------------------------------------

def check_overview(answer, plain, erased_buyers=0):
    totals = answer["totals"]
    revenue = sum(event.value or 0 for event in plain.purchases)
    refunds = [event for event in plain.events if event.name == "refund"]
    expect_equal(totals["events"], len(plain.events), "events")
    expect_equal(totals["users"], len(plain.users), "users")
    expect_equal(totals["buyers"], sum(row["converted"] for row in plain.users.values()), "buyers")
    expect_equal(totals["sessions"], plain.sessions, "sessions")
    expect_equal(totals["purchases"], len(plain.purchases), "purchases")
    expect_equal(totals["refunds"], len(refunds), "refunds")
    near(totals["revenue"], money(revenue), "revenue")
    near(totals["refund_value"], money(sum(event.value or 0 for event in refunds)), "refunded")
    near(totals["mean_value"], ratio(money(revenue), len(plain.purchases)), "mean value")
    shown = {row["value"]: row["events"] for row in answer["events"]["name"]}
    expect_equal(shown, dict(Counter(event.name for event in plain.events)), "events by name")
    for dimension in DIMENSIONS:
        rows = answer["events"][dimension]
        counted = Counter(
            event.dimensions[dimension] for event in plain.events if dimension in event.dimensions)
        expect_equal({row["value"]: row["events"] for row in rows}, dict(counted), f"events by {dimension}")
        expect_ranked(rows, "value", "events", f"events by {dimension}")
    check_values(answer["purchase_values"], sorted(e.value for e in plain.purchases if e.value is not None))
    check_daily(answer["daily"], plain)
    check_daily_payments(answer, plain)


def check_daily_payments(answer, plain):
    """Days of the last four months by payment method; a buyer counts by the first purchase of the day to arrive."""
    last = [int(part) for part in month_of(plain.today).split("-")]
    paid, first, bought, buyers = defaultdict(lambda: [0, 0]), {}, Counter(), Counter()
    for event in sorted(plain.purchases, key=lambda e: e.arrival):
        day, method = plain.day(event), event.dimensions.get("payment_method")
        month = [int(part) for part in month_of(day).split("-")]
        bought[day] += 1
        if (event.user, day) not in first:
            first[event.user, day] = method
            buyers[day] += 1
        if method is None or (last[0] - month[0]) * 12 + last[1] - month[1] >= 4:
            continue
        paid[day_text(day), method][0] += 1
        paid[day_text(day), method][1] += event.value or 0
    users = Counter((day_text(day), method) for (_, day), method in first.items())
    rows = answer["daily_by_payment_method"]
    expect_equal({(row["day"], row["value"]) for row in rows}, set(paid), "days by payment method")
    expect_equal(rows, sorted(rows, key=lambda row: (row["day"], row["value"].encode())), "order of payments")
    days = {day_text(day): (bought[day], buyers[day]) for day in bought}
    for row in rows:
        key, what = (row["day"], row["value"]), f"{row['value']} on {row['day']}"
        expect_equal([row["purchases"], row["users"]], [paid[key][0], users[key]], what)
        near(row["revenue"], money(paid[key][1]), f"revenue of {what}")
        near(row["share_of_purchases"], ratio(row["purchases"], days[row["day"]][0]), f"purchases of {what}")
        near(row["share_of_users"], ratio(row["users"], days[row["day"]][1]), f"users of {what}")


def check_values(shown, values):
    expect_equal(shown["count"], len(values), "purchase values")
    if not values:
        expect_equal([shown["mean"], shown["median"], shown["min"]], [None] * 3, "values of nothing")
        return
    mean = Fraction(sum(values), len(values))
    near(shown["mean"], mean / 1_000_000, "mean of values")
    near(shown["min"], money(values[0]), "least value")
    near(shown["max"], money(values[-1]), "greatest value")
    if len(values) > 1:
        variance = sum((value - mean) ** 2 for value in values) / (len(values) - 1)
        near(shown["deviation"], math.sqrt(variance) / 1e6, "deviation of values")
    for key, share in (("q1", 0.25), ("median", 0.5), ("q3", 0.75)):
        wanted = values[max(1, math.ceil(share * len(values))) - 1] / 1e6
        off = abs(shown[key] - wanted)
        expect(off <= shown["relative_error"] * wanted * 1.000001, f"{key}: {shown[key]}, not {wanted}")
    expect_equal(sum(bar["count"] for bar in shown["histogram"]), sum(v > 0 for v in values), "histogram")
    for bar in shown["histogram"]:
        counted = sum(bar["from"] * 1e6 <= value < bar["to"] * 1e6 for value in values)
        expect(abs(bar["count"] - counted) == 0, f"values from {bar['from']}: {bar['count']}, not {counted}")


def check_daily(rows, plain):
    days = Counter(plain.day(event) for event in plain.events)
    bought = Counter(plain.day(event) for event in plain.purchases)
    earned = Counter()
    for event in plain.purchases:
        earned[plain.day(event)] += event.value or 0
    first = max(min(days), plain.today - 1095)
    expect_equal(rows[0]["day"], day_text(first), "first day")
    for offset, row in enumerate(rows):
        day = first + offset
        expect_equal(
            [row["day"], row["events"], row["purchases"]], [day_text(day), days[day], bought[day]],
            f"day {row['day']}")
        near(row["revenue"], money(earned[day]), f"revenue of {row['day']}")
    expect_equal(
        sum(row["events"] for row in rows), sum(n for day, n in days.items() if day >= first), "events of all days")


def check_members(answer, plain, dimension):
    groups = plain.members(lambda user: plain.value_of(user, dimension))
    users = sum(counts[0] for counts in groups.values())
    expect_equal(answer["users"], users, f"users with a {dimension}")
    expect_equal(answer["without"], len(plain.users) - users, f"users without a {dimension}")
    shown = {row["value"]: row for row in answer["values"]}
    seen = {event.dimensions[dimension] for event in plain.events if dimension in event.dimensions}
    expect_equal(set(shown), seen, f"values of {dimension}")
    expect_ranked(answer["values"], "value", "users", dimension)
    for value in seen:
        expect_members(shown[value], groups[value] if value in groups else [0] * 4, users, f"{dimension} {value}")
    cuts = [(0.3, "≥ 30 %"), (0.1, "≥ 10 %"), (0.01, "≥ 1 %"), (-1, "< 1 %")]
    members = Counter()
    for value in seen:
        count, converted = (groups[value] if value in groups else [0, 0])[:2]
        rate = converted / count if count else 0
        name = next(name for cut, name in cuts if rate >= cut)
        members[name] += 1
        expect_equal(shown[value]["group"], name, f"group of {value}")
    expect_equal({g["group"]: g["values"] for g in answer["groups"]}, {n: members[n] for _, n in cuts}, "groups")
    table = [[c[0] - c[1], c[1]] for c in groups.values()]
    wanted = chi_square(table) if len(table) > 1 else None
    test = answer["tests"]["chi_square"]
    near(test and test["statistic"], wanted, f"chi-square of {dimension}", 1e-8)
    for pair in answer["tests"]["pairs"]:
        a, b = groups[pair["a"]], groups[pair["b"]]
        near(pair["difference"], Fraction(a[1], a[0]) - Fraction(b[1], b[0]), f"{pair['a']} less {pair['b']}")
        near(pair["chi_square"], chi_square([[a[0] - a[1], a[1]], [b[0] - b[1], b[1]]]), "chi-square of a pair", 1e-8)
        expect(pair["low"] <= pair["difference"] <= pair["high"], "the interval holds the difference")
        expect(pair["p"] <= pair["p_holm"] <= pair["p_bonferroni"] <= 1, "corrected p values")
    if dimension == "device":
        check_stratified(answer["tests"]["stratified"], plain, answer["values"])


def check_stratified(test, plain, values):
    known = [row["value"] for row in values if row["users"]]
    if len(known) < 2:
        expect_equal(test, None, "a test of one device")
        return
    a, b = known[:2]
    groups = plain.members(lambda user: (plain.value_of(user, "media"), plain.value_of(user, "device")))
    surplus = variance = 0.0
    strata = 0
    for media in {media for media, _ in groups}:
        one, other = (groups[media, device] if (media, device) in groups else [0] * 4 for device in (a, b))
        n, size, successes = one[0] + other[0], one[0], one[1] + other[1]
        if n < 2 or size in (0, n) or successes in (0, n):
            continue
        strata += 1
        surplus += one[1] - size * successes / n
        variance += size * (n - size) * successes * (n - successes) / (n * n * (n - 1))
    if strata == 0:
        expect_equal(test, None, "a test without strata")
        return
    expect_equal([test["a"], test["b"], test["strata"]], [a, b, strata], "strata")
    near(test["statistic"], max(0.0, abs(surplus) - 0.5) ** 2 / variance, "stratified test", 1e-8)


def check_seasonality(answer, plain, name=None):
    events = Counter(plain.wall(event) for event in plain.events if name in (None, event.name))
    bought = Counter(plain.wall(event) for event in plain.purchases)
    for row in answer["hours"]:
        key = (row["weekday"] - 1, row["hour"])
        expect_equal([row["events"], row["purchases"]], [events[key], bought[key]], f"hour {key}")
    expect_equal(len(answer["hours"]), 168, "hours of a week")
    for row in answer["weekdays"]:
        wanted = sum(count for (day, _), count in events.items() if day == row["weekday"] - 1)
        expect_equal(row["events"], wanted, f"weekday {row['weekday']}")
    for row in answer["hours_of_day"]:
        wanted = sum(count for (_, hour), count in events.items() if hour == row["hour"])
        expect_equal(row["events"], wanted, f"hour {row['hour']}")
    months = Counter(month_of(plain.day(event)) for event in plain.events if name in (None, event.name))
    expect_equal(
        {row["month"]: row["events"] for row in answer["months"] if row["events"]}, dict(months), "months")


def check_cohorts(answer, plain):
    cells = defaultdict(lambda: [set(), 0, 0])
    first = {}
    for user in plain.users:
        days = [plain.day(event) for event in plain.of_user[user] if event.name == "purchase"]
        if days:
            first[user] = month_of(min(days))
    for event in plain.purchases:
        if event.user in first:
            cell = cells[first[event.user], month_of(plain.day(event))]
            cell[0].add(event.user)
            cell[1] += 1
            cell[2] += event.value or 0
    expect_equal({c["cohort"]: c["size"] for c in answer["cohorts"]}, dict(Counter(first.values())), "cohorts")
    for cohort in answer["cohorts"]:
        cumulative = 0
        for offset, row in enumerate(cohort["months"]):
            buyers, purchases, revenue = cells.get((cohort["cohort"], row["month"]), (set(), 0, 0))
            what = f"cohort {cohort['cohort']} in {row['month']}"
            cumulative += revenue
            expect_equal(
                [row["offset"], row["buyers"], row["purchases"]], [offset, len(buyers), purchases], what)
            near(row["retention"], Fraction(len(buyers), cohort["size"]), f"retention of {what}")
            near(row["revenue"], money(revenue), f"revenue of {what}")
            near(row["cumulative_revenue"], money(cumulative), f"cumulative revenue of {what}")
        expect_equal(cohort["months"][-1]["month"], month_of(plain.today), "last month")


def journeys(plain, window=WINDOW):
    """Journeys that reached each step, of who had never bought and of who had."""
    reached = {False: [0] * 4, True: [0] * 4}
    for events in plain.of_user.values():
        start, depth, again = None, 0, False
        bought = [event.time for event in events if event.name == "purchase"]
        for event in events:
            if event.name not in STEPS:
                continue
            step = STEPS.index(event.name) + 1
            if 0 < depth < 4 and event.time - start <= window:
                if step == depth + 1:
                    depth = step
                    reached[again][depth - 1] += 1
            elif step == 1:
                start, depth = event.time, 1
                again = any(time < event.time for time in bought)
                reached[again][0] += 1
            else:
                depth = 0
    return reached


def check_funnel(answer, plain):
    wanted = journeys(plain)
    expect_equal(answer["never_bought"]["journeys"], wanted[False], "journeys of who never bought")
    expect_equal(answer["bought_before"]["journeys"], wanted[True], "journeys of who bought before")
    both = [a + b for a, b in zip(wanted[False], wanted[True])]
    expect_equal(answer["all"]["journeys"], both, "journeys")
    for share, count in zip(answer["all"]["rates_from_first"], both):
        near(share, ratio(count, both[0]), "share of journeys")


def check_funnel_by(answer, whole):
    """Of each value no later step has more; together no more than all."""
    sums = [0] * 4
    for row in answer["values"]:
        counts = row["journeys"]
        expect(counts == sorted(counts, reverse=True) and counts[-1] >= 0, f"funnel of {row['value']}: {counts}")
        sums = [a + b for a, b in zip(sums, counts)]
    expect(all(a <= b for a, b in zip(sums, whole["all"]["journeys"])), "values have more journeys than all")


def check_paths(answer, plain):
    """What follows what within a short session, as the events arrived, without those out of order."""
    flows, begins, seen = Counter(), Counter(), Counter()
    last = {}
    for event in plain.events:
        before = last.get(event.user)
        if before and event.time < before.time:
            continue
        seen[event.name] += 1
        if before and event.time - before.time <= plain.config.short_gap:
            flows[before.name, event.name] += 1
        else:
            begins[event.name] += 1
        last[event.user] = event
    ends = seen.copy()
    for (name, _), count in flows.items():
        ends[name] -= count
    expect_equal({(f["from"], f["to"]): f["count"] for f in answer["flows"]}, dict(flows), "flows")
    expect_equal({row["event"]: row["count"] for row in answer["begins"]}, dict(begins), "begins of sessions")
    expect_equal(
        {row["event"]: row["count"] for row in answer["ends"]}, {n: c for n, c in ends.items() if c},
        "ends of sessions")


def check_sales(answer, plain):
    days = defaultdict(lambda: Counter())
    first = {}
    for user, events in plain.of_user.items():
        bought = [plain.day(event) for event in events if event.name == "purchase"]
        if bought:
            first[user] = min(bought)
            days[min(bought)]["first_purchases"] += 1
            for day in set(bought):
                days[day]["buyer_days"] += 1
    for event in plain.events:
        day = days[plain.day(event)]
        if event.name == "purchase":
            day["transactions"] += 1
            day["revenue"] += event.value or 0
            if first[event.user] == plain.day(event):
                day["new_revenue"] += event.value or 0
        day["sign_ups"] += event.name == "sign_up"
        day["refunds"] += event.name == "refund"
    counted = ["sign_ups", "first_purchases", "transactions", "buyer_days", "refunds"]
    for unit in ("daily", "weekly", "monthly"):
        held = 0
        for row in answer[unit]:
            span = [day for day in days if row["from"] <= day_text(day) <= row["to"]]
            wanted = sum((days[day] for day in span), Counter())
            for key in counted:
                expect_equal(row[key], wanted[key], f"{key} of {unit} {row['from']}")
            near(row["revenue"], money(wanted["revenue"]), f"revenue of {unit} {row['from']}")
            near(row["new_revenue"], money(wanted["new_revenue"]), f"new revenue of {unit} {row['from']}")
            expect_equal(
                row["complete"], row["to"] < day_text(plain.today) and row["from"] >= day_text(min(days)),
                f"whether {unit} {row['from']} is over")
            held += row["visits"]
        expect_equal(held, plain.sessions, f"visits of {unit}")
    for change in (answer["months_compared"], answer["decline"]):
        if change and change["by"]:
            for parts in (change["by"], change["by_buyers"]):
                near(sum(parts.values()), change["change"], "parts of a change", 1e-6)


def check_categories(answer, plain):
    lines = defaultdict(lambda: [0, 0, 0])
    months = defaultdict(lambda: [0, 0, 0])
    for event in plain.purchases:
        for item in event.items or []:
            if "item_category" not in item:
                continue
            amount = features.item_amount(item) if "price" in item else 0
            for cell in (lines[item["item_category"]], months[item["item_category"], month_of(plain.day(event))]):
                cell[0] += 1
                cell[1] += item["quantity"]
                cell[2] += amount
    expect_equal({row["category"] for row in answer["categories"]}, set(lines), "categories")
    for row in answer["categories"]:
        expect_cells(row, lines[row["category"]], row["category"])
        for month in row["months"]:
            expect_cells(month, months[row["category"], month["month"]], f"{row['category']} in {month['month']}")
        for parts in ("months", "segments", "grades", "age_gender"):
            expect_equal(sum(part["orders"] for part in row[parts]), row["orders"], f"{parts} of {row['category']}")


def expect_cells(row, cell, what):
    expect_equal(row["orders"], cell[0], f"lines of {what}")
    near(row["quantity"], money(cell[1]), f"quantity of {what}")
    near(row["revenue"], money(cell[2]), f"revenue of {what}")


def check_coupons(answer, plain):
    counted = Counter(event.coupon for event in plain.events if event.coupon)
    for state in answer["states"]:
        expect_equal(answer["all"][state], counted[state], f"coupons {state}")
    by_month = Counter((month_of(plain.day(e)), e.coupon) for e in plain.events if e.coupon)
    for row in answer["months"]:
        for state in answer["states"]:
            expect_equal(row[state], by_month[row["month"], state], f"coupons {state} in {row['month']}")
    near(answer["all"]["used_ratio"], ratio(counted["used"], sum(counted.values())), "share of coupons used")


def check_seasons_by(answer, plain, by):
    """Purchases by channel, lines by category; of segments, none being fitted, all in one."""
    orders = Counter()
    weekdays = Counter()
    for event in plain.purchases:
        if by == "category":
            keys = [item["item_category"] for item in event.items or [] if "item_category" in item]
        elif by == "channel":
            keys = [event.dimensions["channel"]] if "channel" in event.dimensions else []
        else:
            keys = ["none"]
        for key in keys:
            orders[key] += 1
            weekdays[key, plain.wall(event)[0]] += 1
    expect_equal({row["value"]: row["orders"] for row in answer["values"]}, dict(orders), f"orders by {by}")
    for row in answer["values"]:
        expect_equal(row["weekdays"], [weekdays[row["value"], day] for day in range(7)], f"weekdays of {row['value']}")
        expect_equal(sum(row["hours"]), row["orders"], f"hours of {row['value']}")
        expect_equal(sum(month["orders"] for month in row["months"]), row["orders"], f"months of {row['value']}")


def check_age_gender(answer, plain):
    def part(user):
        pair = (plain.value_of(user, "age_band"), plain.value_of(user, "gender"))
        return None if pair == (None, None) else pair

    groups = plain.members(part)
    users = sum(counts[0] for counts in groups.values())
    visits = Counter()
    for user, row in plain.users.items():
        visits[part(user)] += row["sessions"]["short"]["count"]
    shown = {(row["age"], row["gender"]): row for row in answer["groups"]}
    expect_equal(set(shown), set(groups), "groups of age and gender")
    for key, row in shown.items():
        expect_members(row, groups[key], users, f"age and gender {key}")
        expect_equal(row["visits"], visits[key], f"visits of {key}")


def check_search(answer, plain):
    counted = Counter(e.dimensions["search_term"] for e in plain.events if "search_term" in e.dimensions)
    wanted = {term: count for term, count in counted.items() if count >= 3}
    rare = sum(count for count in counted.values() if count < 3)
    if rare:
        wanted["(rare)"] = rare
    expect_equal({row["term"]: row["count"] for row in answer["terms"]}, wanted, "search terms")


def check_promotions(answer, plain):
    uses = Counter(e.dimensions["promo_code"] for e in plain.purchases if "promo_code" in e.dimensions)
    expect_equal({row["promotion"]: row["uses"] for row in answer["promotions"]}, dict(uses), "promotions")
    for row in answer["promotions"]:
        for parts in ("months", "segments", "age_gender"):
            expect_equal(sum(part["uses"] for part in row[parts]), row["uses"], f"{parts} of {row['promotion']}")


def check_all(daemon, plain, funnel=True):
    """Every analysis against the plain count."""
    check_overview(asked(daemon, "overview?days=10000"), plain)
    for dimension in DIMENSIONS:
        check_members(asked(daemon, dimension), plain, dimension)
    check_seasonality(asked(daemon, "seasonality"), plain)
    check_seasonality(asked(daemon, "seasonality?event=purchase"), plain, "purchase")
    for by in ("segment", "category", "channel"):
        check_seasons_by(asked(daemon, f"seasonality?by={by}"), plain, by)
    check_cohorts(asked(daemon, "cohorts"), plain)
    check_sales(asked(daemon, "sales"), plain)
    check_categories(asked(daemon, "categories"), plain)
    check_coupons(asked(daemon, "coupons"), plain)
    check_age_gender(asked(daemon, "age_gender"), plain)
    check_search(asked(daemon, "search"), plain)
    check_promotions(asked(daemon, "promotions"), plain)
    whole = asked(daemon, "funnel")
    if funnel:
        check_paths(asked(daemon, "paths?limit=4096"), plain)
        check_funnel(whole, plain)
    for by in ("media", "device"):
        check_funnel_by(asked(daemon, f"funnel?by={by}"), whole)


@check_each(*((log, config) for log in REAL for config in ("utc", "seoul")))
def analyses_are_a_plain_count(env, name, config):
    """Of a real log, in two time zones."""
    over, plain = CONFIGS[config]
    lines = env.log(name)
    log = features.read_log(lines, plain)
    with env.daemon({**over, **QUIET}) as daemon:
        daemon.feed(lines)
        daemon.advance(stamp(log.now))
        check_all(daemon, Plain([*lines, features.Advance(log.now)], plain))
    return f"{len(log.events)} events"


def searching(rng, lines):
    """The lines, some with a search term or a promotion."""
    result = []
    for line in lines:
        members = json.loads(line)
        if rng.random() < 0.2:
            members["search_term"] = rng.choice(["shoes", "shoes", "가방", "bag", f"my own {rng.randrange(10**6)}"])
        if rng.random() < 0.3:
            members["promo_code"] = rng.choice(["WELCOME", "봄"])
            members["discount"] = rng.choice([5, 12.5])
            if rng.random() < 0.5:
                members["discount_unit"] = "percent"
        result.append(json.dumps(members, ensure_ascii=False).encode() + b"\n")
    return result


def shrinking(rng):
    """A shop over eleven months: a bad month, and a drop that lasts from the eighth on, with a crash at the last."""
    lines = []
    levels = [9, 9, 3, 9, 9, 9, 9, 5, 5, 5, 5]
    start = features.parse_stamp("2023-01-01T00:00:00Z", features.UTC)
    for day in range(334):
        month = (features.EPOCH + features.timedelta(microseconds=start + day * DAY)).month
        for _ in range(levels[month - 1] + rng.randrange(2)):
            time = start + day * DAY + rng.randrange(DAY)
            user = f"u{rng.randrange(50)}"
            lines.append((time, user, "session_start", None))
            if rng.random() < 0.7:
                lines.append((time + SECOND, user, "purchase", 10 + rng.randrange(3)))
    lines.sort()
    return [
        json.dumps({"user_id": user, "ts": stamp(time), "event": name, "value": value}).encode() + b"\n"
        for time, user, name, value in lines]


@check
def a_drop_of_sales_is_told_once(env):
    """`sales_decline`: of nobody, at the end of the second month, the same however the log is cut and after a kill."""
    lines = shrinking(random.Random(env.seed))
    config = {**QUIET, "triggers": {"language": "ko", "sales_decline": {"enabled": True}}}
    seen = []
    for cuts in (1, 9):
        with env.daemon(config) as daemon:
            for part in range(cuts):
                daemon.feed(lines[part * len(lines) // cuts:(part + 1) * len(lines) // cuts], name="log")
                if part in (6, 7):
                    daemon.kill()
                    daemon.start()
            daemon.advance("2023-12-01T00:00:00Z")
            seen.append(daemon.outbox())
            found = [t for t in daemon.status.triggers() if t["type"] == "sales_decline"]
            sales = asked(daemon, "sales")
    expect(seen[0] == seen[1], "the triggers depend on how the log was cut, or on the kill")
    expect_equal([t["due"] for t in found], ["2023-10-01T00:00:00Z"], "when a decline is told")
    told = found[0]
    expect("user" not in told and told["group"] == "treated", f"it concerns nobody: {told}")
    expect_equal((told["from"], told["to"]), ("2023-06/2023-07", "2023-08/2023-09"), "the months")
    months = {row["from"][:7]: row["revenue"] for row in sales["monthly"]}
    old, new = months["2023-06"] + months["2023-07"], months["2023-08"] + months["2023-09"]
    near(float(told["score"]), 1 - new / old, "share that is gone")
    near(sum(float(reason["contribution"]) for reason in told["why"]), new - old, "change that is explained")
    expect_equal([r["feature"] for r in told["why"]], ["visits", "conversion", "order_value"], "factors")
    expect(told["message"].startswith("매출이 "), f"the sentence: {told['message']}")
    off = {**QUIET, "triggers": {"sales_decline": {"enabled": True, "drop": 0.9}}}
    with env.daemon(off) as daemon:
        daemon.feed(lines)
        daemon.advance("2023-12-01T00:00:00Z")
        expect(not [t for t in daemon.status.triggers() if "user" not in t], "no drop of nine tenths")


@check
def late_events_are_counted_as_others(env):
    """Lines in any order of arrival, most of them late: the same counts, users, cohorts and journeys."""
    rng = random.Random(env.seed)
    lines = searching(rng, synthetic(env.seed + 11, events=3000, users=90, repeats=False))
    plain = Config(keep=400 * DAY)
    keyed = []
    for index, line in enumerate(lines):
        keyed.append((index + (rng.randrange(600) if rng.random() < 0.3 else 0), line))
    shuffled = [line for _, line in sorted(keyed, key=lambda entry: entry[0])]
    log = features.read_log(shuffled, plain)
    expect(log.late > 200, f"{log.late} events are late")
    with env.daemon({"sessions": {"keep": "400d"}, **QUIET}) as daemon:
        daemon.feed(shuffled)
        daemon.advance(stamp(log.now))
        check_all(daemon, Plain([*shuffled, features.Advance(log.now)], plain), funnel=False)
    return f"{log.late} of {len(log.events)} late"


@check
def late_stages_are_put_in_their_place(env):
    """Stage events that come up to two days late: journeys as if they had come in order."""
    rng = random.Random(env.seed)
    lines = synthetic(env.seed + 12, events=4000, users=60, repeats=False)
    plain = Config()
    times = [event.time for event in features.read_log(lines, plain).events]
    keyed = [
        (time + (rng.randrange(40 * HOUR) if rng.random() < 0.2 else 0), index)
        for index, time in enumerate(times)]
    shuffled = [lines[index] for _, index in sorted(keyed)]
    log = features.read_log(shuffled, plain)
    expect(log.late > 100, f"{log.late} events are late")
    with env.daemon(QUIET) as daemon:
        daemon.feed(shuffled)
        daemon.advance(stamp(log.now))
        counted = Plain([*shuffled, features.Advance(log.now)], plain)
        shown = asked(daemon, "funnel")["all"]["journeys"]
        wanted = [a + b for a, b in zip(*journeys(counted).values())]
        expect_equal(shown, wanted, "journeys with late stages")
    return f"{log.late} late, {wanted} journeys"


GROUPS = ["device", "media", "gender", "age_band", "payment_method", "segment", "value", "tier", "grade", "rfm_cell"]


def group_of(row, group):
    """What a user's page says of a group."""
    if group in ("segment", "tier"):
        return row.get(group, {}).get("name")
    if group == "value":
        return row.get("segments", {}).get("value", {}).get("name")
    if group in ("grade", "rfm_cell"):
        return row.get(group)
    return row.get("main", {}).get(group) or row.get("profile", {}).get(group)


def expect_crossing(answer, users, by, other):
    cells = defaultdict(lambda: [0, 0, 0, 0.0])
    for row in users.values():
        key = group_of(row, by), group_of(row, other)
        if key == (None, None):
            continue
        cell = cells[key]
        cell[0] += 1
        cell[1] += bool(row.get("converted"))
        cell[2] += row.get("purchase", {}).get("count", 0)
        cell[3] += float(row.get("purchase", {}).get("revenue", 0))
    what = f"{by} × {other}"
    expect(answer["exact"] and answer["users"] == answer["sampled"] == len(users), f"users of {what}: {answer}")
    expect_equal({(row["by"], row["with"]) for row in answer["rows"]}, set(cells), f"pairs of {what}")
    firsts, seconds, known = Counter(), Counter(), sum(cell[0] for cell in cells.values())
    for (first, second), cell in cells.items():
        firsts[first] += cell[0]
        seconds[second] += cell[0]
    for row in answer["rows"]:
        key = row["by"], row["with"]
        cell, name = cells[key], f"{what}: {key}"
        expect_equal([row["users"], row["converted"], row["purchases"]], cell[:3], name)
        near(row["revenue"], cell[3], f"revenue of {name}", 1e-6)
        near(row["share_of_by"], ratio(cell[0], firsts[key[0]]), f"share of {name}")
        near(row["lift"], cell[0] * known / (firsts[key[0]] * seconds[key[1]]), f"lift of {name}")
        near(row["rate_low"], wilson(cell[1], cell[0])[0], f"rate of {name}")
    table = [[cells.get((a, b), [0])[0] for b in seconds if b is not None] for a in firsts if a is not None]
    table = [row for row in table if any(row)]
    columns = [column for column in zip(*table) if any(column)]
    if len(table) > 1 and len(columns) > 1:
        near(answer["test"]["statistic"], chi_square(list(zip(*columns))), f"χ² of {what}", 1e-6)


@check
def any_two_groupings_cross(env):
    """Every pair of dimensions, segments, tiers, grades and cells against the users' own pages; then from a sample."""
    lines = synthetic(env.seed + 21, events=4000, users=400)
    least = {"segments": {"minimum_users": 20}, "value": {"minimum_users": 20}, "tiers": {"minimum_buyers": 20}}
    enabled = ["segments", "value", "tiers"]
    with env.daemon({"models": {"enabled": enabled, **least}}) as daemon:
        daemon.feed(lines)
        for model in enabled:
            expect(daemon.status.refit(model).json()["adopted"], f"{model} is fitted")
        users, _ = daemon.status.users()
        seen = 0
        for first in range(len(GROUPS)):
            for other in GROUPS[first + 1:]:
                answer = asked(daemon, f"crossing?by={GROUPS[first]}&with={other}&limit=10000")
                expect_crossing(answer, users, GROUPS[first], other)
                seen += len(answer["rows"])
        turned = asked(daemon, "crossing?by=device&with=media")["rows"]
        straight = asked(daemon, "crossing?by=media&with=device")["rows"]
        expect_equal(
            {(row["with"], row["by"]): row["users"] for row in turned},
            {(row["by"], row["with"]): row["users"] for row in straight}, "either way round")
        part = asked(daemon, "crossing?by=device&with=tier&users=128")
        expect(not part["exact"] and part["sampled"] < 200, f"a sample: {part['sampled']}")
        expect(abs(part["known"] - len(users)) < len(users) / 4, f"{part['known']} for {len(users)} users")
        for bad in ("crossing", "crossing?by=device", "crossing?by=device&with=device", "crossing?by=device&with=hat"):
            expect_equal(daemon.status.get("/v1/analytics/" + bad).status, 400, bad)
    return f"{seen} pairs of values"


@check
def journeys_end_with_their_window(env):
    """`analytics.funnel_window`: journeys of twenty minutes and of forty hours, late stages among them; no longer one."""
    rng = random.Random(env.seed + 1)
    lines = synthetic(env.seed + 13, events=4000, users=60, repeats=False)
    plain = Config()
    keyed = [
        (event.time + (rng.randrange(40 * HOUR) if rng.random() < 0.1 else 0), index)
        for index, event in enumerate(features.read_log(lines, plain).events)]
    shuffled = [lines[index] for _, index in sorted(keyed)]
    log = features.read_log(shuffled, plain)
    seen = []
    for text, window in (("20m", 20 * MINUTE), ("40h", 40 * HOUR)):
        with env.daemon({**QUIET, "analytics": {"funnel_window": text}}) as daemon:
            daemon.feed(shuffled)
            daemon.kill()
            daemon.start()
            daemon.advance(stamp(log.now))
            answer = asked(daemon, "funnel")
            wanted = journeys(Plain([*shuffled, features.Advance(log.now)], plain), window)
            seen.append([a + b for a, b in zip(*wanted.values())])
            expect_equal(answer["all"]["journeys"], seen[-1], f"journeys within {text}")
            expect_equal(answer["window_s"], window // SECOND, "window_s")
    expect(seen[0] != seen[1], "the window makes a difference")
    done = subprocess.run([env.binary, "check", "--config", "/dev/stdin"], capture_output=True, check=False,
                          input=b"{analytics: {funnel_window: \"3d\"}}")
    expect(done.returncode != 0 and b"analytics.funnel_window" in done.stdout + done.stderr, f"{done}")
    return f"{seen}"


@check
def analyses_do_not_depend_on_shards_or_crashes(env):
    """The same bytes on one processor, after kill -9 from snapshot and journal, and after a clean stop."""
    rng = random.Random(env.seed)
    lines = searching(rng, env.log("synthetic"))
    half = len(lines) // 2
    closed = features.read_log(lines, Config()).now + 40 * DAY

    def run(daemon, kills):
        daemon.feed(lines[:half])
        daemon.status.refit("segments")
        daemon.status.refit("tiers")
        if kills:
            for end in (daemon.kill, daemon.terminate):
                end()
                daemon.start()
        daemon.feed(lines[half:])
        if kills:
            daemon.kill()
            daemon.start()
        daemon.advance(stamp(closed))
        return all_bytes(daemon)

    with env.daemon() as daemon:
        wanted = run(daemon, kills=False)
        shards = daemon.status.status()["shards"]
    with env.daemon(SNAPSHOTS) as daemon:
        expect_same_bytes(run(daemon, kills=True), wanted, "after kills")
    features_shown = json.loads(wanted["overview"])["features"]
    expect_equal(features_shown["model"], "segments@1", "the segmentation whose features are shown")
    for row in features_shown["features"]:
        shown = row["zero"] + sum(bar["count"] for bar in row["histogram"])
        expect_equal(shown, row["count"], f"users by {row['name']}")
    moved = json.loads(wanted["transitions"])
    expect(any(month["moves"] for month in moved["months"]), "there are moves between segments")
    if shutil.which("taskset") is None:
        raise Skip("taskset is not here")
    with env.daemon(prefix=["taskset", "-c", "0"]) as daemon:
        expect_equal(daemon.status.status()["shards"], 1, "shards on one processor")
        expect_same_bytes(run(daemon, kills=False), wanted, "on one shard")
    return f"{len(wanted)} answers on {shards} shards and on one"


@check
def erased_users_leave_the_tables_of_users(env):
    """Tables of users as if they had never been; counts of events, days and money as they were; so after kill -9."""
    rng = random.Random(env.seed)
    lines = env.log("synthetic")
    log = features.read_log(lines, Config())
    victims = rng.sample(sorted({event.user for event in log.events}), 25)
    ended = [*lines, features.Advance(log.now)]
    with env.daemon({**SNAPSHOTS, **QUIET}) as daemon:
        daemon.feed(lines)
        daemon.advance(stamp(log.now))
        before = {name: asked(daemon, name) for name in ("sales", "seasonality", "coupons", "funnel")}
        for user in victims:
            erase(daemon, user)
        for when in ("at once", "after kill -9"):
            plain = Plain(ended, Config(), without=victims)
            check_overview(asked(daemon, "overview?days=10000"), plain)
            for dimension in DIMENSIONS:
                check_members(asked(daemon, dimension), plain, dimension)
            check_cohorts(asked(daemon, "cohorts"), plain)
            check_age_gender(asked(daemon, "age_gender"), plain)
            for name, answer in before.items():
                shown = asked(daemon, name)
                if name == "sales":
                    for month in [*answer["monthly"], *shown["monthly"]]:
                        month.pop("buyers", None)
                    shown, answer = shown["monthly"], answer["monthly"]
                expect_equal(shown, answer, f"{name} {when}")
            daemon.kill()
            daemon.start()
    return f"{len(victims)} users"


class Stream:
    """Server-sent events as they come."""

    def __init__(self, where):
        self.connection = http.client.HTTPConnection(where, timeout=30)
        self.connection.request("GET", "/v1/live")
        self.answer = self.connection.getresponse()
        self.status = self.answer.status

    def next(self):
        """Name and data of the next event; comments are passed over."""
        name = None
        while True:
            line = self.answer.readline()
            if not line:
                return None
            if line.startswith(b"event: "):
                name = line[7:].strip().decode()
            elif line.startswith(b"data: ") and name:
                return name, json.loads(line[6:])

    def until(self, wanted, found=lambda data: True):
        while True:
            name, data = self.next()
            if name == wanted and found(data):
                return data

    def until_end(self):
        try:
            while self.next():
                pass
        except (OSError, http.client.HTTPException):
            pass
        return True

    def close(self):
        self.connection.close()


@check
def listeners_hear_what_happens(env):
    """Rates, segments and triggers as they come; no more listeners than configured; a place that is left is free."""
    lines = env.log("synthetic")
    with env.daemon({"analytics": {"live_listeners": 2}, **QUIET}) as daemon:
        where = daemon.ready["status"]
        one, two = Stream(where), Stream(where)
        expect_equal([one.status, one.answer.getheader("Content-Type")], [200, "text/event-stream"], "the stream")
        expect_equal(one.until("rates")["events"], 0, "events before the first")
        expect_equal(Stream(where).status, 503, "a third listener")
        daemon.feed(lines)
        daemon.advance(stamp(features.read_log(lines, Config()).now + DAY))
        counted = daemon.status.status()["ingest"]["events"]
        for stream in (one, two):
            stream.until("rates", lambda data: data["events"] == counted)
            told = stream.until("triggers")["triggers"]
            expect(told and all("type" in trigger for trigger in told), "the triggers have types")
        one.close()
        eventually("the place of who left is free", lambda: Stream(where).status == 200, 20, 0.3)
        started = time.monotonic()
        daemon.terminate()
        expect(time.monotonic() - started < 15, "listeners do not hold up the end")
        expect_equal(two.until_end(), True, "the stream ends with the daemon")


@check
def analyses_say_what_they_do_not_know(env):
    """Unknown names list the known ones, unknown parameters are errors, an empty store has answers."""
    with env.daemon(QUIET) as daemon:
        for name in NAMES:
            expect_equal(asked(daemon, name)["name"], name, "an analysis says its name")
        unknown = daemon.status.get("/v1/analytics/horoscope")
        expect_equal(unknown.status, 404, "status of an unknown analysis")
        for name in NAMES:
            expect(name in json.loads(unknown.body)["error"]["detail"], f"the answer lists {name}")
        for query in ("overview?days=x", "media?days=1", "funnel?by=shoe", "seasonality?by=x", "overview?days=-1"):
            answer = daemon.status.get("/v1/analytics/" + query)
            expect_equal([answer.status, json.loads(answer.body)["error"]["code"]], [400, "bad_parameter"], query)
        expect_equal(daemon.status.get("/v1/analytics/seasonality?event=nothing").status, 404, "an unknown event")
    refused = env.daemon({"analytics": {"rate_cuts": [0.1, 0.3]}})
    try:
        refused.start()
        raise AssertionError("rising cuts were taken")
    except Exception as error:  # noqa: BLE001  whatever way the start is refused, it says why
        expect("analytics.rate_cuts" in str(error), f"the refusal says which key: {error}")
    finally:
        refused.discard()
