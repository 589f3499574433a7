"""`/v1/analytics/uplift`: what came of triggers, by the plain log."""

import json
import math
import random
from collections import defaultdict
from decimal import Decimal

import rules
from features import DAY, HOUR, MINUTE, SECOND, UTC, parse_stamp, stamp
from harness import check, expect, expect_equal

START = 1_735_689_600 * SECOND
WINDOW = 7 * DAY


def shop(seed, users=300):
    """Carts left, of which some are bought later, in the order of time: (time, user, name, value)."""
    rng = random.Random(seed)
    events = []
    for number in range(users):
        user, at = f"u{number}", START + rng.randrange(20 * DAY) // SECOND * SECOND
        events.append((at, user, "add_to_cart", None))
        if rng.random() < 0.4:
            later = at + rng.choice([30 * MINUTE, 2 * HOUR, 3 * DAY, 7 * DAY, 9 * DAY])
            events.append((later, user, "purchase", rng.randrange(1, 20_000) / 100))
        if rng.random() < 0.3:
            events.append((at + rng.randrange(HOUR, 12 * DAY) // SECOND * SECOND, user, "login", None))
    return sorted(events)


def lines_of(events):
    for time, user, name, value in events:
        line = {"user_id": user, "event": name, "ts": stamp(time)}
        if value is not None:
            line["value"] = value
        yield (json.dumps(line) + "\n").encode()


def plain_outcomes(triggers, events, frontier):
    """By rule: triggers whose window is over, who bought, who came back, what was spent."""
    own = defaultdict(list)
    for time, user, name, value in events:
        own[user].append((time, name, value))
    found = defaultdict(lambda: [0, 0, 0, Decimal(0)])
    for trigger in triggers:
        at = parse_stamp(trigger["at"], UTC)
        if trigger["rule"] in ("retracted", "bot_suspected") or at + WINDOW >= frontier:
            continue
        within = [e for e in own[trigger["user"]] if at < e[0] <= at + WINDOW]
        bought = [value for _, name, value in within if name == "purchase"]
        row = found[trigger["rule"]]
        row[0] += 1
        row[1] += bool(bought)
        row[2] += bool(within)
        row[3] += sum((Decimal(str(value)) for value in bought), Decimal(0))
    return found


def expect_outcomes(answer, expected):
    rules = {row["rule"]: row for row in answer["rules"]}
    expect_equal(sorted(rules), sorted(expected), "rules followed")
    for rule, (count, bought, returned, revenue) in expected.items():
        told = rules[rule]["treated"]
        expect_equal((told["count"], told["bought"], told["returned"]), (count, bought, returned), rule)
        expect(abs(Decimal(told["revenue"]) - revenue) < Decimal("1e-6"), f"revenue after {rule}: {told}, {revenue}")
        for part in ("months", "segments"):
            expect_equal(sum(p["treated"]["count"] for p in rules[rule][part]), count, f"{part} of {rule}")


@check
def uplift_counts_what_came(env):
    """Purchases, returns and revenue after each trigger; the same after kill -9; no comparison where nobody is held out."""
    events = shop(env.seed)
    with env.daemon() as daemon:
        daemon.feed(list(lines_of(events)))
        daemon.advance("2025-03-01T00:00:00Z")
        triggers = daemon.status.triggers()
        expected = plain_outcomes(triggers, events, parse_stamp("2025-03-01T00:00:00Z", UTC) + 1)
        expect(expected["cart_abandoned"][1] > 20, f"carts bought later: {dict(expected)}")
        answer = daemon.status.json("/v1/analytics/uplift")
        expect_outcomes(answer, expected)
        expect_equal(answer["window"], "7d", "window")
        open_ones = sum(t["rule"] != "retracted" for t in triggers) - sum(row[0] for row in expected.values())
        expect_equal(answer["open"], open_ones, "triggers whose outcome is not known yet")
        for row in answer["rules"]:
            expect_equal(row["held_out"]["count"], 0, "held out")
            expect_equal((row["purchase"], row["revenue"]), (None, None), "no comparison with nobody")
            expect("nobody is held out" in row["cautions"][0], f"cautions: {row['cautions']}")
        one = daemon.status.json("/v1/analytics/uplift?rule=cart_abandoned")
        expect_equal([row["rule"] for row in one["rules"]], ["cart_abandoned"], "one rule")
        daemon.kill()
        daemon.start()
        expect_equal(daemon.status.json("/v1/analytics/uplift"), answer, "after kill -9")
        daemon.terminate()
        daemon.start()
        expect_equal(daemon.status.json("/v1/analytics/uplift"), answer, "from snapshots")
    return f"{sum(row[0] for row in expected.values())} outcomes"


HELD = 0.3
Z = 1.959963984540054


def wilson(hits, count):
    share, z2 = hits / count, Z * Z
    middle = (share + z2 / (2 * count)) / (1 + z2 / count)
    half = Z / (1 + z2 / count) * math.sqrt(share * (1 - share) / count + z2 / (4 * count * count))
    return middle - half, middle + half


def newcombe(treated, held):
    """Difference of two proportions with Newcombe's interval (1998, method 10); each given as hits and count."""
    (p, (l1, u1)), (q, (l2, u2)) = ((hits / count, wilson(hits, count)) for hits, count in (treated, held))
    return p - q, p - q - math.hypot(p - l1, u2 - q), p - q + math.hypot(u1 - p, q - l2)


def cuped(treated, held):
    """Difference of means of (after, before) pairs, adjusted by the pooled slope, with Welch's normal interval."""
    both = treated + held
    mean = lambda rows, place: sum(row[place] for row in rows) / len(rows)
    after, before = mean(both, 0), mean(both, 1)
    slope = sum((a - after) * (b - before) for a, b in both) / sum((b - before) ** 2 for _, b in both)
    sides = []
    for rows in (treated, held):
        rest = [a - slope * b for a, b in rows]
        middle = sum(rest) / len(rest)
        sides.append((middle, sum((r - middle) ** 2 for r in rest) / (len(rest) - 1) / len(rest)))
    difference, half = sides[0][0] - sides[1][0], Z * math.sqrt(sides[0][1] + sides[1][1])
    return difference, difference - half, difference + half, slope


def expect_near(told, wanted, what):
    expect(abs(float(told) - wanted) <= 1e-9 * max(1, abs(wanted)), f"{what}: {told}, by plain calculation {wanted}")


@check
def uplift_of_a_planted_effect(env):
    """Who is sent a reminder buys more often: with a hold-out the page finds it, with a plain calculation's figures."""
    # One seed: of an interval of 95 % one seed in twenty lies beside it.
    rng = random.Random(4)
    users = [f"u{number}" for number in range(1500)]
    carts, before = [], {}
    for user in users:
        at = START + 10 * DAY + rng.randrange(2 * DAY) // SECOND * SECOND
        carts.append((at, user, "add_to_cart", None))
        if rng.random() < 0.6:
            before[user] = rng.randrange(100, 10_000) / 100
            carts.append((at - 3 * DAY, user, "purchase", before[user]))
    config = {"clock": {"allowed_lateness": "0s"}, "triggers": {"cart_abandoned": {"holdout": HELD}}}
    with env.daemon(config) as daemon:
        daemon.feed(list(lines_of(sorted(carts))))
        daemon.advance(stamp(START + 13 * DAY))
        triggers = [t for t in daemon.status.triggers() if t["rule"] == "cart_abandoned"]
        expect_equal(sorted(t["user"] for t in triggers), sorted(users), "reminded, or held out")
        sent = {t["user"] for t in triggers if t["group"] == "treated"}
        for user in users:
            out = rules.held_out("holdout", "cart_abandoned", user, HELD)
            expect_equal(user in sent, not out, f"whether {user} is sent to")
        with daemon.subscriber({"$resume": {"after": 0, "types": ["cart_abandoned"]}}) as subscriber:
            subscriber.await_triggers(len(sent))
            expect_equal({t["user"] for t in subscriber.triggers()}, sent, "what a subscriber gets")
        # What the receivers of a message do, and what happens anyway.
        after, later = {}, []
        for user in users:
            if rng.random() < (0.30 if user in sent else 0.12):
                after[user] = round(20 + 0.5 * before.get(user, 0) + rng.randrange(1000) / 100, 2)
                later.append((START + 13 * DAY + rng.randrange(4 * DAY) // SECOND * SECOND, user, "purchase", after[user]))
        daemon.feed(list(lines_of(sorted(later))), name="later")
        # Carts that are left now: what their reminders are expected to bring.
        planned = [(START + 20 * DAY + n * SECOND, f"n{n}", "add_to_cart", None) for n in range(100)]
        daemon.feed(list(lines_of(planned)), name="planned")
        daemon.advance(stamp(START + 20 * DAY + 100 * SECOND))
        groups = [[(after.get(u, 0.0), before.get(u, 0.0)) for u in users if (u in sent) == side] for side in (True, False)]
        bought = [(sum(u in after for u in users if (u in sent) == side), len(group)) for side, group in zip((True, False), groups)]
        row = daemon.status.json("/v1/analytics/uplift?rule=cart_abandoned")["rules"][0]
        for part, (hits, count), group in zip(("treated", "held_out"), bought, groups):
            expect_equal((row[part]["count"], row[part]["bought"]), (count, hits), part)
            expect_near(row[part]["revenue"], sum(a for a, _ in group), f"revenue of {part}")
        share = newcombe(*bought)
        expect_near(row["purchase"]["difference"], share[0], "difference")
        for told, wanted in zip(row["purchase"]["interval"], share[1:]):
            expect_near(told, wanted, "Newcombe's interval")
        money = cuped(*groups)
        expect_near(row["revenue"]["slope"], money[3], "slope of CUPED")
        expect_near(row["revenue"]["difference"], money[0], "difference of revenue")
        for told, wanted in zip(row["revenue"]["interval"], money[1:3]):
            expect_near(told, wanted, "interval of revenue")
        expect(row["revenue"]["variance_left"] < 1, "what was spent before explains nothing")
        expect(share[1] < 0.18 < share[2] and share[1] > 0, f"the planted effect of 0.18: {share}")
        expect(row["purchase"]["always_valid_p"] < 0.01, f"always valid p: {row['purchase']}")
        schedule = daemon.status.json(f"/v1/schedule?from={stamp(START + 20 * DAY)}&to={stamp(START + 21 * DAY)}")
        told = {r["rule"]: r for r in schedule["rules"]}["cart_abandoned"]
        treated = sum(not rules.held_out("holdout", "cart_abandoned", f"n{n}", HELD) for n in range(100))
        expect_equal((told["total"], told["held_out"]), (treated, 100 - treated), "planned")
        for key, figures in (("expected_purchases", share), ("expected_revenue", money)):
            for name, figure in zip(("value", "low", "high"), figures):
                expect_near(told[key][name], figure * treated, f"{key} {name}")
        expect_equal(told["clv_at_risk"], None, "value at risk without models")
        daemon.kill()
        daemon.start()
        expect_equal(daemon.status.json("/v1/analytics/uplift?rule=cart_abandoned")["rules"][0], row, "after kill -9")
    return f"{len(sent)} sent, {len(users) - len(sent)} held out, {share[0]:+.3f} ({share[1]:.3f} to {share[2]:.3f})"
