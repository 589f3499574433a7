"""The fitted models: segments, repurchase dates, and that a refit is reproducible."""

import datetime
import json
import math
import random
import subprocess
import time
import urllib.parse

import features
from checks_state import expect_same, expected_log, line, snapshot
from features import DAY, SECOND, stamp
from harness import Failed, Skip, check, check_each, expect, expect_equal, expect_numbering, expect_sequence
from logs import START

try:
    import numpy
    from sklearn.cluster import KMeans
except ImportError:
    numpy = None

MODELS = ["segments", "repurchase", "tiers"]
EIGHT = [
    "add_to_cart", "begin_checkout", "first_visit", "login", "purchase", "session_start", "sign_up",
    "long_total_s",
]


def generated(env):
    """The visit log of `roost generate`, made once."""
    def make():
        done = subprocess.run(
            [env.binary, "generate", "--events", "20000", "--seed", "7"], capture_output=True, check=False)
        if done.returncode != 0:
            return Failed(f"roost generate: exit code {done.returncode}, {done.stderr[-300:]!r}")
        return done.stdout.splitlines(keepends=True)

    return env.remember("generated", make)


def fitted(env):
    """A daemon's answers after a refit of all models on the generated log."""
    def make():
        try:
            return make_fitted(env)
        except Failed as failure:
            return failure

    return env.remember("fitted", make)


def make_fitted(env):
    with env.daemon() as daemon:
        daemon.feed(generated(env))
        answers = {}
        for model in MODELS:
            answer = daemon.status.refit(model)
            expect_equal(answer.status, 200, f"POST refit of {model}: {answer.body!r:.300}")
            answers[model] = answer.json()
        users, _ = daemon.status.users()
        segments = daemon.status.json("/v1/segments")
        by_name = {
            entry["name"]: daemon.status.users(segment=entry["name"])[0] for entry in segments["segments"]}
        return {
            "answers": answers, "users": users, "segments": segments, "by_name": by_name,
            "models": {model: daemon.status.json(f"/v1/models/{model}") for model in answers},
            "list": daemon.status.get("/v1/models").rows(), "status": daemon.status.status(),
            "outbox": [json.loads(row) for row in daemon.outbox()],
        }


@check
def refits_are_adopted(env):
    """All models pass their gates on a log of ordinary shape, and say so everywhere."""
    run = fitted(env)
    for model, answer in run["answers"].items():
        expect(answer["adopted"] is True, f"{model}: {answer}")
        expect_equal((answer["name"], answer["version"]), (model, 1), "name and version")
        told = run["models"][model]
        expect_equal((told["name"], told["version"], told["adopted"]), (model, 1, True), f"/v1/models/{model}")
        for key in ("reason", "fitted_at", "seconds", "data", "parameters", "metrics", "baseline", "history"):
            expect(key in told, f"{key} of /v1/models/{model}")
        expect_equal(run["status"]["models"][model]["version"], 1, f"version of {model} on /v1/status")
    expect_equal(sorted(row["name"] for row in run["list"]), sorted(MODELS), "/v1/models")
    expect_equal(run["segments"]["model"], "segments@1", "model of /v1/segments")
    expect_numbering(run["outbox"])


@check
def segments_add_up(env):
    """Users by segment add up to all scored; lists, counts, shares and means agree with the users."""
    run = fitted(env)
    groups = run["segments"]["segments"]
    expect_equal(sum(group["users"] for group in groups), len(run["users"]), "users of all segments")
    expect_equal(len({group["name"] for group in groups}), len(groups), "different names")
    expect_equal(len(groups), 6, "named groups, the outliers' included")
    for group in groups:
        members = {u: row for u, row in run["users"].items() if row["segment"]["name"] == group["name"]}
        expect_equal(len(members), group["users"], f"users of {group['name']}")
        expect_equal(run["by_name"][group["name"]].keys(), members.keys(), f"the list of {group['name']}")
        expect({row["segment"]["id"] for row in members.values()} <= {group["id"]}, f"id of {group['name']}")
        near(group["share"], len(members) / len(run["users"]), f"share of {group['name']}")
        if members:
            converted = sum(row["converted"] for row in members.values())
            near(group["converted_rate"], converted / len(members), f"converted_rate of {group['name']}")
            for place, name in enumerate(EIGHT):
                mean = math.fsum(vector(row)[place] for row in members.values()) / len(members)
                near(group["centroid"][name], mean, f"{name} of {group['name']}")
    return ", ".join(f"{group['name']} {group['users']}" for group in groups)


