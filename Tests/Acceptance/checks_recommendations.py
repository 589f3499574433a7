"""What is bought together, what is recommended, and what falls due again, on the real logs."""

import json
from collections import Counter, defaultdict
from itertools import combinations

import features
import triggers
from checks_operation import reload
from checks_state import DAY0, line
from features import DAY, HOUR, Config, stamp
from harness import Failed, check, check_each, expect, expect_equal, expect_triggers, merged

REAL = ["online_retail_a", "marketing_insights"]
# Nothing of these logs is forgotten.
WHOLE = {"models": {"recommendations": {"items_per_user": 4096, "lines": 16_000_000}}}


def baskets_of(lines, category=False):
    """What each user bought on each day."""
    baskets = defaultdict(set)
    for event in features.read_log(lines, Config()).events:
        if event.name != "purchase":
            continue
        for item in event.items or []:
            name = item.get("item_category") if category else item["item_id"]
            if name is not None:
                baskets[event.user, features.UTC.day(event.time)].add(name)
    return baskets


def near(got, expected, what):
    if abs(float(got) - expected) > 1e-9 * abs(expected) + 1e-12:
        raise Failed(f"{what}: expected {expected}, got {got}")


def expect_pairs(told, baskets, least):
    """Each pair in at least `least` baskets, with its measures, the greatest lift first."""
    total = len(baskets)
    single = Counter(item for basket in baskets for item in basket)
    frequent = {item for item, count in single.items() if count >= least}
    pairs, triples = Counter(), Counter()
    for basket in baskets:
        kept = sorted(basket & frequent)
        pairs.update(combinations(kept, 2))
    often = {pair for pair, count in pairs.items() if count >= least}
    for basket in baskets:
        kept = sorted(basket & frequent)
        candidates = [pair for pair in combinations(kept, 2) if pair in often]
        members = sorted({item for pair in candidates for item in pair})
        chosen = set(candidates)
        for a, b, c in combinations(members, 3):
            if (a, b) in chosen and (a, c) in chosen and (b, c) in chosen:
                triples[a, b, c] += 1
    expected = {pair: count for pair, count in pairs.items() if count >= least}
    expect_equal(int(told["baskets"]), total, "baskets")
    expect_equal(int(told["pair_count"]), len(expected), "pairs")
    expect_equal(
        int(told["triple_count"]), sum(count >= least for count in triples.values()), "triples")
    found = {tuple(row["items"]): row for row in told["pairs"]}
    expect_equal(set(found), set(expected), "which pairs")
    for (a, b), count in expected.items():
        row = found[a, b]
        expect_equal(int(row["baskets"]), count, f"baskets with {a} and {b}")
        near(row["support"], count / total, f"support of {a}, {b}")
        near(row["lift"], count * total / single[a] / single[b], f"lift of {a}, {b}")
        near(row["leverage"], count / total - single[a] * single[b] / total**2, f"leverage of {a}, {b}")
        for got, own, other in zip(row["confidence"], (a, b), (b, a)):
            near(got, count / single[own], f"confidence of {own} → {other}")
    lifts = [float(row["lift"]) for row in told["pairs"]]
    expect(lifts == sorted(lifts, reverse=True), "pairs in the order of their lift")
    for row in told["triples"]:
        count = triples[tuple(row["items"])]
        expect_equal(int(row["baskets"]), count, f"baskets with {row['items']}")
        lift = count / total
        for item in row["items"]:
            lift /= single[item] / total
        near(row["lift"], lift, f"lift of {row['items']}")
    return len(expected), len(told["triples"])


