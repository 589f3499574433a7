"""Running it: commands, configuration, HTTP, the list of users."""

import json
import signal
import subprocess
import threading
import time
from pathlib import Path

import features
from checks_state import DAY0, expected_log, line, snapshot
from client import Daemon, merged
from features import SECOND
from harness import (
    CONFIGS, Skip, check, check_each, eventually, expect, expect_equal, expect_sequence, expect_users)

COMMANDS = ["serve", "replay", "tail", "status", "export", "check", "generate", "import", "backup"]


def roost(env, *arguments, data=None, timeout=120):
    return subprocess.run(
        [env.binary, *map(str, arguments)], input=data, capture_output=True, timeout=timeout, check=False)


@check
def commands_explain_themselves(env):
    for command in [None, *COMMANDS]:
        done = roost(env, *([command] if command else []), "--help")
        expect_equal(done.returncode, 0, f"exit code of {command} --help")
        expect(len(done.stdout) > 40, f"{command} --help says something on stdout")
        if command:
            done = roost(env, command, "--no-such-flag")
            expect_equal(done.returncode, 2, f"exit code of {command} with an unknown flag")
            expect(b"no-such-flag" in done.stderr, f"{command} names the unknown flag: {done.stderr[-200:]!r}")
    expect_equal(roost(env).returncode, 2, "exit code without a command")
    expect_equal(roost(env, "fly").returncode, 2, "exit code of an unknown command")


@check
def commands_on_a_running_daemon(env):
    """replay, export, status and tail against a daemon: what they print is what the ports say."""
    lines = env.log("synthetic")
    with env.daemon() as daemon:
        file = daemon.home / "log.ndjson"
        file.write_bytes(b"".join(lines))
        done = roost(env, "replay", file, "--to", daemon.ready["ingest"])
        expect_equal(done.returncode, 0, f"replay: {done.stderr[-300:]!r}")
        with daemon.producer("after") as producer:
            producer.sync()
        users, _ = daemon.status.users()
        expect_users(users, features.features(expected_log(env, "synthetic", "utc"), CONFIGS["utc"][1]))
        again = roost(env, "replay", "-", "--to", daemon.ready["ingest"], data=b"".join(lines[:100]))
        expect_equal(again.returncode, 0, f"replay of stdin: {again.stderr[-300:]!r}")
        help_of = roost(env, "export", "--help").stdout
        flag = next((f for f in ("--address",) if f.encode() in help_of), None)
        if flag:
            done = roost(env, "export", flag, daemon.ready["status"])
            expect_equal(done.returncode, 0, f"export: {done.stderr[-300:]!r}")
            exported = [features.load(row) for row in done.stdout.splitlines()]
            expect_equal({row["user"] for row in exported}, set(users), "users of export")


@check
def generate_repeats_itself(env):
    """Same seed, same bytes; another seed, others; the events are in order and all good."""
    arguments = ("generate", "--events", "3000", "--seed")
    first, second, third = (roost(env, *arguments, seed) for seed in (1, 1, 2))
    expect_equal(first.returncode, 0, f"exit code: {first.stderr[-300:]!r}")
    expect(first.stdout == second.stdout, "the same bytes for the same seed")
    expect(first.stdout != third.stdout, "other bytes for another seed")
    lines = first.stdout.splitlines()
    expect_equal(len(lines), 3000, "lines")
    log = features.read_log(lines, features.Config())
    expect_equal((log.rejected, log.late), ([], 0), "rejected and late")


