"""Tiers and grades of buyers, held against a calculation of the contract's words from the log."""

import json
import math

import features
from checks_adoption import level, quantile_edges
from checks_models import generated
from features import DAY, MINUTE, SECOND, stamp
from harness import check, check_each, expect, expect_equal

TIERS = ["At Risk", "Bronze", "Silver", "Gold", "VIP"]
GRADES = ["G1", "G2", "G3", "VIP"]
# Published for days since last, frequency, monetary value and T; the last, of the lifetime value, counts where
# a model of it is in use.
WEIGHTS = [0.278, 0.108, 0.187, 0.286]
VALUE_WEIGHT = 0.142
GAP, LATENESS = 30 * MINUTE, 60 * SECOND
CONFIG = {"models": {"enabled": ["tiers"], "tiers": {"minimum_buyers": 20}}}


def buyers_of(lines):
    """Purchases (day, millionths) and last event of each user, by day of UTC, in the order of the log."""
    purchases, last = {}, {}
    for event in features.read_log(lines, features.Config()).events:
        last[event.user] = max(last.get(event.user, event.time), event.time)
        if event.name == "purchase":
            purchases.setdefault(event.user, []).append((event.time // DAY, event.value or 0))
    return purchases, last


def variables(purchases, today):
    """Days since last, frequency, monetary value and T, and the year's spend (None without a purchase)."""
    days = {}
    for day, value in purchases:
        days[day] = days.get(day, 0) + value
    first, newest = min(days), max(days)
    repeats = [days[day] for day in sorted(days) if day != first]
    monetary = sum(repeats) / 1e6 / len(repeats) if repeats else 0.0
    year = [value for day, value in days.items() if today - 364 <= day <= today]
    return [float(today - newest), float(len(days) - 1), monetary, float(today - first)], (
        sum(year) / 1e6 if year else None)


class Boundaries:
    """What a fit on these buyers has to find."""

    def __init__(self, purchases, today):
        rows = {user: variables(of, today) for user, of in purchases.items()}
        self.quartiles = [
            quantile_edges([row[0][place] for row in rows.values()], 4) for place in range(len(WEIGHTS))]
        self.cuts = quantile_edges([self.score(row[0]) for row in rows.values()], len(TIERS))
        self.grades = quantile_edges([row[1] for row in rows.values() if row[1] is not None], len(GRADES))

    def score(self, row):
        levels = [level(value, edges) for value, edges in zip(row, self.quartiles)]
        levels[0] = 5 - levels[0]
        whole = sum(WEIGHTS)
        return round(sum(weight / whole * place for weight, place in zip(WEIGHTS, levels)), 9)

    def of(self, purchases, today):
        row, spend = variables(purchases, today)
        score = self.score(row)
        return TIERS[level(score, self.cuts) - 1], score, (
            None if spend is None else GRADES[level(spend, self.grades) - 1])


def expect_placed(users, expected):
    """Tier, score and grade of every user; nobody else has any."""
    wrong = []
    for user, row in users.items():
        tier, score, grade = expected.get(user, (None, None, None))
        told = row.get("tier", {})
        close = score is None or abs(float(told.get("score", math.nan)) - score) < 1e-9
        if (told.get("name"), row.get("grade")) != (tier, grade) or not close:
            wrong.append((user, told, row.get("grade"), expected.get(user)))
    expect(not wrong, f"{len(wrong)} of {len(users)} are wrong: {wrong[:3]}")


def expect_summed(daemon, users):
    """`/v1/segments` and the lists say what the users' pages add up to."""
    told = daemon.status.json("/v1/segments")
    for kind, names, name_of in (
            ("tiers", TIERS, lambda row: row.get("tier", {}).get("name")),
            ("grades", GRADES, lambda row: row.get("grade"))):
        groups = {name: [row for row in users.values() if name_of(row) == name] for name in names}
        whole = sum(len(rows) for rows in groups.values())
        earned = {name: sum(float(row["purchase"]["revenue"]) for row in rows) for name, rows in groups.items()}
        expect_equal([entry["name"] for entry in told[kind]], names[::-1], f"names of {kind}")
        for entry in told[kind]:
            name = entry["name"]
            expect_equal(int(entry["users"]), len(groups[name]), f"users of {name}")
            expect(abs(float(entry["share"]) - len(groups[name]) / whole) < 1e-9, f"share of {name}")
            share = earned[name] / sum(earned.values())
            expect(abs(float(entry["revenue_share"]) - share) < 1e-9, f"revenue share of {name}: {entry}")
            listed, _ = daemon.status.users(**{kind[:-1]: name})
            expect_equal(set(listed), {row["user"] for row in groups[name]}, f"the list of {name}")


@check_each("cdnow_sample", "online_retail_a", "generated")
def tiers_and_grades_equal(env, name):
    """Boundaries, every buyer's tier, score and grade after a refit; then those who come move at the close of
    their session and nobody else does; each move is told once."""
    lines = generated(env) if name == "generated" else env.log(name)
    cut = len(lines) * 3 // 4
    before, _ = buyers_of(lines[:cut])
    after, last = buyers_of(lines)
    now = features.read_log(lines[:cut], features.Config()).now
    with env.daemon(CONFIG) as daemon:
        daemon.feed(lines[:cut])
        expect_equal(daemon.status.json("/v1/segments")["tiers"], [], "tiers before there are any")
        expect_equal(daemon.status.users(tier="VIP")[0], {}, "a list before there are any")
        expect_equal(daemon.status.refit("tiers").json()["adopted"], True, "adopted")
        boundaries = Boundaries(before, now // DAY)
        told = daemon.status.json("/v1/models/tiers")["parameters"]
        for variable, edges in zip(["days_since_last", "frequency", "monetary_value", "T"], boundaries.quartiles):
            shown = [float(edge) for edge in told["tier"]["quartiles"][variable]["edges"]]
            expect(all(math.isclose(a, b, rel_tol=1e-9) for a, b in zip(shown, edges)), f"{variable}: {shown}")
        expect_equal(told["tier"]["left_out"], ["clv"], "what is not known")
        placed = {user: boundaries.of(of, now // DAY) for user, of in before.items()}
        users, _ = daemon.status.users()
        expect_placed(users, placed)
        expect_summed(daemon, users)
        begin = {user: row["tier"]["name"] for user, row in users.items() if "tier" in row}
        best = dict(begin)

        told_before = len(daemon.outbox())
        daemon.feed(lines[cut:], name="rest")
        end = max(features.read_log(lines, features.Config()).now, now) + 2 * DAY
        daemon.advance(stamp(end))
        for user, of in after.items():
            # Whose session was open at the refit, or who has come since, was decided when it closed.
            if last[user] + GAP >= now - LATENESS:
                placed[user] = boundaries.of(of, (last[user] + GAP) // DAY)
        users, _ = daemon.status.users()
        expect_placed(users, placed)
        expect_summed(daemon, users)
        moves = [t for t in map(json.loads, daemon.outbox()) if t["type"] == "tier_changed"]
        at = dict(begin)
        for move in moves:
            user = move["user"]
            # Who first bought after the refit got a tier without a word.
            at.setdefault(user, move["from"])
            best.setdefault(user, move["from"])
            expect_equal((move["from"], move["tier"]), (at[user], move["to"]), f"the move {move}")
            expect(move["from"] != move["to"] and move["model"] == "tiers@1", f"the move {move}")
            at[user] = move["to"]
            best[user] = max(best[user], move["to"], key=TIERS.index)
        stayed = {user: placed[user][0] for user in at}
        expect_equal({u: t for u, t in at.items() if t != stayed[u]}, {}, "moves that were not told")
        expect_equal(
            {u: users[u]["tier_best"] for u in best if users[u]["tier_best"] != best[u]}, {}, "best tiers")
        bare = [
            t for t in map(json.loads, daemon.outbox()[told_before:])
            if t["type"] == "churned" and t["user"] in begin and "tier" not in t]
        expect(not bare, f"triggers of buyers without their tier: {bare[:2]}")
        daemon.kill()
        daemon.start()
        again, _ = daemon.status.users()
        expect_placed(again, placed)
        expect_summed(daemon, again)
        # A refit decides everybody anew.
        expect_equal(daemon.status.refit("tiers").json()["adopted"], True, "adopted again")
        boundaries = Boundaries(after, end // DAY)
        expect_placed(daemon.status.users()[0], {u: boundaries.of(of, end // DAY) for u, of in after.items()})
    return f"{len(placed)} buyers, {len(moves)} moves"


@check
def configured_tiers(env):
    """Weights and cuts of the configuration hold; an unknown name is refused."""
    lines = generated(env)
    config = {"models": {"enabled": ["tiers"], "tiers": {
        "minimum_buyers": 20, "weights": [1, 0, 0, 0, 0], "cuts": [1, 2, 2.5, 3]}}}
    with env.daemon(config) as daemon:
        daemon.feed(lines)
        expect_equal(daemon.status.refit("tiers").json()["adopted"], True, "adopted")
        told = daemon.status.json("/v1/models/tiers")["parameters"]["tier"]
        expect_equal([float(cut) for cut in told["cuts"]], [1.0, 2.0, 2.5, 3.0], "cuts")
        edges = [float(edge) for edge in told["quartiles"]["days_since_last"]["edges"]]
        by_level = {1: "At Risk", 2: "Bronze", 3: "Gold", 4: "VIP"}
        for user, row in daemon.status.users()[0].items():
            if "rfm" in row:
                score = 5 - level(float(row["rfm"]["days_since_last"]), edges)
                expect_equal(
                    (row["tier"]["name"], float(row["tier"]["score"])), (by_level[score], float(score)), user)
        for query in ("tier=Platinum", "grade=G9"):
            expect_equal(daemon.status.get(f"/v1/users?{query}").status, 404, query)
        for query in ("tier=At+Risk", "tier=At%20Risk"):
            expect_equal(daemon.status.get(f"/v1/users?{query}").status, 200, query)


@check
def the_lifetime_value_counts_where_it_is_known(env):
    """With a model of the lifetime value in use its quartile is the fifth of the score."""
    lines = env.log("cdnow_sample")
    with env.daemon({"models": {"enabled": ["clv", "tiers"]}}) as daemon:
        daemon.feed(lines)
        for model in ("clv", "tiers"):
            expect_equal(daemon.status.refit(model).json()["adopted"], True, f"{model} adopted")
        told = daemon.status.json("/v1/models/tiers")["parameters"]["tier"]
        expect("left_out" not in told, f"nothing is left out: {told.get('left_out')}")
        users, _ = daemon.status.users()
    purchases, _ = buyers_of(lines)
    today = features.read_log(lines, features.Config()).now // DAY
    rows = {user: variables(of, today)[0] for user, of in purchases.items()}
    for user, row in rows.items():
        row.append(float(users[user]["predictions"]["clv"]["value"]))
    weights = WEIGHTS + [VALUE_WEIGHT]
    edges = [quantile_edges([row[place] for row in rows.values()], 4) for place in range(5)]
    wrong = []
    for user, row in rows.items():
        levels = [level(value, cuts) for value, cuts in zip(row, edges)]
        levels[0] = 5 - levels[0]
        score = sum(weight * place for weight, place in zip(weights, levels)) / sum(weights)
        if abs(float(users[user]["tier"]["score"]) - score) > 1e-8:
            wrong.append((user, row, score, users[user]["tier"]))
    # A value at an edge may be shown a digit away from it.
    expect(len(wrong) <= len(rows) // 1000, f"{len(wrong)} of {len(rows)} scores are wrong: {wrong[:3]}")
    return f"{len(rows)} buyers"


@check
def grades_under_a_condition(env):
    """`models.tiers.grade_condition`: quartiles of what was spent under it in the year, late purchases and a kill
    included; who spent nothing under it has no grade."""
    chosen = ["online", "app"]
    config = {"models": {"enabled": ["tiers"], "tiers": {
        "minimum_buyers": 20, "grade_condition": {"channel": chosen}}}}
    rows = [json.loads(row) for row in env.log("cdnow_sample")]
    for number, row in enumerate(rows):
        row["channel"] = ("online", "store", "app", "store", "phone")[number * 7 % 5]
    lines = [json.dumps(row).encode() + b"\n" for row in rows]

    def expect_grades(daemon, lines):
        log = features.read_log(lines, features.Config())
        today, spent = log.now // DAY, {}
        for event in log.events:
            counts = event.name == "purchase" and event.dimensions.get("channel") in chosen
            if counts and today - 364 <= event.time // DAY <= today:
                spent[event.user] = spent.get(event.user, 0) + (event.value or 0)
        spent = {user: value / 1e6 for user, value in spent.items() if value > 0}
        edges = quantile_edges(list(spent.values()), len(GRADES))
        told = daemon.status.json("/v1/models/tiers")["parameters"]["grade"]
        expect_equal(told["condition"], "channel: online or app", "the condition")
        expect(all(math.isclose(float(a), b, rel_tol=1e-9) for a, b in zip(told["edges"], edges)),
               f"edges {told['edges']}, not {edges}")
        wrong = []
        for user, row in daemon.status.users()[0].items():
            wanted = GRADES[level(spent[user], edges) - 1] if user in spent else None
            if row.get("grade") != wanted:
                wrong.append((user, row.get("grade"), wanted))
        expect(not wrong, f"{len(wrong)} grades are wrong: {wrong[:3]}")
        return len(spent)

    with env.daemon(config) as daemon:
        daemon.feed(lines)
        expect_equal(daemon.status.refit("tiers").json()["adopted"], True, "adopted")
        before = expect_grades(daemon, lines)
        now = features.read_log(lines, features.Config()).now
        users = sorted({row["user_pseudo_id"] for row in rows})[:40]
        late = [json.dumps({"user_id": user, "ts": stamp(now - (number + 3) * DAY), "event": "purchase",
                            "value": 20 + number, "channel": "app" if number % 2 else "store"}).encode() + b"\n"
                for number, user in enumerate(users)]
        daemon.feed(late, name="late")
        daemon.kill()
        daemon.start()
        expect_equal(daemon.status.refit("tiers").json()["adopted"], True, "adopted again")
        after = expect_grades(daemon, lines + late)
    return f"{before} graded, {after} after late purchases"
