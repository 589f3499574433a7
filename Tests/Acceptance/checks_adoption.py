"""What models in use make of users: cells and names; and that only what is in force shows."""

import math
import sqlite3
import subprocess
import threading
from contextlib import closing
from pathlib import Path

import features
from checks_models import generated
from features import DAY, stamp
from harness import check, check_each, eventually, expect, expect_equal
from logs import REAL

# --- the RFM cell ---------------------------------------------------------------------------------------

LEVELS = {"days_since_last": 3, "frequency": 2, "monetary_value": 2}


def quantile_edges(values, levels):
    """Inner edges as pandas' qcut has them: quantiles with linear interpolation between order statistics."""
    values = sorted(values)
    edges = []
    for edge in range(1, levels):
        place, rest = divmod(edge * (len(values) - 1), levels)
        upper = values[min(place + 1, len(values) - 1)]
        edges.append(values[place] + (upper - values[place]) * (rest / levels))
    return edges


def level(value, edges):
    """Intervals are closed to the right; where edges coincide the levels between them are empty."""
    return 1 + sum(value > edge for edge in edges)


def cell_of(rfm, edges):
    recency, frequency, monetary = (level(float(rfm[name]), edges[name]) for name in LEVELS)
    return f"R{LEVELS['days_since_last'] + 1 - recency}F{frequency}M{monetary}"


def expect_cells(users, edges):
    wrong = [
        (user, row.get("rfm_cell"), row.get("rfm")) for user, row in users.items()
        if row.get("rfm_cell") != (cell_of(row["rfm"], edges) if "rfm" in row else None)]
    expect(not wrong, f"{len(wrong)} of {len(users)} cells are wrong: {wrong[:3]}")


@check_each("synthetic", *REAL)
def rfm_cells_equal(env, name):
    """Every user's cell by the plain calculation; boundaries stay when users move, and users move at once."""
    lines = env.log(name)
    cut = len(lines) * 3 // 4
    with env.daemon({"models": {"tiers": {"minimum_buyers": 20}}}) as daemon:
        daemon.feed(lines[:cut])
        before, _ = daemon.status.users()
        expect(all("rfm_cell" not in row for row in before.values()), "no cell before boundaries are in use")
        answer = daemon.status.refit("tiers").json()
        buyers = [row["rfm"] for row in before.values() if "rfm" in row]
        if len(buyers) < 20:
            expect_equal(answer["adopted"], False, f"{len(buyers)} buyers: {answer}")
            return f"refused: {answer['reason']}"
        expect_equal(answer["adopted"], True, f"{answer}")
        edges = {
            variable: quantile_edges([float(rfm[variable]) for rfm in buyers], levels)
            for variable, levels in LEVELS.items()}
        told = daemon.status.json("/v1/models/tiers")
        for variable, levels in LEVELS.items():
            shown = told["parameters"]["rfm_cell"][variable]
            expect_equal([float(edge) for edge in shown["edges"]], edges[variable], f"edges of {variable}")
            counts = [0] * levels
            for rfm in buyers:
                counts[level(float(rfm[variable]), edges[variable]) - 1] += 1
            expect_equal([int(count) for count in shown["users"]], counts, f"users by level of {variable}")
        expect_equal(int(told["data"]["users"]), len(buyers), "buyers fitted on")
        expect_cells(daemon.status.users()[0], edges)
        daemon.feed(lines[cut:], name="rest")
        newest = features.read_log(lines, features.Config()).now
        daemon.advance(stamp(newest + 40 * DAY))
        users, _ = daemon.status.users()
        expect_cells(users, edges)
        some = next(user for user, row in users.items() if "rfm_cell" in row)
        expect_equal(daemon.status.user(some).json()["rfm_cell"], users[some]["rfm_cell"], f"the page of {some!r}")
        daemon.kill()
        daemon.start()
        expect_cells(daemon.status.users()[0], edges)
    cells = sorted({row["rfm_cell"] for row in users.values() if "rfm_cell" in row})
    return f"{len(buyers)} buyers, {' '.join(cells)}"


# --- names ----------------------------------------------------------------------------------------------

