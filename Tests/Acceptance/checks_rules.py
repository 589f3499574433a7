"""Triggers that the configuration declares, and what decides between them."""

import json
import os
import shutil
import signal
import subprocess
import tempfile
from datetime import datetime, timezone
from pathlib import Path
from zoneinfo import ZoneInfo

import features
import rules
from checks_state import DAY0, line
from features import DAY, HOUR, MINUTE, Config, stamp
from harness import check, check_each, eventually, expect, expect_equal, expect_sequence

LOGS = ("online_retail_a", "cdnow_sample")
NO_WAIT = {"clock": {"allowed_lateness": "0s"}}
DECLARED = {
    "second_buy": {
        "on": {"event": "purchase"}, "when": "purchase.count >= 2 and purchase.revenue > 100",
        "cooldown": "30d", "holdout": 0.3, "action": "thank", "channel": "mail",
        "coupon": [{"when": "purchase.revenue > 500", "discount": 10}, {"discount": 5, "code": "FIVE"}],
        "template": {"ko": "{name}고객님, {purchase.count}번째 구매", "en": "{purchase.count} purchases, {discount}% off"},
    },
    "no_rebuy": {
        "on": {"absence": "purchase", "after": "purchase", "within": "20d"},
        "when": "purchase.days >= 2 or not has(rfm.monetary_value)",
    },
    "quiet_buyer": {
        "on": {"crosses": "rfm.days_since_last", "above": 40, "clear": 7, "daily": "10h"},
    },
}
OWN = tuple(DECLARED)


def expected_of(lines, end):
    """(due, rule, user) of the declared rules by the plain calculation, in the order of their numbers."""
    log = features.read_log(lines, Config(lateness=0))
    found = []
    for user, events in rules.users_of(log).items():
        page = rules.Page(events)
        walks = {
            "second_buy": rules.on_event(
                events, "purchase", lambda at: page.count(at) >= 2 and page.revenue(at) > 100, 30 * DAY, end),
            "no_rebuy": rules.on_absence(
                events, "purchase", "purchase", 20 * DAY, lambda at: page.days(at) >= 2, end),
            "quiet_buyer": rules.on_crossing(events, page.days_since_last, 40, 7, 10 * HOUR, end),
        }
        for rule, dues in walks.items():
            found += [(due, rule, user.encode()) for due in dues]
    return sorted(found)


def moment(trigger):
    return features.parse_stamp(trigger["due"], features.UTC)


def fed(daemon, lines, end):
    daemon.feed(lines)
    daemon.advance(stamp(end))
    return daemon.status.triggers()


def end_of(lines):
    return features.read_log(lines, Config(lateness=0)).now + 100 * DAY


@check_each(*LOGS)
def declared_rules(env, name):
    """Custom rules on an event, an absence and a bound fire for whom, and when, a plain calculation says."""
    lines = env.log(name)
    end = end_of(lines)
    with env.daemon(dict(NO_WAIT, triggers=DECLARED)) as daemon:
        triggers = fed(daemon, lines, end)
        own = [t for t in triggers if t["rule"] in OWN]
        expected = expected_of(lines, end)
        expect_sequence([(moment(t), t["rule"], t["user"].encode()) for t in own], expected, "declared triggers")
        expect_equal([t["seq"] for t in triggers], list(range(1, len(triggers) + 1)), "numbers")
        expect_equal(len({t["id"] for t in triggers}), len(triggers), "different ids")
        pages = {u: rules.Page(e) for u, e in rules.users_of(features.read_log(lines, Config(lateness=0))).items()}
        held = 0
        for trigger in own:
            if trigger["rule"] != "second_buy":
                expect_equal(trigger["group"], "treated", "group without a holdout")
                continue
            out = rules.held_out("holdout", "second_buy", trigger["user"], 0.3)
            held += out
            expect_equal(trigger["group"], "holdout" if out else "treated", f"group of {trigger['user']}")
            at, page = moment(trigger), pages[trigger["user"]]
            discount = 10 if page.revenue(at) > 500 else 5
            expect_equal(trigger["coupon"]["discount"], discount, "discount")
            # No language was said, and there is no text for all: the first.
            expect_equal(trigger["message"], f"고객님, {page.count(at)}번째 구매", "message")
            expect_equal((trigger["action"], trigger["channel"]), ("thank", "mail"), "action and channel")
        bought = sum(t["rule"] == "second_buy" for t in own)
        holdout_answers(env, daemon, own)
        with daemon.subscriber({"$resume": {"after": 0}}) as subscriber:
            treated = [t for t in triggers if t["group"] == "treated"]
            if treated:
                subscriber.await_seq(treated[-1]["seq"])
            expect_equal(
                [t["id"] for t in subscriber.triggers()], [t["id"] for t in treated], "what a subscriber gets")
    return f"{len(own)} of {len(triggers)} triggers, {held} of {bought} held out"