def near(got, expected, what, relative=1e-6):
    if abs(float(got) - expected) > max(1e-9, relative * abs(expected)):
        raise Failed(f"{what}: expected {expected}, got {got}")


def vector(user):
    """The eight features of a user as exported."""
    events = user["events"]
    return [float(events.get(name, 0)) for name in EIGHT[:7]] + [float(user["sessions"]["long"]["total_s"])]


@check
def inertia_by_hand(env):
    """`inertia`, `mean` and `scale` recomputed from the exported users; everybody in the nearest group."""
    run = fitted(env)
    told = run["models"]["segments"]["parameters"]
    expect_equal(list(told["features"]), EIGHT, "features")
    rows = [(vector(user), user["segment"]) for user in run["users"].values()
            if user["segment"]["name"] != "outlier"]
    centroids = [[float(value) for value in centroid] for centroid in told["centroids"]]
    mean = [float(value) for value in told["mean"]]
    scale = [float(value) for value in told["scale"]]
    for place, name in enumerate(EIGHT):
        values = [row[place] for row, _ in rows]
        average = math.fsum(values) / len(values)
        near(mean[place], average, f"mean of {name}")
        deviation = math.sqrt(math.fsum((value - average) ** 2 for value in values) / len(values))
        near(scale[place], deviation or 1.0, f"scale of {name}")
    inertia, group_of = 0.0, {}
    for row, segment in rows:
        z = [(value - m) / s for value, m, s in zip(row, mean, scale)]
        distances = [math.fsum((a - b) ** 2 for a, b in zip(z, centroid)) for centroid in centroids]
        best = min(distances)
        inertia += best
        group_of.setdefault(distances.index(best), set()).add(segment["id"])
    near(told["inertia"], inertia, "inertia", 1e-6)
    expect(all(len(ids) == 1 for ids in group_of.values()), f"segment by nearest centroid: {group_of}")
    return f"inertia {inertia:.2f}, {len(rows)} users, {len(centroids)} centroids"


@check
def inertia_against_scikit_learn(env):
    """Within 0.1 % of scikit-learn's best of 50 starts on the same users."""
    if numpy is None:
        raise Skip("numpy and scikit-learn are not installed; the inertia is not compared with theirs")
    run = fitted(env)
    told = run["models"]["segments"]["parameters"]
    rows = numpy.array([
        vector(user) for user in run["users"].values() if user["segment"]["name"] != "outlier"])
    scale = rows.std(axis=0)
    scale[scale == 0] = 1.0
    z = (rows - rows.mean(axis=0)) / scale
    best = KMeans(
        n_clusters=len(told["centroids"]), n_init=50, max_iter=1000, tol=0, random_state=0).fit(z).inertia_
    ours = float(told["inertia"])
    expect(ours <= best * 1.001, f"inertia {ours}, scikit-learn's {best}")
    return f"{ours:.3f} against {best:.3f}"


@check
def repurchase_dates(env):
    """Every buyer has a date with p10 ≤ date ≤ p90, nobody else has one."""
    run = fitted(env)
    today = run["segments"]["as_of"][:10]
    buyers = 0
    for user, row in run["users"].items():
        predicted = row.get("predictions", {}).get("repurchase")
        expect((predicted is not None) == row["converted"], f"user {user!r}: {predicted}")
        if predicted:
            buyers += 1
            expect(
                predicted["p10"] <= predicted["date"] <= predicted["p90"], f"order of dates: {predicted}")
            expect(predicted["p10"] >= today, f"conditioned on the days passed by {today}: {predicted}")
    expect(buyers > 0, "buyers in the generated log")
    return f"{buyers} buyers"


