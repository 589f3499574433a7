"""The lifetime value: parameters held against lifetimes, predictions against the published formulas."""

import json
import math
from pathlib import Path

from checks_models import generated
from checks_operation import reload
from client import merged
from harness import Failed, Skip, check, check_each, expect, expect_equal
from logs import REAL

# --- the published formulas, in plain Python ------------------------------------------------------------
# x: frequency, tx: recency, T: age, all in days; Fader, Hardie and Lee (2005), note 21 (2008), note 25 (2013).


def hypergeometric(a, b, c, z):
    """2F1 by its series; all four between 0 and 1 000, z < 1."""
    term = total = 1.0
    for n in range(2_000_000):
        term *= (a + n) * (b + n) / ((c + n) * (n + 1)) * z
        total += term
        if abs(term) < 1e-17 * abs(total) and n > b * z:
            return total
    raise Failed(f"2F1({a}, {b}; {c}; {z}) does not converge")


def alive(p, x, tx, T):
    if x == 0:
        return 1.0
    odds = p["a"] / (p["b"] + x - 1) * ((p["alpha"] + T) / (p["alpha"] + tx)) ** (p["r"] + x)
    return 1 / (1 + odds)


def purchases(p, t, x, tx, T):
    """Equation (10); where as good as nobody leaves, purchases at the rate of who stays."""
    r, alpha, a, b = p["r"], p["alpha"], p["a"], p["b"]
    if a / b < 1e-7:
        return (r + x) * t / (alpha + T) * alive(p, x, tx, T)
    z = t / (alpha + T + t)
    series = hypergeometric(r + x, b + x, a + b + x - 1, z)
    mean = (a + b + x - 1) / (a - 1) * (1 - ((alpha + T) / (alpha + T + t)) ** (r + x) * series)
    return mean * alive(p, x, tx, T)


def worth(p, money, discount, t, x, tx, T, m):
    """Month by month of 30 days, the last one begun at the discount of its end."""
    amount = money["p"] * (money["v"] + x * m) / (money["p"] * x + money["q"] - 1)
    total = before = end = 0.0
    while end < t:
        end = min(end + 30, t)
        until = purchases(p, end, x, tx, T)
        total += (until - before) / (1 + discount) ** (end / 30)
        before = until
    return amount * total


def log_likelihood(p, buyers):
    """Section 4.2 with the gamma functions as they stand."""
    r, alpha, a, b = p["r"], p["alpha"], p["a"], p["b"]
    total = 0.0
    for x, tx, T in buyers:
        first = math.lgamma(r + x) - math.lgamma(r) + r * math.log(alpha)
        second = math.lgamma(a + b) + math.lgamma(b + x) - math.lgamma(b) - math.lgamma(a + b + x)
        here = -(r + x) * math.log(alpha + T)
        if x > 0:
            gone = math.log(a) - math.log(b + x - 1) - (r + x) * math.log(alpha + tx)
            here = max(here, gone) + math.log1p(math.exp(-abs(here - gone)))
        total += first + second + here
    return total


# --- against lifetimes ----------------------------------------------------------------------------------

def oracle(name):
    folder = Path(__file__).resolve().parent.parent / "ModelsTests" / "Oracles"
    return json.loads((folder / f"{name}.expected.json").read_text())["expected"]


def near(got, expected, what, relative):
    if abs(float(got) - expected) > relative * abs(expected):
        raise Failed(f"{what}: expected {expected}, got {got}")


def numbers(members):
    return {name: float(value) for name, value in members.items() if not isinstance(value, dict)}