def holdout_answers(env, daemon, own):
    for trigger in env.random.sample(own, min(20, len(own))):
        if trigger["rule"] == "second_buy":
            answer = daemon.status.json(f"/v1/holdout?user={trigger['user']}&rule=second_buy")
            expect_equal(answer["group"], trigger["group"], "GET /v1/holdout")
    expect_equal(daemon.status.get("/v1/holdout?user=1&rule=nothing").status, 404, "an unknown rule")
    expect_equal(daemon.status.get("/v1/holdout").status, 400, "no user")


QUIET = {
    "clock": {"allowed_lateness": "0s", "timezone": "Europe/London"},
    "snapshot": {"interval": "1s", "journal_bytes": 65536},
    "triggers": dict(
        DECLARED,
        any_buy={"on": {"event": "purchase"}, "channel": "push", "priority": 2},
        caps={"day": 1, "week": 2, "channels": {"push": {"week": 1}}},
        quiet_hours={"from": "16h", "to": "11h"}, control_group=0.1,
        regions={"Germany": "Europe/Berlin", "Australia": "Australia/Sydney"}),
}
ZONES = {"Germany": ZoneInfo("Europe/Berlin"), "Australia": ZoneInfo("Australia/Sydney")}
LONDON = ZoneInfo("Europe/London")