@check_each("online_retail_a", "cdnow_sample")
def repurchase_beats_its_baselines(env, name):
    """On a real log the dates are nearer than every baseline's, and four in five come within the interval."""
    with env.daemon() as daemon:
        daemon.feed(env.log(name))
        answer = daemon.status.refit("repurchase").json()
        expect_equal(answer["adopted"], True, f"{answer}")
        told = daemon.status.json("/v1/models/repurchase")
        users, _ = daemon.status.users()
        bought = max(users, key=lambda user: users[user].get("purchase", {}).get("days", 0))
        page = daemon.status.json(f"/v1/users/{urllib.parse.quote(bought, safe='')}")
    metrics, baseline = told["metrics"], told["baseline"]
    expect("accelerated failure time" in told["parameters"]["method"], f"method: {told['parameters']}")
    error = float(metrics["median_absolute_error_d"])
    for other in ("population_median", "own_mean_gap", "shrunk_gap", "bgnbd"):
        expect(error <= float(baseline[other]["mae_d"]), f"{error} against {other}'s {baseline[other]}")
    expect(float(metrics["pinball_d"]) < float(baseline["shrunk_gap"]["pinball_d"]), f"pinball: {metrics}")
    covered = float(metrics["coverage_80"])
    # A fifth of so few buyers tells the share to about 0.02.
    expect(0.75 < covered < 0.85, f"coverage {covered}")
    why = page["predictions"]["repurchase"]["why"]
    expect(why and all(float(one["contribution"]) != 0 for one in why), f"why of {bought!r}: {why}")
    return (f"{error:.1f} d off, shrunk gap {float(baseline['shrunk_gap']['mae_d']):.1f}, own mean "
            f"{float(baseline['own_mean_gap']['mae_d']):.1f}; {covered:.3f} within the interval")


@check
def a_model_without_data_is_refused(env):
    """Too little data is a refusal with its reason, kept in the history, and no failure."""
    with env.daemon() as daemon:
        daemon.feed(env.log("synthetic")[:5])
        for model in [*MODELS, "clv"]:
            answer = daemon.status.refit(model).json()
            expect_equal(answer["adopted"], False, f"{model}: adopted")
            expect(answer["reason"], f"{model}: a reason")
        answer = daemon.status.refit("nonsense")
        expect_equal(answer.status, 404, "an unknown model")


QUICK = {"trials": 1, "minimum_rows": 60}


def scheduled(every):
    return {"models": {
        "schedule": {"every": every, "at": "3h"}, "churn": QUICK, "high_intent": QUICK}}


# Of a log of a year and a half.
EVERY = {"cdnow_sample": "60d"}


def scheduled_run(env, lines, closed, feed, prefix=(), every="20d"):
    with env.daemon(scheduled(every), prefix=prefix) as daemon:
        feed(daemon)
        daemon.advance(stamp(closed))
        models = {}
        for name in MODELS + ["clv", "churn", "high_intent", "drivers"]:
            told = daemon.status.json(f"/v1/models/{name}")
            models[name] = (told["version"], told["adopted"], told["reason"], json.dumps(
                told["parameters"], default=str))
        return (*snapshot(daemon), models)


@check_each("generated", "cdnow_sample")
def scheduled_refits_are_reproducible(env, name):
    """Refits by the event clock: another cut, a kill in between, the same outbox byte for byte."""
    lines = generated(env) if name == "generated" else env.log(name)
    newest = features.read_log(lines, features.Config()).now
    closed = newest + 120 * DAY
    half = len(lines) // 2

    def pieces(daemon):
        with daemon.producer("log") as producer:
            for at in range(0, half, 777):
                producer.send(b"".join(lines[at:min(at + 777, half)]))
                producer.sync(600)
        daemon.kill()
        daemon.start()
        with daemon.producer("log") as producer:
            producer.send(b"".join(lines[half:]))
            producer.sync(600)

    every = EVERY.get(name, "20d")
    first = scheduled_run(env, lines, closed, lambda daemon: daemon.feed(lines), every=every)
    second = scheduled_run(env, lines, closed, pieces, every=every)
    expect_equal(second[2], first[2], "models")
    expect_same(second[:2], first[:2], "cut and killed")
    kinds = {}
    for row in map(json.loads, first[0]):
        kinds[row["rule"]] = kinds.get(row["rule"], 0) + 1
    expect(first[2]["repurchase"][0] > 0, "repurchase was fitted")
    expect(first[2]["tiers"][1], "tiers are in use")
    expect(first[2]["clv"][0] > 0, "clv was fitted")
    expect(kinds.get("repurchase_due"), f"repurchase_due among the triggers: {kinds}")
    used = {name: told[0] for name, told in first[2].items() if told[1]}
    return f"{kinds}, versions {used}"