BROKEN = [
    ('{data_dirr: "x"}', "data_dirr"),
    ('{\n  clock: {\n    mode: "sundial",\n  },\n}', "clock.mode"),
    ('{clock: {allowed_lateness: 60}}', "clock.allowed_lateness"),
    ('{clock: {allowed_lateness: "60 fortnights"}}', "clock.allowed_lateness"),
    ('{clock: {timezone: "Mars/Olympus"}}', "clock.timezone"),
    ('{sessions: {short_gap: "-1s"}}', "sessions.short_gap"),
    ('{listen: {ingest: {address: "nowhere"}}}', "listen.ingest.address"),
    ('{listen: {ingest: {address: "127.0.0.1:99999"}}}', "listen.ingest.address"),
    ('{listen: {ingest: {address: "0.0.0.0:0"}}}', "listen.ingest"),
    ('{models: {segments: {k: "six"}}}', "models.segments.k"),
    ('{triggers: {cart_abandoned: {delay: true}}}', "triggers.cart_abandoned.delay"),
    ('{triggers: {cart_abandoned: {delya: "1h"}}}', "triggers.cart_abandoned.delya"),
    ('{limits: []}', "limits"),
    ('{data_dir: "a",\n data_dir: "b"}', "data_dir"),
    ('{data_dir: "a"', None),
    ('', None),
]


@check
def broken_configurations(env):
    """The start stops with the key's path, the line and the reason; so says `roost check`."""
    daemon = env.daemon()
    problems = []
    try:
        for text, key in BROKEN:
            daemon.path.write_text(text, encoding="utf-8")
            for command in ("serve", "check"):
                done = roost(env, command, "--config", daemon.path, timeout=30)
                said = (done.stderr + done.stdout).decode(errors="replace")
                if done.returncode != 1:
                    problems.append(f"{command} of {text!r}: exit code {done.returncode}")
                if key is not None and key not in said:
                    problems.append(f"{command} of {text!r} does not name {key}: {said[-200:]!r}")
        daemon.path.write_text('{\n\n  clock: {\n    mode: "sundial",\n  },\n}', encoding="utf-8")
        said = roost(env, "check", "--config", daemon.path)
        if b"4" not in said.stdout + said.stderr:
            problems.append("the line of the wrong key is not named")
        missing = roost(env, "serve", "--config", daemon.home / "absent.json5", timeout=30)
        if missing.returncode not in (1, 2) or b"absent.json5" not in missing.stderr:
            problems.append(f"an absent file: {missing.returncode} {missing.stderr[-200:]!r}")
        daemon.path.write_text("{clock: {mode: 'event', /* JSON5 */ allowed_lateness: '1m',},}", encoding="utf-8")
        good = roost(env, "check", "--config", daemon.path)
        if good.returncode != 0:
            problems.append(f"a good file: {good.returncode} {(good.stdout + good.stderr)[-200:]!r}")
    finally:
        daemon.discard()
    expect(not problems, f"{len(problems)}: " + " | ".join(problems[:5]))


@check
def ports_in_use(env):
    """A port that is taken stops the start and is named."""
    with env.daemon() as first:
        second = Daemon(env.binary, {"listen": {"status": {"address": first.ready["status"]}}})
        try:
            second.path.write_text(json.dumps(second.config), encoding="utf-8")
            done = roost(env, "serve", "--config", second.path, timeout=30)
            expect_equal(done.returncode, 1, "exit code")
            port = first.ready["status"].rsplit(":", 1)[1].encode()
            expect(port in done.stderr, f"the address is named: {done.stderr[-200:]!r}")
        finally:
            second.discard()


@check
def http_answers_and_errors(env):
    """Errors are JSON with code and detail and the right status; health, metrics and models answer."""
    with env.daemon() as daemon:
        daemon.feed(env.log("synthetic")[:200])
        status = daemon.status
        for method, path, code in (
                ("GET", "/v1/users/nobody", 404), ("GET", "/v1/nothing", 404), ("GET", "/nothing", 404),
                ("GET", "/v1/models/nothing", 404), ("POST", "/v1/models/nothing/refit", 404),
                ("POST", "/v1/status", 405), ("GET", "/v1/models/segments/refit", 405),
                ("GET", "/v1/triggers?limit=many", 400), ("GET", "/v1/triggers?after=-5", 400),
                ("GET", "/v1/users/%", 400), ("GET", "/v1/users?segment=nothing", 404)):
            answer = status.request(method, path, b"" if method == "POST" else None)
            expect(
                answer.status == code or (code == 404 and answer.status == 400 and "segment" in path),
                f"{method} {path}: {code} expected, got {answer.status}")
            error = answer.json()["error"]
            expect(error["code"] and error["detail"], f"{method} {path}: {error}")
        for path in ("/healthz", "/readyz"):
            expect_equal(status.get(path).status, 200, path)
        metrics = status.get("/metrics")
        expect_equal(metrics.status, 200, "/metrics")
        samples = [row for row in metrics.body.decode().splitlines() if row and not row.startswith("#")]
        expect(samples and all(row.startswith("roost_") for row in samples), f"metrics: {samples[:3]}")
        for row in samples:
            float(row.rsplit(" ", 1)[1])
        told = status.status()
        for key in ("version", "uptime_s", "clock", "ingest", "users", "shards", "partitions", "journal",
                    "outbox", "models", "memory_bytes"):
            expect(key in told, f"{key} of /v1/status")
        for key in ("connections", "lines", "events", "rejected", "late", "duplicates", "bytes"):
            expect(key in told["ingest"], f"ingest.{key} of /v1/status")
        expect_equal(told["partitions"], 64, "partitions")


