"""Segmentations side by side: by value and by payments, beside the first."""

import json
import math
import subprocess
import tempfile

import features
from checks_models import near
from features import DAY, stamp
from harness import Skip, check, expect, expect_equal

try:
    import numpy
    from sklearn.cluster import KMeans
except ImportError:
    numpy = None

VALUE = ["days_since_last", "frequency", "monetary_value", "T_d"]
CONFIG = {"models": {
    "enabled": ["segments", "repurchase", "tiers", "value", "payments"], "payments": {"method": "card"}}}


def paid(env):
    """CDNOW's purchases with a method of payment, lines, and who buys."""
    rows = []
    for number, text in enumerate(env.log("cdnow_sample")):
        row = json.loads(text)
        user = row["user_pseudo_id"]
        mark = sum(user.encode())
        row["payment_method"] = "card" if (mark + number) % 3 else "cash"
        row["items"] = [{"item_id": f"i{place}"} for place in range(number % 4)]
        row["gender"] = "F" if mark % 2 else "M"
        row["age_band"] = f"{20 + 10 * (mark % 4)}s"
        rows.append(row)
    return rows


def fitted(env):
    def make():
        rows = paid(env)
        lines = [json.dumps(row).encode() + b"\n" for row in rows]
        with env.daemon(CONFIG) as daemon:
            daemon.feed(lines)
            run = {"rows": rows, "answers": {}, "models": {}, "groups": {}, "lists": {}}
            for name in ("segments", "value", "payments"):
                run["answers"][name] = daemon.status.refit(name).json()
                run["models"][name] = daemon.status.json(f"/v1/models/{name}")
            for name in ("value", "payments"):
                run["groups"][name] = daemon.status.json(f"/v1/segments?by={name}")
                run["lists"][name] = {
                    group["name"]: daemon.status.users(segment=group["name"], by=name)[0]
                    for group in run["groups"][name]["segments"]}
            run["first"] = [daemon.status.json(path) for path in ("/v1/segments", "/v1/segments?by=segments")]
            run["users"] = daemon.status.users()[0]
            run["unknown"] = [
                daemon.status.get(path).status for path in (
                    "/v1/segments?by=nonsense", "/v1/users?segment=vip&by=nonsense", "/v1/users?by=value",
                    "/v1/users?segment=nonsense&by=value")]
            run["status"] = daemon.status.status()
            for name in ("value", "payments"):
                expect(daemon.status.refit(name).json()["adopted"], f"{name} fitted again")
                run["models"][name + " again"] = daemon.status.json(f"/v1/models/{name}")
            run["again"] = daemon.status.users()[0]
            daemon.kill()
            daemon.start()
            run["restarted"] = daemon.status.users()[0]
            return run

    return env.remember("segmentations", make)


def value_of(user):
    rfm = user["rfm"]
    return [float(rfm[name]) for name in VALUE]


def payments_of(run):
    """The features of payment by user, from the lines alone."""
    bought = {}
    for row in run["rows"]:
        if row["event_name"] == "purchase":
            bought.setdefault(row["user_pseudo_id"], []).append(row)
    features = {}
    for user, rows in bought.items():
        lines = {"card": 0, "cash": 0}
        amounts = {"card": 0.0, "cash": 0.0}
        for row in rows:
            lines[row["payment_method"]] += max(1, len(row["items"]))
            amounts[row["payment_method"]] += row["purchase_value"]
        means = {kind: amounts[kind] / lines[kind] if lines[kind] else 0.0 for kind in lines}
        features[user] = [
            float(run["users"][user]["rfm"]["recency_d"]), float(sum(lines.values())), means["card"], means["cash"],
            float(sum(row["payment_method"] == "card" for row in rows)),
            1.0 if rows[-1]["gender"] == "F" else 0.0, float(rows[-1]["age_band"][:2]) + 5]
    return features


def distances_of(point, told):
    """To each centroid, in the transformed units of the parameters."""
    z = [(math.log1p(value) - float(m)) / float(s) for value, m, s in zip(point, told["mean"], told["scale"])]
    return [math.dist(z, [float(value) for value in centroid]) for centroid in told["centroids"]]