@check
def repurchase_due_once_per_cycle(env):
    """At most one between two purchases of a user, due at midnight, not before the purchase it counts from."""
    lines = env.log("cdnow_sample")
    log = expected_log(env, "cdnow_sample", "utc")
    run = scheduled_run(
        env, lines, log.now + 200 * DAY, lambda daemon: daemon.feed(lines), every=EVERY["cdnow_sample"])
    bought = {}
    for event in log.events:
        bought.setdefault(event.user, []).append(event.time)
    seen = set()
    for trigger in map(json.loads, run[0]):
        if trigger["type"] != "repurchase_due":
            continue
        due = features.parse_stamp(trigger["due"], features.UTC)
        expect_equal(due % DAY, 0, f"midnight: {trigger}")
        expect("predicted" in trigger and trigger["model"].startswith("repurchase@"), f"fields: {trigger}")
        at = features.parse_stamp(trigger["at"], features.UTC)
        cycle = max((time for time in bought[trigger["user"]] if time <= min(at, due)), default=None)
        expect(cycle is not None, f"a purchase before it: {trigger}")
        expect((trigger["user"], cycle) not in seen, f"once per cycle: {trigger}")
        seen.add((trigger["user"], cycle))
    expect(seen, "repurchase_due triggers")
    return f"{len(seen)} cycles"


@check
def segments_keep_their_names(env):
    """Refitted on the same users: the same ids, names and members; segment_moved only for movers."""
    with env.daemon() as daemon:
        daemon.feed(generated(env))
        daemon.status.refit("segments")
        before, _ = daemon.status.users()
        moved = daemon.status.status()["outbox"]["last_seq"]
        answer = daemon.status.refit("segments").json()
        after, _ = daemon.status.users()
        if answer["adopted"]:
            expect_equal(
                {user: row["segment"] for user, row in after.items()},
                {user: row["segment"] for user, row in before.items()}, "segments after a refit on the same")
        expect_equal(daemon.status.status()["outbox"]["last_seq"], moved, "triggers after it")
        name = next(iter(after.values()))["segment"]["name"]
        path = "/v1/users?segment=" + urllib.parse.quote(name)
        daemon.kill()
        daemon.start()
        again, _ = daemon.status.users()
        expect_equal(again, after, "users after a kill")
        expect_equal(daemon.status.get(path).status, 200, path)


@check
def segment_moved_tells_the_move(env):
    """Whoever's segment changes gets one, with where from and where to; an outlier is told of once."""
    with env.daemon() as daemon:
        lines = generated(env)
        cut = len(lines) * 2 // 3
        daemon.feed(lines[:cut], name="log")
        daemon.status.refit("segments")
        begin = {user: row["segment"]["name"] for user, row in daemon.status.users()[0].items()}
        daemon.feed(lines[cut:], name="rest")
        newest = features.read_log(lines, features.Config()).now
        daemon.advance(stamp(max(newest, START) + 2 * DAY))
        end = {user: row["segment"]["name"] for user, row in daemon.status.users()[0].items()}
        found = [json.loads(row) for row in daemon.outbox()]
    moved = [t for t in found if t["type"] == "segment_moved"]
    last = dict(begin)
    for trigger in moved:
        if trigger["user"] in begin and "from" in trigger:
            expect_equal(trigger["from"], last[trigger["user"]], f"from: {trigger}")
        if "to" in trigger:
            last[trigger["user"]] = trigger["to"]
    wrong = {user: (last[user], end[user]) for user in begin if last[user] != end[user]}
    expect(not wrong, f"{len(wrong)} users moved and nothing was said: {list(wrong.items())[:3]}")
    bots = [t["user"] for t in found if t["type"] == "bot_suspected"]
    expect_equal(len(set(bots)), len(bots), "bot_suspected once a user")
    expect_sequence(sorted(t["seq"] for t in found), list(range(1, len(found) + 1)), "numbers")
    return f"{len(moved)} moves, {len(bots)} bots"