def local(micros, zone):
    return datetime.fromtimestamp(micros // 1_000_000, timezone.utc).astimezone(zone)


def decisions_of(daemon):
    """Counts of /metrics, by what became of triggers that were due."""
    head = 'roost_decisions_total{decision="'
    rows = [row for row in daemon.status.get("/metrics").body.decode().splitlines() if row.startswith(head)]
    return {row[len(head):].split('"')[0]: int(row.rsplit(" ", 1)[1]) for row in rows}


@check
def caps_and_quiet_hours(env):
    """No user is told more often than the caps say, nor in their quiet hours, nor where all are held out."""
    lines = env.log("online_retail_a")
    end = end_of(lines)
    region, movers = {}, set()
    for event in features.read_log(lines, Config(lateness=0)).events:
        if region.setdefault(event.user, event.dimensions.get("region")) != event.dimensions.get("region"):
            movers.add(event.user)
    with env.daemon(QUIET) as daemon:
        triggers = fed(daemon, lines, end)
        whole = daemon.outbox()
        decisions = decisions_of(daemon)
        by_user = {}
        for trigger in triggers:
            zone = ZONES.get(region[trigger["user"]], LONDON)
            clock = local(moment(trigger), zone)
            # Who has been in several regions has had several clocks.
            if trigger["user"].encode() not in movers and trigger["user"] not in movers:
                expect(11 <= clock.hour < 16, f"{trigger['rule']} of {trigger['user']} at {clock}")
            by_user.setdefault(trigger["user"], []).append(trigger)
            if rules.held_out("control", "", trigger["user"], 0.1):
                expect_equal(trigger["group"], "holdout", f"{trigger['user']} of the control group")
        for user, told in by_user.items():
            days = [local(moment(t), LONDON).toordinal() for t in told]
            expect_equal(list(rules.caps_passed(days, 1, 2)), [], f"caps of {user}")
            push = [d for d, t in zip(days, told) if t["rule"] == "any_buy"]
            expect_equal(list(rules.caps_passed(push, 1, 1)), [], f"caps of push for {user}")
        for name in ("sent", "held", "capped", "control", "holdout"):
            expect(decisions[name] > 0, f"no decision {name}: {decisions}")
        sent = [t for t in triggers if t["group"] == "treated"]
        expect_equal(decisions["sent"], len(sent), "decisions that were sent")
        some = sent[-1]
        kept = daemon.status.json(f"/v1/decisions?user={some['user']}")["decisions"]
        expect(
            any(d["decision"] == "sent" and d["rule"] == some["rule"] and d["due"] == some["due"] for d in kept),
            f"the trace of {some}: {kept[-3:]}")
    survives_kills(env, lines, end, whole)
    return f"{len(triggers)} triggers, " + ", ".join(f"{n} {name}" for name, n in decisions.items() if n)


def survives_kills(env, lines, end, whole):
    """kill -9 in between, and one processor: the same bytes."""
    with env.daemon(QUIET) as daemon:
        for part in range(4):
            begin = part * len(lines) // 4
            daemon.feed(lines[begin:(part + 1) * len(lines) // 4])
            env.count("kill -9")
            daemon.kill()
            daemon.start()
        daemon.advance(stamp(end))
        expect_sequence(daemon.outbox(), whole, "after kills")
    if shutil.which("taskset") is None:
        return
    with env.daemon(QUIET, prefix=["taskset", "-c", "0"]) as daemon:
        daemon.feed(lines)
        daemon.advance(stamp(end))
        expect_sequence(daemon.outbox(), whole, "on one processor")


@check
def items_are_called_by_their_names(env):
    """A template's item is called what events last called it, whoever's they were, as of the instant; the same after a
    kill and however the lines are cut; the catalogue wins."""
    words = "{name}고객님, {items.0.name} 제품을 찾고 계신가요? {discount}% 할인 중"
    rule = {"template": words, "coupon": [{"discount": 15}]}
    config = dict(NO_WAIT, triggers={"replenish_due": rule}, models={"enabled": []})

    def bought(user, day):
        return line(user, DAY0 + day * DAY, "purchase", items=[{"item_id": "PD1", "price": 1}])

    def called(time, name, item="PD1"):
        return line("else", time, "view_item", items=[{"item_id": "other"}, {"item_id": item, "item_name": name}])

    lines = [
        bought("minji", 0), called(DAY0 + DAY, "텐트"), called(DAY0 + DAY, 7), bought("john", 5), bought("minji", 10),
        bought("john", 15), bought("minji", 20), bought("john", 25),
        # What this says holds from the line after on: the tents of the one are due before, of the other after.
        called(DAY0 + 30 * DAY + 1, "Zelt ⛺"), line("else", DAY0 + 40 * DAY, "login"),
    ]
    expected = {
        "minji": (DAY0 + 30 * DAY, "김민지고객님, 텐트 제품을 찾고 계신가요? 15% 할인 중"),
        "john": (DAY0 + 35 * DAY, "고객님, Zelt ⛺ 제품을 찾고 계신가요? 15% 할인 중"),
    }

    def told(daemon):
        return {t["user"]: (moment(t), t["message"]) for t in daemon.status.triggers() if t["type"] == "replenish_due"}

    for cut in (len(lines), 1, 4):
        with env.daemon(config) as daemon:
            with daemon.producer("said") as producer:
                producer.say({"$profile": {"user": "minji", "name": "김민지", "language": "ko"}})
                producer.sync()
            for start in range(0, len(lines), cut):
                daemon.feed(lines[start:start + cut])
                if cut == 4:
                    daemon.kill()
                    daemon.start()
            daemon.advance(stamp(DAY0 + 41 * DAY))
            expect_equal(told(daemon), expected, f"messages, {cut} lines at a time")
            shown = daemon.status.user("minji").json()["recent_purchases"][0]["items"][0]
            expect_equal(shown["item_name"], "Zelt ⛺", "on the customer's page")
            daemon.terminate()
            daemon.start()
            shown = daemon.status.user("minji").json()["recent_purchases"][0]["items"][0]
            expect_equal(shown["item_name"], "Zelt ⛺", "after a restart")
    with tempfile.TemporaryDirectory() as folder:
        catalogue = Path(folder) / "items.ndjson"
        catalogue.write_text('{"item_id": "PD1", "name": "Laden"}\n')
        named = dict(config, models={"enabled": [], "recommendations": {"catalogue_file": str(catalogue)}})
        with env.daemon(named) as daemon:
            daemon.feed(lines)
            daemon.advance(stamp(DAY0 + 41 * DAY))
            expect_equal({message.count("Laden") for _, message in told(daemon).values()}, {1}, "by the catalogue")


@check
def consent_and_profile(env):
    """Who refuses by $consent is told nothing until they agree; $profile gives name and language."""
    config = dict(NO_WAIT, triggers={
        "welcome": {"template": {"ko": "{name}고객님, {items.0.name|신상} 제품을 찾고 계신가요? {discount}% 할인 중",
                                 "en": "Hello {name|you}"}, "coupon": 15},
    })
    with env.daemon(config) as daemon:
        with daemon.producer("said") as producer:
            producer.say({"$consent": {"user": "no", "granted": False}})
            producer.say({"$profile": {"user": "minji", "name": "김민지", "language": "ko"}})
            producer.say({"$profile": {"user": "john", "language": "en"}})
            producer.send(b"".join(line(u, DAY0 + n, "sign_up") for n, u in enumerate(("no", "minji", "john"))))
            producer.sync()
        daemon.advance(stamp(DAY0 + HOUR))
        told = {t["user"]: t["message"] for t in daemon.status.triggers()}
        expect_equal(
            told, {"minji": "김민지고객님, 신상 제품을 찾고 계신가요? 15% 할인 중", "john": "Hello you"}, "messages")
        daemon.kill()
        daemon.start()
        refused = daemon.status.json("/v1/decisions?user=no")["decisions"]
        expect_equal([(d["rule"], d["decision"]) for d in refused], [("welcome", "no_consent")], "the trace")
        with daemon.producer("said") as producer:
            producer.say({"$consent": {"user": "no", "granted": True}})
            producer.send(line("no", DAY0 + 2 * HOUR, "sign_up"))
            producer.sync()
            producer.say({"$consent": {"user": "no"}})
            producer.say({"$profile": {"user": "no", "nmae": "x"}})
            producer.await_message("$error", 2)
            expect_equal(
                [m["code"] for m in producer.messages("$error")], ["missing_field", "bad_field"], "refusals")
        daemon.advance(stamp(DAY0 + 3 * HOUR))
        expect("no" in {t["user"] for t in daemon.status.triggers()}, "nothing was sent after the consent")


@check
def consent_in_fields(env):
    """An event's consent and profile count from there on, by channel too, across kills, and go with the user."""
    config = dict(NO_WAIT, triggers={
        "seen": {"on": {"event": "view_item"}, "template": {"ko": "{name|?}님", "en": "{name|you}"}},
        "mailed": {"on": {"event": "view_item"}, "channel": "mail"},
    })
    def view(user, at, **more):
        return (json.dumps({"user_id": user, "ts": stamp(at), "event": "view_item", **more}) + "\n").encode()
    with env.daemon(config) as daemon:
        daemon.feed([
            view("b", DAY0, consent={"mail": False}), view("a", DAY0, user_name="김민지", language="ko"),
            view("a", DAY0 + HOUR, consent=False), view("a", DAY0 + 2 * HOUR, consent={"mail": True}),
            view("a", DAY0 + 3 * HOUR, event_id="x"), view("a", DAY0 + 3 * HOUR, event_id="x", consent=True),
        ])
        daemon.kill()
        daemon.start()
        daemon.advance(stamp(DAY0 + 4 * HOUR))
        told = [(t["user"], t["rule"], moment(t) - DAY0, t.get("message")) for t in daemon.status.triggers()]
        name = "김민지님"
        # The first word is said by the event itself, before anything is decided about it.
        expect_equal(sorted(told, key=str), sorted([
            ("a", "seen", 0, name), ("a", "mailed", 0, None), ("b", "seen", 0, "?님"),
            ("a", "mailed", 2 * HOUR, None), ("a", "mailed", 3 * HOUR, None)], key=str), "what was told")
        refused = daemon.status.json("/v1/decisions?user=a")["decisions"]
        expect_equal([d["rule"] for d in refused if d["decision"] == "no_consent"],
                     ["mailed", "seen", "seen", "seen"], "refused")


@check
def rules_reload(env):
    """SIGHUP takes over changed rules; a file whose rule is wrong is refused, and the old ones stay."""
    with env.daemon(dict(NO_WAIT, triggers={"seen": {"on": {"event": "view_item"}}})) as daemon:
        daemon.feed([line("a", DAY0, "view_item")])
        write(daemon, {"seen": {"on": {"event": "view_item"}, "when": "purchase.cuont > 1"}})
        os.kill(daemon.process.pid, signal.SIGHUP)
        said(daemon, "at character 1: there is no purchase.cuont")
        daemon.feed([line("b", DAY0 + 1, "view_item")])
        # What is decided before the change is decided by the rules before it.
        daemon.advance(stamp(DAY0 + 1))
        write(daemon, {"other": {"on": {"event": "view_item"}}})
        os.kill(daemon.process.pid, signal.SIGHUP)
        said(daemon, "triggers.other, triggers.seen changed")
        daemon.feed([line("c", DAY0 + 2, "view_item")])
        daemon.advance(stamp(DAY0 + MINUTE))
        own = [(t["user"], t["rule"]) for t in daemon.status.triggers() if t["rule"] in ("seen", "other")]
        expect_equal(own, [("a", "seen"), ("b", "seen"), ("c", "other")], "before and after")


def write(daemon, declared):
    daemon.path.write_text(json.dumps(dict(daemon.config, triggers=declared)))


def said(daemon, text):
    eventually(f"the log says {text!r}", lambda: text in daemon.said(100_000))


@check
def the_playbook_loads(env):
    """config/playbook.json5 is taken in by the shipped configuration."""
    folder = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))) + "/config"
    with env.daemon() as daemon:
        path = daemon.path.parent / "with_playbook.json5"
        shutil.copy(f"{folder}/playbook.json5", path.parent / "playbook.json5")
        path.write_text('{triggers: {playbook: "playbook.json5"}}')
        done = subprocess.run([env.binary, "check", "--config", path], capture_output=True, text=True, check=False)
        expect_equal((done.returncode, done.stdout), (0, "ok\n"), f"roost check: {done.stderr}")