@check_each(*REAL)
def pairs_and_triples_are_counted_exactly(env, name):
    """Every pair and triple in enough baskets, against plain counting; by category where there are any."""
    lines = env.log(name)
    # So many baskets that plain counting of triples ends within the check's time.
    least = 120 if name == "online_retail_a" else 60
    with env.daemon(WHOLE) as daemon:
        daemon.feed(lines)
        daemon.advance("2030-01-01T00:00:00Z")
        query = f"/v1/analytics/rules?min_support=0&min_baskets={least}&limit=10000"
        told = daemon.status.json(query)
        expect_equal(int(told["lines_forgotten"]), 0, "lines forgotten")
        items = expect_pairs(told, list(baskets_of(lines).values()), least)
        by_category = daemon.status.json(query + "&by=category")
        categories = expect_pairs(by_category, list(baskets_of(lines, True).values()), least)
        for bad in ("min_support=2", "by=colour", "limit=0", "segment=nobody", "colour=red"):
            status = daemon.status.get(f"/v1/analytics/rules?{bad}").status
            expect(status in (400, 404), f"{bad} is answered {status}")
    return f"{items[0]} pairs and {items[1]} triples of items, {categories[0]} pairs of categories"


def purchased(lines):
    """Distinct items of each user."""
    bought = defaultdict(set)
    for event in features.read_log(lines, Config()).events:
        if event.name == "purchase":
            bought[event.user].update(item["item_id"] for item in event.items or [])
    return bought


def last_buyers(lines):
    """Who bought so late that nothing of it is decided when the log ends."""
    events = features.read_log(lines, Config()).events
    return sorted({event.user for event in events[-300:] if event.name == "purchase" and event.items})[:10]


def recommended(daemon, users):
    return {user: daemon.status.user(user).json().get("recommendations", []) for user in users}


@check_each(*REAL)
def items_are_recommended_and_excluded_and_stay(env, name):
    """Ten items at most, none bought; an exclusion list read again by SIGHUP; the same after kill -9."""
    lines = env.log(name)
    bought = purchased(lines)
    known = sorted(user for user, items in bought.items() if len(items) >= 5)
    some = env.random.sample(known, 40) + env.random.sample(sorted(bought), 10) + last_buyers(lines)
    with env.daemon(WHOLE) as daemon:
        excluded = daemon.home / "excluded.txt"
        excluded.write_text("# nothing yet\n")
        daemon.config = merged(daemon.config, {"models": {"recommendations": {"exclude_file": str(excluded)}}})
        daemon.kill()
        daemon.start()
        daemon.feed(lines)
        expect(not recommended(daemon, some[:1])[some[0]], "nothing before a model")
        answer = daemon.status.refit("recommendations").json()
        expect_equal(answer["adopted"], True, f"{answer}")
        page = daemon.status.json("/v1/models/recommendations")
        first = recommended(daemon, some)
        for user, items in first.items():
            names = [row["item_id"] for row in items]
            expect(1 <= len(names) <= 10, f"{user!r} has {len(names)} items")
            expect_equal(len(set(names)), len(names), "distinct items")
            expect(not bought[user] & set(names), f"{user!r} is told of what they bought")
            expect(all(row["by"] != "rules" for row in items) or len(names) <= 5, "five by rules")
        told = Counter(row["item_id"] for items in first.values() for row in items)
        gone = {item for item, _ in told.most_common(20)}
        excluded.write_text("".join(f"{item}\n" for item in sorted(gone)))
        reload(daemon, daemon.config, "models.recommendations.exclude_file changed")
        second = recommended(daemon, some)
        for user, items in second.items():
            expect(not gone & {row["item_id"] for row in items}, f"{user!r} is told of an excluded item")
        daemon.kill()
        daemon.start()
        expect_equal(recommended(daemon, some), second, "recommendations after a kill")
        rules = daemon.status.json("/v1/analytics/rules")
        told = rules["recommended"]["overall"]
        expect_equal(int(told["items"]) + int(told["never"]), int(page["parameters"]["items"]), "items told or never")
    figures = page["metrics"]["methods"]
    chosen = page["parameters"]["methods"]
    shown = ", ".join(
        f"{method} {float(row['mean_auc']):.3f}/{float(row['recall_at_10']):.3f}" for method, row in figures.items())
    return f"sparsity {float(page['metrics']['sparsity']):.4f}; AUC/recall@10: {shown}; {dict(chosen)}"