@check
def the_names_come_about(env):
    """On a log of the generator's shape each name is there, and says of its members what it means."""
    done = subprocess.run(
        [env.binary, "generate", "--events", "200000", "--seed", "3"], capture_output=True, check=True)
    with env.daemon() as daemon:
        daemon.feed(done.stdout.splitlines(keepends=True))
        expect_equal(daemon.status.refit("segments").json()["adopted"], True, "adopted")
        users, _ = daemon.status.users()
        now = features.parse_stamp(daemon.status.json("/v1/segments")["as_of"], features.UTC)
    groups = {}
    for row in users.values():
        groups.setdefault(row["segment"]["name"], []).append(row)
    five = ["vip", "loyal", "newcomer", "at_risk", "dormant"]
    expect(set(five) <= set(groups), f"names: { {name: len(rows) for name, rows in groups.items()} }")

    def mean(rows, value):
        return math.fsum(value(row) for row in rows) / len(rows)

    def revenue(row):
        return float(row.get("purchase", {}).get("revenue", 0))

    def silence(row):
        return now - features.parse_stamp(row["last_seen"], features.UTC)

    def age(row):
        return now - features.parse_stamp(row["first_seen"], features.UTC)

    all_users = list(users.values())
    others = [row for row in all_users if row["segment"]["name"] != "vip"]
    for name in five:
        expect(len(groups[name]) >= 10, f"{name} has {len(groups[name])} members")
    expect(mean(groups["vip"], revenue) == max(
        mean(rows, revenue) for rows in groups.values() if len(rows) >= 10), "vip spend most")
    for name in ("loyal", "at_risk"):
        expect(mean(groups[name], revenue) > mean(others, revenue), f"{name} are of value")
    expect(mean(groups["loyal"], silence) <= mean(all_users, silence) / 2, "loyal came lately")
    expect(mean(groups["at_risk"], silence) >= 0.75 * mean(all_users, silence), "at_risk have not come for long")
    expect(mean(groups["dormant"], silence) > mean(all_users, silence), "dormant are silent")
    expect(mean(groups["newcomer"], age) < mean(all_users, age), "newcomers are new")
    return ", ".join(f"{name} {len(rows)}" for name, rows in sorted(groups.items()))


# --- what is answered meanwhile, and after a crash ------------------------------------------------------

@check
def answers_do_not_wait_for_a_fit(env):
    """Status and model pages are answered while a fit runs, under either clock."""
    for mode in ("event", "wall"):
        slow = {"clock": {"mode": mode}, "models": {"segments": {"restarts": 1000, "k": 20}}}
        with env.daemon(slow) as daemon:
            daemon.feed(generated(env))
            daemon.status.refit("tiers")
            done = threading.Event()
            answers = []

            def refit():
                answers.append(daemon.status.refit("segments").json())
                done.set()

            fit = threading.Thread(target=refit)
            fit.start()
            # Until the child is there: what is asked from here on is asked while it fits.
            eventually("the fit runs", lambda: done.is_set() or children(daemon.process.pid))
            asked = 0
            for path in ("/v1/status", "/v1/models", "/v1/models/tiers", "/v1/segments", "/metrics"):
                expect_equal(daemon.status.get(path).status, 200, path)
                asked += not done.is_set()
            fit.join()
            expect_equal(asked, 5, f"{mode} clock: answers before the fit of {answers} ended")


def children(process):
    """Processes whose parent is this one."""
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            if int(path.read_text().rpartition(")")[2].split()[1]) == process:
                found.append(path.parent.name)
        except OSError:
            continue  # it ended meanwhile
    return found


@check
def what_the_journal_does_not_know_is_not_in_use(env):
    """A candidate whose verdict a crash kept from the journal does not show as adopted."""
    with env.daemon() as daemon:
        daemon.feed(generated(env))
        for _ in range(2):
            expect_equal(daemon.status.refit("tiers").json()["adopted"], True, "adopted")
        daemon.kill()
        registry = next(daemon.data.rglob("registry.db"))
        with closing(sqlite3.connect(registry)) as database, database:
            database.execute(
                "INSERT INTO models SELECT name, 3, 1, reason, fitted, seconds, users, data_from, data_to, "
                "parameters, metrics, baseline, record, bytes FROM models WHERE name = 'tiers' AND version = 2")
        daemon.start()
        told = daemon.status.json("/v1/models/tiers")
        expect_equal((told["version"], told["adopted"]), (2, True), "version in use")
        history = {int(row["version"]): row["adopted"] for row in told["history"]}
        expect_equal(history, {1: True, 2: True, 3: False}, "adopted by version")
        expect_equal(daemon.status.status()["models"]["tiers"]["version"], 2, "on /v1/status")
        answer = daemon.status.refit("tiers").json()
        expect_equal((answer["version"], answer["adopted"]), (3, True), "the next refit")
        told = daemon.status.json("/v1/models/tiers")
        expect_equal((told["version"], told["adopted"]), (3, True), "and in use")