@check
def cdnow_as_lifetimes_has_it(env):
    """CDNOW up to the calibration's end: the parameters lifetimes finds; a maximum by the plain likelihood."""
    wanted = oracle("bgnbd_cdnow")["holdout"]["params"]
    lines = [line for line in env.log("cdnow_sample") if line[20:30] < b"1997-10-01"]
    with env.daemon({"models": {"clv": {"trim": 1}}}) as daemon:
        daemon.feed(lines)
        daemon.advance("1997-09-30T23:00:00Z")
        before, _ = daemon.status.users()
        expect(all("clv" not in row.get("predictions", {}) for row in before.values()), "no value before a model")
        answer = daemon.status.refit("clv").json()
        expect_equal(answer["adopted"], True, f"{answer}")
        told = daemon.status.json("/v1/models/clv")
        users, _ = daemon.status.users()
        some = next(iter(users))
        page = daemon.status.user(some).json()
        why = page["predictions"]["clv"].pop("why")
        expect_equal(page["predictions"]["clv"], users[some]["predictions"]["clv"], f"the page of {some!r}")
        mean = [float(told["parameters"]["mean_buyer"][name])
                for name in ("frequency", "recency_d", "T_d", "monetary_value")]
        usual = worth(*(numbers(told["parameters"][part]) for part in ("bgnbd", "gamma_gamma")), 0.01, 90, *mean)
        near(float(page["predictions"]["clv"]["value"]) - sum(float(one["contribution"]) for one in why), usual,
             f"the value of {some!r} without what moved it: {why}", 1e-9)
        expect(all(float(one["value"]) == float(page["rfm"][one["feature"]]) for one in why), f"{why}")
        daemon.kill()
        daemon.start()
        expect_equal(daemon.status.users()[0], users, "users after a kill")
    bgnbd, money = (numbers(told["parameters"][name]) for name in ("bgnbd", "gamma_gamma"))
    for name, unit in (("r", 1), ("alpha", 7), ("a", 1), ("b", 1)):
        near(bgnbd[name], wanted[name] * unit, name, 2e-3)
    other = oracle("gamma_gamma_cdnow")["penalizer_0.0"]["params"]
    for name in "pqv":
        near(money[name], other[name], f"Gamma-Gamma's {name}", 0.02)
    buyers = [tuple(int(row["rfm"][name]) for name in ("frequency", "recency_d", "T_d")) for row in users.values()]
    best = log_likelihood(bgnbd, buyers)
    near(bgnbd["log_likelihood"], best, "log_likelihood", 1e-9)
    for name in ("r", "alpha", "a", "b"):
        for factor in (0.99, 1.01):
            moved = log_likelihood({**bgnbd, name: bgnbd[name] * factor}, buyers)
            expect(moved < best, f"{name} × {factor}: {moved} is not below {best}")
    return ", ".join(f"{name} {bgnbd[name]:.5f}" for name in ("r", "alpha", "a", "b"))


@check
def cdnow_held_out_errors_are_lifetimes(env):
    """The whole of CDNOW judged on its last 39 weeks: lifetimes' MAE, RMSE and table."""
    wanted = oracle("bgnbd_cdnow")["holdout"]
    with env.daemon({"models": {"clv": {"trim": 1, "horizon": "273d"}}}) as daemon:
        daemon.feed(env.log("cdnow_sample"))
        daemon.advance("1998-06-30T23:00:00Z")
        expect_equal(daemon.status.refit("clv").json()["adopted"], True, "adopted")
        told = daemon.status.json("/v1/models/clv")
    metrics, baseline = told["metrics"], told["baseline"]
    expect_equal(int(metrics["holdout_d"]), 273, "days held out")
    for ours, theirs in (("mae", "mae"), ("rmse", "rmse"), ("mean_actual", "mean_actual"),
                         ("mean_expected", "mean_predicted")):
        near(metrics[ours], wanted[theirs], ours, 2e-3)
    near(baseline["own_rate"]["rmse"], wanted["rmse_baseline_rate"], "own rate's RMSE", 1e-9)
    near(baseline["own_rate"]["mae"], wanted["mae_baseline_rate"], "own rate's MAE", 1e-9)
    near(baseline["no_purchase"]["mae"], wanted["mae_baseline_zero"], "MAE without purchases", 1e-9)
    for ours, theirs in zip(metrics["by_frequency"], wanted["table_by_frequency"], strict=True):
        expect_equal(int(ours["buyers"]), theirs["n"], f"buyers of {ours}")
        near(ours["actual"], theirs["actual_mean"], f"actual of {ours}", 1e-9)
        near(ours["expected"], theirs["predicted_mean"], f"expected of {ours}", 5e-3)
    return f"MAE {metrics['mae']:.4f}, RMSE {metrics['rmse']:.4f}; own rate {baseline['own_rate']['rmse']:.4f}"