@check
def what_falls_due_again(env):
    """`replenish_due` against the plain walk through each user's items, the items named, after a kill too."""
    lines = env.log("online_retail_a")
    plain = Config()
    log = features.read_log(lines, plain)
    closed = log.now + 400 * features.DAY
    with env.daemon() as daemon:
        half = len(lines) // 2
        daemon.feed(lines[:half])
        daemon.kill()
        daemon.start()
        daemon.feed(lines[half:])
        daemon.advance(stamp(closed))
        found = [json.loads(line) for line in daemon.outbox()]
    expected = [due for due in triggers.triggers(log, plain, closed) if due.rule == triggers.REPLENISH]
    told = [row for row in found if row["type"] == triggers.REPLENISH]
    expect_triggers(told, expected)
    bought = purchased(lines)
    for row in told:
        names = {item["item_id"] for item in row["items"]}
        expect(names and names <= bought[row["user"]], f"items of {row}")
        expect_equal({item["by"] for item in row["items"]}, {"replenish"}, "by")
    return f"{len(told)} of {len(found)} triggers"


@check
def what_falls_due_by_the_forecast(env):
    """`replenish_due` on the weekday of the greatest quantity, said with it; the interval where no day differs; a kill in between."""
    noon = DAY0 + 12 * HOUR

    def bought(user, day, item, pieces):
        return day, line(user, noon + day * DAY, "purchase", items=[{"item_id": item, "quantity": pieces}])

    # Three pieces each seventh day and one on the fourth of each week; and a pack of salt each tenth day.
    entries = []
    for user, last in (("a", 63), ("b", 59)):
        entries += [bought(user, day, "tea", 3 if day % 7 == 0 else 1) for day in range(last + 1) if day % 7 in (0, 3)]
    entries += [bought("c", day, "salt", 1) for day in range(0, 61, 10)]
    lines = [text for _, text in sorted(entries, key=lambda entry: entry[0])]
    rule = {"from": "forecast", "template": "{items.0.quantity|some} of {items.0.id}"}
    with env.daemon({"triggers": {"replenish_due": rule}, "limits": {"recent_purchases": 40}}) as daemon:
        half = len(lines) // 2
        daemon.feed(lines[:half])
        daemon.kill()
        daemon.start()
        daemon.feed(lines[half:])
        daemon.kill()
        daemon.start()
        planned = daemon.status.json(f"/v1/schedule?from={stamp(noon + 63 * DAY)}&to={stamp(noon + 71 * DAY)}")["sends"]
        daemon.advance(stamp(noon + 100 * DAY))
        found = [json.loads(text) for text in daemon.outbox()]
    told = {row["user"]: row for row in found if row["type"] == triggers.REPLENISH and row["due"] >= stamp(noon + 60 * DAY)}
    expected = {
        "a": (70, {"item_id": "tea", "score": 7, "by": "forecast", "quantity": 3}, "3 of tea"),
        "b": (63, {"item_id": "tea", "score": 4, "by": "forecast", "quantity": 3}, "3 of tea"),
        "c": (70, {"item_id": "salt", "score": 10, "by": "replenish"}, "some of salt"),
    }
    expect_equal(set(told), set(expected), "who was told")
    for user, (day, item, message) in expected.items():
        row = told[user]
        expect_equal(row["due"], stamp(noon + day * DAY), f"{user}: due")
        expect_equal(row["items"], [item], f"{user}: items")
        expect_equal(row["message"], message, f"{user}: message")
    shown = {row["user"]: row["items"] for row in planned if row["type"] == triggers.REPLENISH}
    # The last purchase of the log, which is a's, is not decided when the plan is asked for.
    before = {**expected, "a": (63, {**expected["a"][1], "score": 4}, "")}
    expect_equal(shown, {user: [item] for user, (_, item, _) in before.items()}, "planned")