@check
def an_empty_daemon_answers(env):
    """Nothing in it yet: every call answers, nobody is made up."""
    with env.daemon() as daemon:
        users, _ = daemon.status.users()
        expect_equal(users, {}, "users")
        expect_equal(daemon.outbox(), [], "triggers")
        for path in ("/v1/status", "/v1/segments", "/v1/models", "/v1/triggers?after=0&limit=10",
                     "/v1/dead-letters?after=0&limit=10"):
            expect_equal(daemon.status.get(path).status, 200, path)
        daemon.kill()
        daemon.start()
        expect_equal(daemon.status.status()["users"], 0, "users after a kill")


@check
def the_list_of_users_is_consistent(env):
    """Read while events pour in: every user as of one moment, and the stream does not stop ingest."""
    lines = [line(f"u{n % 3000:05d}", DAY0 + n * SECOND, "page_view") for n in range(60_000)]
    with env.daemon() as daemon:
        daemon.feed(lines[:30_000], name="before")
        lists = []

        def pour():
            with daemon.producer("rest") as producer:
                for at in range(30_000, 60_000, 300):
                    producer.send(b"".join(lines[at:at + 300]))
                producer.sync()

        thread = threading.Thread(target=pour)
        thread.start()
        while thread.is_alive():
            lists.append(daemon.status.users())
        thread.join()
        lists.append(daemon.status.users())
        for users, answer in lists:
            newest = max(features.parse_stamp(row["last_seen"], features.UTC) for row in users.values())
            as_of = features.parse_stamp(answer.header("as_of"), features.UTC)
            expect(newest <= as_of, "nobody was seen after as_of")
            count = (as_of - DAY0) // SECOND + 1
            expect_equal(
                sum(row["event_total"] for row in users.values()), count, "events of one moment's users")
        expect_equal(daemon.status.status()["ingest"]["events"], 60_000, "events")
    return f"{len(lists)} lists"


@check_each("missing", "restored")
def the_store_is_kept(env, how):
    """`store` names the data directory: the same after a restart, another for another directory."""
    with env.daemon() as daemon:
        with daemon.producer("p") as producer:
            first = producer.store
        daemon.terminate()
        if how == "missing":
            daemon.config["data_dir"] = str(daemon.home / "another")
        daemon.start()
        with daemon.producer("p") as producer:
            expect_equal(producer.store == first, how == "restored", "the same store")


def reload(daemon, config, awaited):
    """Writes the file, sends SIGHUP and waits for the log to say so."""
    said = len(daemon.said(1 << 20))
    daemon.path.write_text(config if isinstance(config, str) else json.dumps(config), encoding="utf-8")
    daemon.process.send_signal(signal.SIGHUP)
    return eventually(
        f"{awaited!r} in the log", lambda: awaited in (text := daemon.said(1 << 20)[said:]) and text, 10)