@check_each("generated", *REAL)
def lifetime_values_by_hand(env, name):
    """Every buyer's expectation, chance and value at each horizon by the published formulas."""
    lines = generated(env) if name == "generated" else env.log(name)
    config = {"horizon": "60d", "horizons": ["7d", "75d"], "discount_monthly": 0.02, "minimum_buyers": 50}
    with env.daemon({"models": {"clv": config}}) as daemon:
        daemon.feed(lines)
        answer = daemon.status.refit("clv").json()
        if not answer["adopted"]:
            return f"refused: {answer['reason']}"
        told = daemon.status.json("/v1/models/clv")
        users, _ = daemon.status.users()
        mean = daemon.status.json("/v1/analytics/overview")
    values = [float(row["predictions"]["clv"]["value"]) for row in users.values() if "rfm" in row]
    shown = mean["lifetime_value"]
    expect_equal((shown["buyers"], shown["sampled"], shown["horizon_d"]), (len(values), len(values), 60), f"{shown}")
    near(mean["totals"]["mean_clv"], sum(values) / len(values), "mean lifetime value of all buyers", 1e-6)
    expect(shown["standard_error"] == 0, "nobody is left out")
    bgnbd, money = (numbers(told["parameters"][part]) for part in ("bgnbd", "gamma_gamma"))
    if min(abs(bgnbd["a"] - 1), abs(bgnbd["a"] + bgnbd["b"] - 1)) < 1e-3:
        raise Skip(f"the closed form loses its digits at {bgnbd}")
    exact = 1e-7 if bgnbd["a"] / bgnbd["b"] >= 1e-7 else 1e-4
    scale = {int(row["horizon_d"]): row for row in told["parameters"]["horizons"]}
    shown = 0
    for user, row in users.items():
        told_of = row.get("predictions", {}).get("clv")
        expect_equal(told_of is not None, "rfm" in row, f"{user!r} is a buyer and has a value")
        if told_of is None or shown >= 400:
            continue
        shown += 1
        rfm = row["rfm"]
        x, tx, T = (int(rfm[field]) for field in ("frequency", "recency_d", "T_d"))
        near(told_of["p_alive"], alive(bgnbd, x, tx, T), f"p_alive of {user!r}", 1e-8)
        expect_equal(int(told_of["horizon_d"]), 60, "horizon_d")
        for one in [told_of, *told_of["horizons"]]:
            days = int(one["horizon_d"])
            near(one["expected_purchases"], purchases(bgnbd, days, x, tx, T), f"{user!r}, {days} d", exact)
            value = worth(bgnbd, money, 0.02, days, x, tx, T, float(rfm["monetary_value"]))
            near(one["value"], value, f"value of {user!r}, {days} d", exact)
            least, greatest = (float(scale[days][end]) for end in ("least", "greatest"))
            scaled = min(1.0, max(0.0, (float(one["value"]) - least) / (greatest - least)))
            expect(abs(float(one["scaled"]) - scaled) < 1e-9, f"scaled of {user!r}: {one}")
        expect_equal([int(one["horizon_d"]) for one in told_of["horizons"]], [7, 75], "other horizons")
    return f"{shown} buyers; r {bgnbd['r']:.3f} alpha {bgnbd['alpha']:.1f} a {bgnbd['a']:.3f} b {bgnbd['b']:.3f}"


@check
def a_fit_without_ground_is_refused(env):
    """One buyer, then a horizon longer than the history: refused with the reason; the model in use stays."""
    lines = env.log("cdnow_sample")
    with env.daemon() as daemon:
        daemon.feed(lines[:1], name="one")
        answer = daemon.status.refit("clv").json()
        expect_equal((answer["adopted"], answer["reason"]), (False, "needs 100 users, has 1"), "one buyer")
        daemon.feed(lines[1:], name="rest")
        answer = daemon.status.refit("clv").json()
        expect_equal(answer["adopted"], True, f"{answer}")
        users, _ = daemon.status.users()
        longer = merged(daemon.config, {"models": {"clv": {"horizon": "2000d"}}})
        reload(daemon, longer, "models.clv.horizon")
        answer = daemon.status.refit("clv").json()
        expect_equal(answer["adopted"], False, f"{answer}")
        expect_equal(answer["reason"], "a horizon of 2000 days is longer than the history of 545", "the reason")
        expect_equal(daemon.status.users()[0], users, "users after a refusal")
        expect_equal(daemon.status.status()["models"]["clv"]["version"], 2, "version in use")