@check
def each_is_a_model_of_its_own(env):
    """Both are adopted, listed, and asked for by name; the first is as before; what there is not is said."""
    run = fitted(env)
    for name, answer in run["answers"].items():
        expect(answer["adopted"] is True, f"{name}: {answer}")
        expect_equal(run["status"]["models"][name]["version"], 1, f"version of {name} on /v1/status")
    for name in ("value", "payments"):
        expect_equal(run["groups"][name]["model"], f"{name}@1", "model of /v1/segments")
        for key in ("inertia_by_k", "silhouette_by_k", "transform"):
            expect(key in run["models"][name]["parameters"], f"{key} of {name}")
        expect_equal(len(run["models"][name]["parameters"]["inertia_by_k"]), 10, "clusters on the curve")
    expect_equal(run["first"][0], run["first"][1], "/v1/segments by the first's own name")
    expect_equal(run["unknown"], [404, 404, 400, 404], "by=nonsense, by without a segment, an unknown segment")
    return ", ".join(f"{g['name']} {g['users']}" for name in run["groups"] for g in run["groups"][name]["segments"])


@check
def members_are_in_the_nearest_group(env):
    """By hand from the users' pages and the lines: features, nearest centroid, inertia, counts, distances."""
    run = fitted(env)
    sources = {"value": {user: value_of(row) for user, row in run["users"].items() if row["converted"]},
               "payments": payments_of(run)}
    for name, points in sources.items():
        told = run["models"][name]["parameters"]
        inertia, counts = 0.0, {}
        for user, row in run["users"].items():
            own = row.get("segments", {}).get(name)
            expect_equal(own is not None, user in points, f"{user} in {name}")
            if own is None:
                continue
            distances = distances_of(points[user], told)
            best = min(distances)
            inertia += best ** 2
            place = told["ids"].index(own["id"])
            expect(distances[place] <= best + 1e-6, f"{user} in {name}: {own}, {distances}")
            expect_equal(own["name"], told["names"][place], f"name of {user}'s group")
            counts[own["name"]] = counts.get(own["name"], 0) + 1
            if "target" in own:
                target = told["ids"].index(own["target"]["id"])
                near(own["target"]["distance"], distances[target], f"distance of {user} to {own['target']['name']}")
        near(told["inertia"], inertia, f"inertia of {name}")
        groups = {group["name"]: group["users"] for group in run["groups"][name]["segments"] if group["users"]}
        expect_equal(groups, counts, f"users of {name}")
        for group, members in run["lists"][name].items():
            own = {user for user, row in run["users"].items()
                   if row.get("segments", {}).get(name, {}).get("name") == group}
            expect_equal(set(members), own, f"the list of {group} by {name}")
        for group in run["groups"][name]["segments"]:
            rows = [points[user] for user in run["lists"][name][group["name"]]]
            for place, feature in enumerate(group["centroid"]):
                if rows:
                    mean = math.fsum(row[place] for row in rows) / len(rows)
                    near(group["centroid"][feature], mean, f"{feature} of {group['name']}", 1e-5)
    return f"{len(sources['value'])} buyers"


@check
def inertia_of_value_against_scikit_learn(env):
    """Within 0.1 % of scikit-learn's best of 50 starts on the same buyers."""
    if numpy is None:
        raise Skip("numpy and scikit-learn are not installed; the inertia is not compared with theirs")
    run = fitted(env)
    told = run["models"]["value"]["parameters"]
    rows = numpy.log1p(numpy.array([value_of(row) for row in run["users"].values() if row["converted"]]))
    z = (rows - rows.mean(axis=0)) / rows.std(axis=0)
    best = KMeans(
        n_clusters=len(told["centroids"]), n_init=50, max_iter=1000, tol=0, random_state=0).fit(z).inertia_
    ours = float(told["inertia"])
    expect(ours <= best * 1.001, f"inertia {ours}, scikit-learn's {best}")
    return f"{ours:.3f} against {best:.3f}"


@check
def groups_stay_over_a_refit_and_a_kill(env):
    """Fitted again on the same: the same groups, moves on the diagonal alone; a restart changes nothing."""
    run = fitted(env)
    shown = {user: row.get("segments") for user, row in run["users"].items()}
    expect_equal({user: row.get("segments") for user, row in run["again"].items()}, shown, "after a refit")
    expect_equal(run["restarted"], run["again"], "after a kill")
    for name in ("value", "payments"):
        moves = run["models"][name + " again"]["parameters"]["moves"]
        total = sum(sum(row) for row in moves["users"])
        stayed = sum(
            count for origin, row in zip(moves["from"], moves["users"])
            for goal, count in zip(moves["to"], row) if origin == goal)
        expect_equal((total, stayed), (sum(row["converted"] for row in run["users"].values()),) * 2, f"moves of {name}")
    return "no moves"