@check
def a_refit_while_events_are_undecided(env):
    """Wall clock: users whose events the watermark has not passed are segmented, too, bots among them."""
    now = int(time.time()) * SECOND
    rng = random.Random(env.seed)
    names = ("session_start", "add_to_cart", "login", "purchase")
    rows = [line(f"u{user}", now - rng.randint(0, 30) * SECOND, rng.choice(names))
            for user in range(1000) for _ in range(rng.randint(1, 5))]
    rows += [line("bot", now, "login")] * 5000
    with env.daemon({"clock": {"mode": "wall"}}) as daemon:
        with daemon.producer("shop") as producer:
            producer.send(b"".join(rows))
            producer.sync()
        for _ in range(2):
            expect_equal(daemon.status.refit("segments").json()["adopted"], True, "adopted")
        users, _ = daemon.status.users()
        expect_equal(users["bot"]["segment"]["name"], "outlier", "the bot's segment")
        daemon.kill()
        daemon.start()
        expect_equal(len(daemon.status.users()[0]), len(users), "users after a kill")


OUTCOMES = {"models": {
    "churn": {"trials": 4, "minimum_rows": 100}, "high_intent": {"trials": 4, "minimum_rows": 100}}}


def judged_by_log_loss(page):
    """A page of a model of an outcome: what was adopted is better than the base rate on later rows."""
    own = float(page["metrics"]["log_loss"])
    base = float(page["baseline"]["base_rate_scores"]["log_loss"])
    expect(page["data"]["users"] >= 100, f"rows: {page['data']}")
    if page["adopted"]:
        expect(own <= base * (1 + 1e-9), f"log loss {own}, base rate's {base}")
    return f"log loss {own:.4f}, base rate's {base:.4f}, ROC AUC {page['metrics']['roc_auc']:.3f}"


def refit_outcome(daemon, name):
    answer = daemon.status.refit(name).json()
    page = daemon.status.json(f"/v1/models/{name}")
    expect(answer["reason"], f"{name}: a reason")
    expect_equal(page["adopted"], answer["adopted"], f"{name}: adopted")
    return answer["adopted"], page


@check
def churn_horizon_from_the_data(env):
    """models.churn.horizon: "auto": nine in ten intervals end within it, rows are captured with it, a kill keeps it."""
    lines = env.log("online_retail_a")
    half = len(lines) // 2
    config = {"models": {"churn": {**OUTCOMES["models"]["churn"], "horizon": "auto"}}}
    with env.daemon(config) as daemon:
        daemon.feed(lines[:half], name="first")
        daemon.status.refit("churn")
        chosen = int(daemon.status.json("/v1/models/churn")["parameters"]["horizon_from_data_d"])
        expect(25 < chosen * 0.8 and chosen <= 16 * 7 // 2, f"the horizon: {chosen} d")
        daemon.kill()
        daemon.start()
        daemon.feed(lines[half:], name="second")
        newest = features.read_log(lines, features.Config()).now
        daemon.advance(stamp(newest + 2 * DAY))
        adopted, page = refit_outcome(daemon, "churn")
        # Anchors are on every seventh day from 1970-01-01; the data end a horizon after the last of them.
        end = datetime.datetime.fromisoformat(page["data"]["to"].replace("Z", "+00:00"))
        days = (end - datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)).days
        expect_equal((days - chosen) % 7, 0, f"the last anchor, {chosen} d before {end}")
    return f"{chosen} d; {'adopted' if adopted else page['reason']}"


@check
def churn_of_a_real_shop(env):
    """A year of a shop's orders: the model beats the base rate on later anchors or is refused; risks say why."""
    lines = env.log("online_retail_a")
    with env.daemon(OUTCOMES) as daemon:
        daemon.feed(lines)
        newest = features.read_log(lines, features.Config()).now
        daemon.advance(stamp(newest + 2 * DAY))
        adopted, page = refit_outcome(daemon, "churn")
        if not adopted:
            return f"refused: {page['reason']}"
        said = judged_by_log_loss(page)
        users, _ = daemon.status.users()
        risky = 0
        for user, row in users.items():
            predicted = row.get("predictions", {}).get("churn")
            expect_equal(predicted is not None, row["converted"], f"churn of {user!r}: {predicted}")
            if predicted:
                expect(0 <= predicted["p"] <= 1, f"p of {user!r}: {predicted}")
                risky += predicted["p"] >= 0.7
        told = [t for t in map(json.loads, daemon.outbox()) if t["type"] == "churn_risk"]
        expect_equal(len({t["user"] for t in told}), len(told), "once a user")
        expect_equal(len(told), risky, "users at 0.7 and more")
        for trigger in told:
            expect(trigger["score"] >= 0.7 and trigger["model"] == "churn@1", f"{trigger}")
            expect(all({"feature", "value", "contribution"} <= set(why) for why in trigger["why"]),
                   f"{trigger}")
        if told:
            one = daemon.status.user(told[0]["user"]).json()["predictions"]["churn"]
            expect(one["why"] and {"feature", "value", "contribution"} <= set(one["why"][0]), f"why: {one}")
        daemon.status.refit("churn")
        again = [t for t in map(json.loads, daemon.outbox()) if t["type"] == "churn_risk"]
        expect(len({t["user"] for t in again}) == len(again), "nobody is told of twice by a refit")
        daemon.kill()
        daemon.start()
        expect_equal(daemon.status.users()[0].keys(), users.keys(), "users after a kill")
    return f"{said}; {risky} of {len(users)} at risk"


