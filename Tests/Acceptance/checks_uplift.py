"""`/v1/analytics/uplift`: what came of triggers, by the plain log."""

import json
import random
from collections import defaultdict
from decimal import Decimal

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