@check
def a_segmentation_under_a_name_of_its_own(env):
    """models.segmentations: fitted, shown, listed and explained as the built-in ones, and still there after a kill."""
    own = {"loyalty": {"features": ["frequency", "recency_d"], "transform": "log", "k": 3}}
    with env.daemon({"models": {"segmentations": own}}) as daemon:
        daemon.feed(env.log("cdnow_sample"))
        answer = daemon.status.refit("loyalty").json()
        expect_equal(answer["adopted"], True, f"{answer}")
        page = daemon.status.json("/v1/models/loyalty")
        expect_equal(page["parameters"]["features"], ["frequency", "recency_d"], "features")
        groups = daemon.status.json("/v1/segments?by=loyalty")["segments"]
        expect_equal(len(groups), 3, "groups")
        users, _ = daemon.status.users()
        buyers = [user for user, row in users.items() if "rfm" in row]
        expect_equal(sum(group["users"] for group in groups), len(buyers), "users of all groups")
        counts = {}
        for user in buyers:
            name = users[user]["segments"]["loyalty"]["name"]
            counts[name] = counts.get(name, 0) + 1
        expect_equal(counts, {group["name"]: group["users"] for group in groups}, "members by name")
        expect(daemon.status.get("/v1/models/disloyalty").status == 404, "no model of another name")
        daemon.kill()
        daemon.start()
        expect_equal(daemon.status.users()[0], users, "users after a kill")
    return f"{counts}"


@check
def rules_name_a_segmentation_of_ones_own(env):
    """A condition and words of a rule ask for the group by a segmentation of models.segmentations; one that is not
    there stops the start with its place."""
    own = {"loyalty": {"features": ["frequency", "recency_d"], "transform": "log", "k": 3}}
    lines = env.log("cdnow_sample")
    now = features.read_log(lines, features.Config()).now
    with env.daemon({"models": {"segmentations": own}}) as daemon:
        daemon.feed(lines)
        expect(daemon.status.refit("loyalty").json()["adopted"], "adopted")
        users, _ = daemon.status.users()
    groups = {user: row["segments"]["loyalty"]["name"] for user, row in users.items() if "segments" in row}
    chosen = max(set(groups.values()), key=list(groups.values()).count)
    rules = {
        "of_one": {"on": {"event": "login"}, "when": f"segments.loyalty.name == {json.dumps(chosen)}",
                   "template": "you are {segments.loyalty.name|nobody}"},
        "of_none": {"on": {"event": "login"}, "when": "not has(segments.loyalty.name)",
                    "template": "you are {segments.loyalty.name|nobody}"}}
    asked = sorted(groups)[:60]
    with env.daemon({"models": {"segmentations": own}, "triggers": rules}) as daemon:
        daemon.feed(lines)
        expect(daemon.status.refit("loyalty").json()["adopted"], "adopted")
        logins = [json.dumps({"user_id": user, "ts": stamp(now + DAY), "event": "login"}).encode() + b"\n"
                  for user in [*asked, "a stranger"]]
        daemon.feed(logins, name="logins")
        daemon.advance(stamp(now + 2 * DAY))
        told = [json.loads(row) for row in daemon.outbox()]
    found = {rule: {t["user"]: t["message"] for t in told if t["rule"] == rule} for rule in rules}
    expect_equal(found["of_one"], {user: f"you are {chosen}" for user in asked if groups[user] == chosen}, "of_one")
    expect_equal(found["of_none"], {"a stranger": "you are nobody"}, "of_none")
    with tempfile.NamedTemporaryFile("w", suffix=".json5") as file:
        json.dump({"triggers": rules}, file)
        file.flush()
        done = subprocess.run([env.binary, "check", "--config", file.name], capture_output=True, text=True, check=False)
    expect(done.returncode != 0, "a segmentation that is not there is refused")
    said = done.stdout + done.stderr
    expect("triggers.of_one.when" in said and "there is no segmentation loyalty" in said, said)
    return f"{len(found['of_one'])} of {len(asked)} are {chosen}"