@check
def reload_refuses_what_is_broken(env):
    """SIGHUP takes a good file, refuses a broken one and goes on with the old."""
    with env.daemon() as daemon:
        broken = '{\n  triggers: {cart_abandoned: {delay: "soon"}},\n  modles: {},\n}'
        said = reload(daemon, broken, "refused")
        for what in ("line 2", "triggers.cart_abandoned.delay", "line 3", "modles"):
            expect(what in said, f"the log names {what}: {said!r:.500}")
        expect(daemon.running, "it goes on")
        daemon.feed([line("u", DAY0, "sign_up")])
        reload(daemon, daemon.config, "nothing changed")
        expect(daemon.running, "it goes on after a good one")
        expect_equal(len(snapshot(daemon)[1]), 1, "users")


@check
def reload_changes_a_delay(env):
    """A delay counts anew for what is pending, a rule is switched off, and both outlast a kill -9."""
    hour = 3600 * SECOND
    with env.daemon() as daemon:
        daemon.feed([line("a", DAY0, "add_to_cart"), line("b", DAY0, "begin_checkout"), line("c", DAY0, "sign_up")])
        said = reload(
            daemon, merged(daemon.config, {
                "triggers": {
                    "cart_abandoned": {"delay": "3h"}, "checkout_abandoned": {"delay": "10m"},
                    "onboarding_stalled": {"enabled": False}},
                "sessions": {"short_gap": "20m"}}),
            "in force")
        for key in ("triggers.cart_abandoned.delay", "triggers.checkout_abandoned.delay",
                    "triggers.onboarding_stalled.enabled"):
            expect(key in said.split("in force", 1)[1], f"the log names {key}: {said!r:.500}")
        expect("sessions.short_gap" in said.split("in force", 1)[0], f"the log names what stays: {said!r:.500}")
        daemon.config["triggers"] = {
            "cart_abandoned": {"delay": "3h"}, "checkout_abandoned": {"delay": "10m"},
            "onboarding_stalled": {"enabled": False}}
        daemon.advance(features.stamp(DAY0 + 2 * hour))
        daemon.kill()
        daemon.start()
        daemon.advance(features.stamp(DAY0 + 100 * hour))
        found = [(t["rule"], t["user"], t["due"]) for t in daemon.status.triggers()]
        expect_sequence(
            found,
            [("welcome", "c", features.stamp(DAY0)),
             ("checkout_abandoned", "b", features.stamp(DAY0 + 600 * SECOND)),
             ("cart_abandoned", "a", features.stamp(DAY0 + 3 * hour))],
            "triggers")


@check
def reload_changes_a_model(env):
    """The next fit goes by the new settings."""
    with env.daemon() as daemon:
        daemon.feed(env.log("synthetic"))
        config = {"models": {"enabled": ["segments"], "segments": {"k": 3, "features": ["purchase", "login"]}}}
        reload(daemon, merged(daemon.config, config), "in force")
        daemon.status.refit("segments")
        parameters = daemon.status.get("/v1/models/segments").json()["parameters"]
        expect_equal(parameters["features"], ["purchase", "login"], "features")
        expect_equal(daemon.status.get("/v1/models/repurchase").status, 404, "status of a model switched off")


@check
def descriptors_and_children_stay_flat(env):
    """Connections come and go, a fit runs: nothing is left open."""
    with env.daemon() as daemon:
        folder = Path(f"/proc/{daemon.process.pid}/fd")
        if not folder.is_dir():
            raise Skip("no /proc here")
        daemon.feed(env.log("synthetic")[:500])
        time.sleep(0.5)
        before = len(list(folder.iterdir()))
        for turn in range(150):
            with daemon.wire() as wire:
                wire.send(line("u", DAY0, "page_view")[:20 if turn % 2 else None])
            daemon.status.get("/healthz")
            with daemon.subscriber({"$resume": {"after": 0}}):
                pass
        daemon.status.refit("segments")
        deadline = time.monotonic() + 20
        while len(list(folder.iterdir())) > before + 8 and time.monotonic() < deadline:
            time.sleep(0.2)
        after = len(list(folder.iterdir()))
        expect(after <= before + 8, f"descriptors: {before} before, {after} after")
        expect_sequence(children(daemon.process.pid), [], "children")


def children(process):
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = path.read_text().rsplit(")", 1)[1].split()
        except OSError:
            continue  # it ended meanwhile
        if int(fields[1]) == process:
            found.append(int(path.parent.name))
    return found