@check
def a_late_purchase_withdraws_a_risk(env):
    """A purchase that comes behind the watermark and lies before a told `churn_risk` is followed by `retracted`."""
    config = {**OUTCOMES, "triggers": {"churn_risk": {"threshold": 0, "clear": 0}}}
    lines = env.log("online_retail_a")
    with env.daemon(config) as daemon:
        daemon.feed(lines)
        newest = features.read_log(lines, features.Config()).now
        daemon.advance(stamp(newest + 2 * DAY))
        adopted, page = refit_outcome(daemon, "churn")
        if not adopted:
            return f"refused: {page['reason']}"
        told = [t for t in map(json.loads, daemon.outbox()) if t["type"] == "churn_risk"]
        users = [row for row in daemon.status.users()[0].values() if row["converted"]]
        expect_equal(len(told), len(users), "at a threshold of 0 every buyer is told of")
        buyer, other = told[0], told[1]

        def late(user, name, days):
            line = {"user_id": user, "ts": stamp(newest + days * DAY), "event": name}
            return json.dumps(line).encode() + b"\n"

        daemon.feed([late(other["user"], "login", 1), late(buyer["user"], "purchase", 1)], name="late")
        found = [t for t in map(json.loads, daemon.outbox()) if t["type"] == "retracted"]
        risks = {t["seq"]: t["user"] for t in told}
        withdrawn = [(t["retracts"], t["user"]) for t in found if t.get("retracts") in risks]
        expect_equal(withdrawn, [(buyer["seq"], buyer["user"])], "withdrawn risks")
        daemon.kill()
        daemon.start()
        daemon.feed([late(other["user"], "purchase", 1)], name="later")
        found = [t for t in map(json.loads, daemon.outbox()) if t["type"] == "retracted"]
        withdrawn = [t["retracts"] for t in found if t.get("retracts") in risks]
        expect_equal(withdrawn, [buyer["seq"], other["seq"]], "withdrawn risks after a kill")
    return f"{len(told)} told, 2 withdrawn"


@check
def carts_of_the_generated_log(env):
    """Cart conversion: judged on later carts; drivers over all who ever added to a cart."""
    lines = generated(env)
    with env.daemon(OUTCOMES) as daemon:
        daemon.feed(lines)
        newest = features.read_log(lines, features.Config()).now
        daemon.advance(stamp(newest + 2 * DAY))
        adopted, page = refit_outcome(daemon, "high_intent")
        said = judged_by_log_loss(page) if adopted else f"refused: {page['reason']}"
        _, drivers = refit_outcome(daemon, "drivers")
        users, _ = daemon.status.users()
        carts = [row for row in users.values() if row["events"].get("add_to_cart")]
        expect_equal(drivers["data"]["users"], len(carts), "users who ever added to a cart")
        told = drivers["parameters"]
        expect_equal(told["converted"], sum(row["converted"] for row in carts), "of them converted")
        expect_equal(
            list(told["drivers"]),
            ["add_to_cart", "begin_checkout", "first_visit", "login", "session_start", "sign_up", "device",
             "long_total_s"], "predictors")
        if adopted:
            daemon.feed([line("intent", newest + 3 * DAY, "add_to_cart")], name="more")
            daemon.advance(stamp(newest + 3 * DAY))
            p = daemon.status.user("intent").json()["predictions"]["cart_conversion"]["p"]
            expect(0 <= p <= 1, f"cart_conversion: {p}")
    return said
