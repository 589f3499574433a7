"""`roost backtest`: the same bytes each time, the triggers of the daemon, and figures that plain Python agrees with."""

import bisect
import gzip
import json
import re
import subprocess
import tempfile
from collections import Counter, defaultdict
from pathlib import Path

from client import merged
from features import DAY, UTC, load, parse_stamp, stamp
from harness import EVENT_CLOCK, check, check_each, expect, expect_equal, expect_sequence

RESULTS = ["triggers.ndjson", "report.json", "report.html"]
# Quick models that are fitted while the log runs.
REFITTED = {
    "clock": {"mode": "event", "allowed_lateness": "1h"},
    "models": {
        "enabled": ["segments", "repurchase", "churn"], "schedule": {"every": "150d", "at": "3h"},
        "churn": {"learners": ["logistic"], "resampling": ["none"], "trials": 1}},
}


class Backtest:
    """One run of the command in a folder of its own."""

    def __init__(self, env, lines, config, *options, names=("log.ndjson",), folder=None, against=None):
        self.folder = Path(folder or tempfile.mkdtemp(prefix="roost-backtest-"))
        self.out = self.folder / "out"
        files = []
        for number, name in enumerate(names):
            path = self.folder / name
            part = lines[number * len(lines) // len(names):(number + 1) * len(lines) // len(names)]
            data = b"".join(part)
            path.write_bytes(gzip.compress(data, 1) if name.endswith(".gz") else data)
            files.append(name)
        (self.folder / "config.json5").write_text(json.dumps(config))
        words = [env.binary, "backtest", *files, "--config", "config.json5", "--out", "out", *options]
        if against is not None:
            (self.folder / "other.json5").write_text(json.dumps(against))
            words += ["--against", "other.json5"]
        self.answer = subprocess.run(words, cwd=self.folder, capture_output=True, text=True, timeout=900)

    def done(self):
        expect_equal(self.answer.returncode, 0, f"exit code; it said {self.answer.stderr[-500:]}")
        return self

    def bytes(self, name):
        return (self.out / name).read_bytes()

    def triggers(self, name="triggers.ndjson"):
        return [load(line) for line in self.bytes(name).splitlines()]

    @property
    def report(self):
        return json.loads(self.bytes("report.json"))


def daemon_triggers(env, lines, config, advance=None):
    with env.daemon(config, clock=False) as daemon:
        daemon.feed(lines)
        if advance:
            daemon.advance(advance)
        return daemon.status.triggers()


def refitted(env):
    """The run over the bundled log with models refitted on the way, which several checks look at."""
    return env.remember("backtest", lambda: Backtest(env, env.log("cdnow_sample"), REFITTED).done())


def moment_of(event):
    when = next((event[k] for k in ("event_timestamp", "timestamp", "time", "ts") if event.get(k)), None)
    return parse_stamp(when, UTC) if isinstance(when, str) else when


def plain_purchases(lines):
    """Purchase times of each user in microseconds, ascending, and the log's first and last instant."""
    bought, times = defaultdict(list), []
    for line in lines:
        try:
            event = json.loads(line)
        except ValueError:
            continue
        user = event.get("user_id", event.get("user_pseudo_id"))
        moment = moment_of(event)
        if user is None or moment is None:
            continue
        times.append(moment)
        if event.get("event_name", event.get("event")) == "purchase":
            bought[str(user)].append(moment)
    return {user: sorted(moments) for user, moments in bought.items()}, min(times), max(times)


@check
def backtest_is_the_same_each_time(env):
    """Two runs, one of them over gzip files cut elsewhere: the same triggers, report and page, byte for byte."""
    lines = env.log("cdnow_sample")
    first = refitted(env)
    second = Backtest(env, lines, REFITTED).done()
    for name in RESULTS:
        expect(first.bytes(name), f"{name} is not empty")
        expect(first.bytes(name) == second.bytes(name), f"{name} differs from run to run")
    cut = Backtest(env, lines, REFITTED, names=("a.ndjson.gz", "b.ndjson")).done()
    expect(cut.bytes("triggers.ndjson") == first.bytes("triggers.ndjson"), "cut into two files: other triggers")
    adopted = [m["name"] for m in first.report["configurations"][0]["models"] if m["adopted"]]
    expect("repurchase" in adopted, f"a repurchase model was adopted on the way; adopted: {adopted}")
    rules = {t["rule"] for t in first.triggers()}
    expect({"churned", "win_back", "repurchase_due"} <= rules, f"rules that fired: {sorted(rules)}")
    return f"{len(first.triggers())} triggers"


@check_each("cdnow_sample", "synthetic")
def backtest_is_what_the_daemon_emits(env, name):
    """The same log and configuration: the same triggers with the same ids and numbers, models refitted on the way."""
    lines = env.log(name)
    run = refitted(env) if name == "cdnow_sample" else Backtest(env, lines, REFITTED).done()
    expect_sequence(run.triggers(), daemon_triggers(env, lines, REFITTED), f"triggers of {name}")
    expect(run.triggers(), "some triggers")
    return f"{len(run.triggers())} triggers"


@check
def backtest_until_a_time_sees_nothing_after_it(env):
    """`--until`: as a daemon that got only the lines up to it and then `$advance`; the rest only judges."""
    lines = env.log("cdnow_sample")
    until = "1998-01-15T00:00:00Z"
    limit = parse_stamp(until, UTC)
    early = [line for line in lines if moment_of(json.loads(line)) <= limit]
    expect(0 < len(early) < len(lines), "the log goes on after that time")
    run = Backtest(env, lines, REFITTED, "--until", until).done()
    expect_sequence(run.triggers(), daemon_triggers(env, early, REFITTED, advance=until), "triggers until then")
    log = run.report["configurations"][0]["log"]
    expect_equal(log["left_out_after_until"], len(lines) - len(early), "events left out")
    expect_equal(log["to"], stamp(plain_purchases(lines)[2]), "the log's own end is known to the report")


@check
def backtest_report_equals_a_plain_count(env):
    """Triggers by rule and month, messages by user and what followed, counted again from the two logs."""
    lines = env.log("cdnow_sample")
    run = refitted(env)
    triggers = run.triggers()
    figures = run.report["configurations"][0]
    bought, _, end = plain_purchases(lines)
    months, known, followed = defaultdict(Counter), Counter(), Counter()
    messages = Counter()
    for trigger in triggers:
        rule, at = trigger["rule"], parse_stamp(trigger["at"], UTC)
        months[rule][trigger["at"][:7]] += 1
        if trigger["group"] == "treated" and rule not in ("retracted", "bot_suspected", "sales_decline"):
            messages[trigger["user"]] += 1
        if "user" in trigger and at + 7 * DAY <= end:
            known[rule] += 1
            times = bought.get(trigger["user"], [])
            place = bisect.bisect_right(times, at)
            followed[rule] += place < len(times) and times[place] <= at + 7 * DAY
    rules = {row["rule"]: row for row in figures["triggers"]["rules"]}
    expect_equal(sorted(rules), sorted(months), "rules")
    for rule, row in rules.items():
        expect_equal({m: n for m, n in row["months"].items() if n}, dict(months[rule]), f"months of {rule}")
        expect_equal((row["outcome_known"], row["bought_within"]), (known[rule], followed[rule]), f"after {rule}")
    users = figures["log"]["users"]
    counts = sorted(messages.values())
    told = figures["messages"]
    expect_equal((told["total"], told["most"], told["users"]), (sum(counts), counts[-1], users), "messages")
    expect_equal(told["users_by_messages"]["0"], users - len(counts), "users without a message")
    expect_equal(sum(told["users_by_messages"].values()), users, "all users are in the bands")


def plain_dates(triggers, bought, end):
    """Dates that repurchase_due told against the next purchase day."""
    day = lambda moment: moment // DAY
    errors, covered, known = [], 0, 0
    for trigger in triggers:
        if "predicted" not in trigger:
            continue
        told = day(parse_stamp(trigger["at"], UTC))
        date, low, high = (
            day(parse_stamp(trigger["predicted"][key] + "T00:00:00Z", UTC)) for key in ("date", "p10", "p90"))
        came = next((day(t) for t in bought.get(trigger["user"], []) if day(t) >= told), None)
        if came is not None:
            errors.append(abs(came - date))
            known, covered = known + 1, covered + (low <= came <= high)
        elif day(end) > high:
            known += 1
    return errors, covered, known


@check
def backtest_judges_predictions(env):
    """Dates as told by the plain calculation; of every buyer before each month: error, baseline and coverage."""
    lines = env.log("cdnow_sample")
    run = refitted(env)
    bought, _, end = plain_purchases(lines)
    errors, covered, known = plain_dates(run.triggers(), bought, end)
    repurchase = run.report["configurations"][0]["repurchase"]
    told = repurchase["as_told"]
    expect_equal((told["came"], told["interval_known"], told["interval_covered"]), (len(errors), known, covered), "told")
    expect(abs(told["mean_absolute_error_d"] - sum(errors) / len(errors)) < 1e-9, "mean absolute error as told")
    monthly = repurchase["first_of_each_month"]
    expect(monthly["predictions"] > monthly["came"] > 100, f"predictions and purchases: {monthly}")
    expect(0 < monthly["interval_coverage"] < 1 and monthly["baseline_mean_absolute_error_d"] > 0, f"{monthly}")
    churn = run.report["configurations"][0]["churn"]
    if "missing" not in churn:
        expect(0 < churn["base_rate"] <= 1 and len(churn["deciles"]) == 10, f"churn: {churn}")
    return (f"MAE {monthly['mean_absolute_error_d']:.1f} d, median interval {monthly['baseline_mean_absolute_error_d']:.1f} d, "
            f"coverage {monthly['interval_coverage']:.2f} of 0.80")


@check
def backtest_holds_two_configurations_side_by_side(env):
    """`--against`: each as by itself, and the difference by rule from the ids."""
    lines = env.log("synthetic")
    one = merged(EVENT_CLOCK, {"models": {"schedule": "off"}})
    other = merged(one, {"triggers": {"cart_abandoned": {"delay": "3h"}, "welcome": {"enabled": False}}})
    run = Backtest(env, lines, one, against=other).done()
    expect(run.bytes("triggers.ndjson") == Backtest(env, lines, one).done().bytes("triggers.ndjson"), "the first")
    expect(run.bytes("against.ndjson") == Backtest(env, lines, other).done().bytes("triggers.ndjson"), "the second")
    ids = [defaultdict(set), defaultdict(set)]
    for number, name in enumerate(["triggers.ndjson", "against.ndjson"]):
        for trigger in run.triggers(name):
            ids[number][trigger["rule"]].add(trigger["id"])
    for row in run.report["difference"]:
        a, b = ids[0][row["rule"]], ids[1][row["rule"]]
        expect_equal(
            (row["both"], row["only_first"], row["only_second"]), (len(a & b), len(a - b), len(b - a)), row["rule"])
    rows = {row["rule"]: row for row in run.report["difference"]}
    expect_equal(rows["welcome"]["second"], 0, "welcome is off in the second")
    expect(rows["cart_abandoned"]["only_first"] > 0, "another delay, other ids")


@check
def backtest_names_what_is_missing(env):
    """Without a schedule no model is fitted: the report says so and gives no figure; the page needs only itself."""
    run = Backtest(env, env.log("synthetic"), merged(EVENT_CLOCK, {})).done()
    figures = run.report["configurations"][0]
    for part in (figures["repurchase"]["first_of_each_month"], figures["churn"]):
        expect_equal(list(part), ["missing"], "a missing figure")
        expect("models.schedule" in part["missing"], f"the reason: {part['missing']}")
        expect(part["missing"] in run.answer.stdout, "the terminal says it too")
    page = run.bytes("report.html").decode()
    expect("What is missing" in page and "models.schedule" in page, "the page names it")
    expect("<svg" in page and "prefers-color-scheme" in page, "plots inline, light and dark")
    expect(not re.search(r"<script|https?://|src=|href=|url\(", page), "the page loads nothing and runs nothing")


@check
def backtest_is_plain_about_errors(env):
    """A file that is not there or breaks off is named; a bad line is counted and told; data_dir stays untouched."""
    lines = env.log("synthetic")[:200]
    bad = lines[:100] + [b'{"user_id":"x",\n', b'{"user_id":"x"}\n'] + lines[100:]
    config = merged(EVENT_CLOCK, {"data_dir": "nowhere/data"})
    run = Backtest(env, bad, config).done()
    log = run.report["configurations"][0]["log"]
    expect_equal(log["rejected"].get("bad_json"), 1, "lines that are no JSON")
    expect_equal(log["rejected"].get("missing_field"), 1, "lines without a field")
    expect(any("log.ndjson: data line 101: bad_json" in e for e in log["rejected_examples"]), f"{log}")
    expect(not (run.folder / "nowhere").exists(), "data_dir was not made")
    expect_equal(sorted(p.name for p in run.out.iterdir()), sorted(RESULTS), "files of the result")
    missing = Backtest(env, [], config, "absent.ndjson")
    expect_equal(missing.answer.returncode, 1, "exit code with a file that is not there")
    expect("absent.ndjson" in missing.answer.stderr, missing.answer.stderr)
    torn = Backtest(env, lines, config, names=("whole.ndjson",)).done()
    (torn.folder / "torn.ndjson.gz").write_bytes(gzip.compress(b"".join(lines))[:-40])
    words = [env.binary, "backtest", "torn.ndjson.gz", "--config", "config.json5", "--out", "out"]
    answer = subprocess.run(words, cwd=torn.folder, capture_output=True, text=True, timeout=60)
    expect_equal(answer.returncode, 1, "exit code with a torn file")
    expect("torn.ndjson.gz" in answer.stderr, answer.stderr)
    for wrong in (["--out", "out"], ["--config", "config.json5"], ["--until", "tomorrow"]):
        words = [env.binary, "backtest", "whole.ndjson", *wrong]
        answer = subprocess.run(words, cwd=torn.folder, capture_output=True, text=True, timeout=60)
        expect_equal(answer.returncode, 2, f"exit code of {wrong}")
