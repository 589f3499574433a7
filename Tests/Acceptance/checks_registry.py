"""Versions of models: kept, put back, in force after a crash."""

import json
import random
import time

import checks_models
from checks_models import SECOND, line
from faults import metric
from harness import check, eventually, expect, expect_equal


def put_back(daemon, version):
    answer = daemon.status.request("POST", f"/v1/models/segments/use?version={version}")
    expect_equal(answer.status, 200, f"use of version {version}: {answer.body!r:.300}")
    expect_equal(answer.json()["version"], version, "version put back")


def in_use(daemon):
    page = daemon.status.json("/v1/models/segments")
    segments = daemon.status.json("/v1/segments")
    expect_equal(segments["model"], f"segments@{page['version']}", "the model that /v1/segments names")
    expect_equal(daemon.status.status()["models"]["segments"]["version"], page["version"], "on /v1/status")
    groups = {row["name"]: row["users"] for row in segments["segments"]}
    return page["version"], page["parameters"], groups


@check
def a_version_is_put_back(env):
    """An earlier version is used again as it was, again and again, and after a kill; what is not there is 404."""
    lines = checks_models.generated(env)
    with env.daemon() as daemon:
        daemon.feed(lines[: len(lines) // 3])
        expect(daemon.status.refit("segments").json()["adopted"], "the first fit")
        first = in_use(daemon)
        daemon.feed(lines[len(lines) // 3:], name="rest")
        answer = daemon.status.refit("segments").json()
        expect(answer["adopted"], f"the second fit: {answer}")
        second = in_use(daemon)
        expect(first[1] != second[1], "two fits on different data are different")
        for version, known in ((1, first), (2, second), (1, first)):
            put_back(daemon, version)
            expect_equal(in_use(daemon)[:2], (version, known[1]), "version and parameters in use")
        shown = in_use(daemon)
        outbox = daemon.outbox()
        expect_equal(len({json.loads(row)["id"] for row in outbox}), len(outbox), "ids")
        daemon.kill()
        daemon.start()
        expect_equal(in_use(daemon), shown, "what is in use after a kill")
        expect_equal(daemon.outbox(), outbox, "the outbox after a kill")
        for path, status in (("segments/use?version=9", 404), ("segments/use", 400), ("none/use?version=1", 404)):
            expect_equal(daemon.status.request("POST", f"/v1/models/{path}").status, status, path)
        expect_equal(daemon.status.refit("segments").json()["version"], 3, "version of the next fit")
    return ", ".join(f"{name} {users}" for name, users in shown[2].items())


@check
def moved_inputs_bring_a_refit_forward(env):
    """Wall clock: where customers have become others than those of the fit, the model is fitted ahead of time."""
    now = int(time.time()) * SECOND
    rng = random.Random(env.seed)

    def visitors(prefix, count, logins):
        return [line(f"{prefix}{user}", now - rng.randint(0, 3600) * SECOND, name)
                for user in range(count)
                for name in ["session_start"] * rng.randint(1, 5) + ["login"] * rng.randint(*logins)]

    config = {"clock": {"mode": "wall"}, "models": {"drift_check": "1s"}}
    with env.daemon(config) as daemon:
        def version():
            return daemon.status.status()["models"]["segments"]["version"]

        def checks():
            return metric(daemon, "roost_drift_checks_total")

        with daemon.producer("shop") as producer:
            producer.send(b"".join(visitors("a", 800, (0, 1))))
            producer.sync()
            expect(daemon.status.refit("segments").json()["adopted"], "the first fit")
            begun = checks()
            eventually("two looks", lambda: checks() >= begun + 2)
            expect_equal((version(), metric(daemon, "roost_drift_refits_total")), (1, 0), "nothing has moved")
            looked = daemon.status.json("/v1/models/segments")["drift"]
            expect(looked["checked_at"].endswith("Z") and abs(looked["input_drift"]["login"]) < 0.25, f"{looked}")
            producer.send(b"".join(visitors("b", 1600, (6, 12))))
            producer.sync()
        # The child has the lowest priority: on a busy machine it takes its time.
        eventually("a refit", lambda: metric(daemon, "roost_refits_total") >= 2, timeout=120)
        page = daemon.status.json("/v1/models/segments")
        eventually("its verdict", lambda: len(daemon.status.json("/v1/models/segments")["history"]) >= 2)
        newest = daemon.status.json("/v1/models/segments")["history"][0]
        drift = newest["metrics"]["input_drift"]
        expect(drift["login"] > 0.25, f"drift of login: {drift}")
        expect(metric(daemon, "roost_drift_refits_total") >= 1, "counted")
        bins = page["parameters"]["inputs"]["bins"]["login"]
        expect_equal(len(bins["shares"]), len(bins["edges"]) + 2, "bins of login")
    return f"login moved by {drift['login']:.2f}"
