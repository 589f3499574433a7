"""Erased users: gone at once from every answer, soon from every file, and still gone after anything."""

import json
import random
import sqlite3
import threading
import time
import urllib.parse
from contextlib import closing

import features
import triggers
from checks_recovery import SNAPSHOTS, Feeder
from checks_state import FAR, line
from client import ClientError, merged
from features import DAY, HOUR, MINUTE, SECOND, Advance, Config, stamp
from harness import check, eventually, expect, expect_equal, expect_triggers, expect_users

ERASE = merged(SNAPSHOTS, {"retention": {"erase_within": "1m"}})
ODD = ['victim "quoted" \\ back', "victim-사용자-1", "victim a/b?c&d%41", "victim-\u0001-control"]


def erase(daemon, user):
    answer = daemon.status.request("DELETE", "/v1/users/" + urllib.parse.quote(user, safe=""))
    expect_equal(answer.status, 202, f"status of the erasure of {user!r} ({answer.body!r:.200})")
    receipt = answer.json()
    expect_equal(answer.headers.get("Location"), f"/v1/erasures/{receipt['receipt']}", "Location")
    return receipt


def await_done(daemon, receipts, timeout=60):
    def done():
        answers = [daemon.status.json("/v1/erasures/" + receipt["receipt"]) for receipt in receipts]
        return all(answer["state"] == "done" for answer in answers) and answers

    return eventually("the erasures are done", done, timeout, 0.2)


def found(daemon, users):
    """Files of the data directory that hold the raw bytes of any of the ids, or its form in JSON."""
    needles = {form for user in users for form in (
        user.encode(), json.dumps(user)[1:-1].encode(), json.dumps(user, ensure_ascii=False)[1:-1].encode())}
    places = []
    for path in daemon.data.rglob("*"):
        try:
            data = path.read_bytes() if path.is_file() else b""
        except FileNotFoundError:
            continue
        places += [f"{path.relative_to(daemon.data)}: {needle!r}" for needle in needles if needle in data]
    return places


def expect_nowhere(daemon, users, when):
    places = found(daemon, users)
    expect(not places, f"{when}: found in {places[:6]}")


def expect_gone(daemon, users, when):
    """No answer of any port shows an id."""
    listed, _ = daemon.status.users()
    for user in users:
        expect_equal(daemon.status.user(user).status, 404, f"{when}: status of {user!r}")
        expect(user not in listed, f"{when}: {user!r} is in the list")
        expect_equal(daemon.status.triggers(user=user), [], f"{when}: triggers by user {user!r}")
    rows = daemon.status.triggers()
    raw = daemon.outbox()
    expect_equal([features.load(row) for row in raw], rows, f"{when}: both ports' triggers")
    expect_equal([row["seq"] for row in rows], list(range(1, len(rows) + 1)), f"{when}: trigger numbers")
    shown = {row.get("user") for row in rows} & set(users)
    expect(not shown, f"{when}: triggers still name {sorted(shown)[:3]}")
    for row in rows:
        if row["type"] == "erased":
            expect_equal(sorted(row), ["seq", "type"], f"{when}: members of an erased trigger")
    letters = json.dumps(daemon.status.dead_letters(), ensure_ascii=False)
    speaking = [user for user in users if json.dumps(user, ensure_ascii=False)[1:-1] in letters]
    expect(not speaking, f"{when}: dead letters still speak of {speaking[:3]}")
    return rows


def events_of(users, start, count, rng):
    """Lines of a shopper's life for each, with bad ones in between: (time, line)."""
    rows = []
    for user in users:
        moment = start
        for number in range(count):
            moment += rng.choice([MINUTE, HOUR, DAY])
            name = ["sign_up", "view_item", "add_to_cart", "begin_checkout", "purchase"][number % 5]
            more = {"value": 10, "event_id": f"e{number}"} if name == "purchase" else {}
            rows.append((moment, line(user, moment, name, **more)))
        rows.append((moment, json.dumps({"user_id": user, "event": "login"}).encode() + b"\n"))
        rows.append((moment, b'{"user_id":' + json.dumps(user).encode() + b',"event":\n'))
    return rows


def with_victims(lines, victims, rng):
    """A log with the victims' lines where their times put them."""
    log = features.read_log(lines, Config())
    start = log.events[0].time
    rows = sorted(events_of(victims, start, 12, rng), key=lambda row: row[0])
    merged_lines, index = [], 0
    for own in lines:
        moment = features.read_log([own], Config()).events[0].time
        while index < len(rows) and rows[index][0] <= moment:
            merged_lines.append(rows[index][1])
            index += 1
        merged_lines.append(own)
    return merged_lines + [row for _, row in rows[index:]]


@check
def erased_users_are_gone_everywhere(env):
    """From answers at once, from files soon; after kill -9 at once, after a clean stop, and for good."""
    rng = random.Random(env.seed)
    victims = [*ODD, *(f"victim-number-{index}" for index in range(20))]
    lines = with_victims(env.log("synthetic"), victims, rng)
    plain = Config()
    closed = features.read_log(env.log("synthetic"), plain).now + FAR
    with env.daemon(ERASE) as daemon:
        daemon.feed(lines)
        daemon.advance(stamp(closed))
        before = daemon.status.triggers()
        own = [row["seq"] for row in before if row.get("user") in victims]
        expect(len(own) > 20, "the victims have triggers")
        expect(found(daemon, victims), "the files hold the victims before")
        users = daemon.status.status()["users"]
        receipts = [erase(daemon, user) for user in victims]
        expect_equal(sum(r["removed"]["events"] for r in receipts), 12 * len(victims), "events of all receipts")
        expect_equal(daemon.status.status()["users"], users - len(victims), "users counted")
        rows = expect_gone(daemon, victims, "at once")
        expect_equal([row["seq"] for row in rows if row["type"] == "erased"], own, "numbers of the erased")
        daemon.kill()
        daemon.start()
        expect_gone(daemon, victims, "after kill -9")
        answers = await_done(daemon, receipts)
        expect_equal(sum(a["removed"]["triggers"] for a in answers), len(own), "triggers of all receipts")
        expect_equal(sum(a["removed"]["dead_letters"] for a in answers), 2 * len(victims), "letters of all receipts")
        for answer in answers:
            expect_equal(answer["search"]["found"], 0, "what the daemon itself has found")
        expect_nowhere(daemon, victims, "when done")
        for how in ("kill", "terminate", "kill"):
            getattr(daemon, how)()
            daemon.start()
            rows = expect_gone(daemon, victims, f"after {how}")
            expect_nowhere(daemon, victims, f"after {how}")
        expect_equal([row for row in rows if row["type"] != "erased"],
                     [row for row in before if row.get("user") not in victims], "others' triggers")
        log = features.read_log([*env.log("synthetic"), Advance(closed)], plain)
        expect_users(daemon.status.users()[0], features.features(log, plain))
        again = daemon.status.json("/v1/erasures/" + receipts[0]["receipt"])
        expect_equal(again, answers[0], "a receipt after restarts")
        expect_equal(daemon.status.get("/v1/erasures/nothing").status, 404, "an unknown receipt")
    return f"{len(victims)} users, {len(own)} triggers"


@check
def who_comes_again_is_new(env):
    """The same id after its erasure: only what came later, with timers and repeats of its own."""
    start = 1_725_000_000 * SECOND
    user = "victim-who-returns"
    old = [line(user, start + n * HOUR, "add_to_cart", event_id=f"e{n}") for n in range(5)]
    new = [line(user, start + 20 * HOUR + n * MINUTE, "view_item", event_id=f"e{n}") for n in range(3)]
    end = line("other", start + 3 * DAY, "login")
    with env.daemon(ERASE) as daemon:
        daemon.feed(old, "a")
        receipt = erase(daemon, user)
        daemon.feed([*new, end], "b")
        await_done(daemon, [receipt])
        for turn in range(2):
            page = daemon.status.user(user).json()
            expect_equal(page["event_total"], 3, "events of the new user")
            plain = features.read_log([*new, end], Config())
            expect_users({user: page}, {user: features.features(plain, Config())[user]})
            fired = [(row["type"], row["user"]) for row in daemon.status.triggers(user=user)]
            expect_equal(fired, [("browse_abandoned", user)], "triggers of the new user")
            daemon.kill()
            daemon.start()
        second = erase(daemon, user)
        await_done(daemon, [second])
        expect(second["receipt"] != receipt["receipt"], "a receipt of its own")
        expect_gone(daemon, [user], "the second time")
        expect_nowhere(daemon, [user], "the second time")


@check
def erased_under_load_and_killed(env):
    """Erasures while lines come and kill -9 strikes: what was accepted holds, others lose nothing."""
    rng = random.Random(env.seed)
    kills = 60 if env.long else 8
    victims = [f"victim-under-load-{index:03d}" for index in range(3 * kills)]
    base = env.log("synthetic_long")
    first = len(base) // 4
    plain = Config()
    closed = features.read_log(base, plain).now + FAR
    # All of the victims' lines are in before the first is erased.
    head = with_victims(base[:first], victims, rng)
    lines = head + base[first:]
    receipts, left = [], list(victims)
    with env.daemon(ERASE) as daemon:
        with daemon.producer("feed") as producer:
            producer.send(b"".join(head))
            producer.sync(600)
        for turn in range(kills):
            target = len(head) + (turn + 1) * (len(lines) - len(head)) // (kills + 1)
            feeder = Feeder(daemon, lines, target, 0.001)
            feeder.start()
            eraser = threading.Thread(target=accept, args=(daemon, left[:3], receipts), daemon=True)
            eraser.start()
            time.sleep(rng.random() * rng.choice([0.05, 0.5, 3.0]))
            daemon.kill()
            eraser.join()
            feeder.finish()
            daemon.start()
            accepted = [user for user, _ in receipts]
            expect_gone(daemon, accepted, f"after kill {turn} (seed {env.seed})")
            left = [user for user in left if user not in accepted]
        for user in left:
            receipts.append((user, erase(daemon, user)))
        with daemon.producer("feed") as producer:
            producer.send(b"".join(lines[producer.next:]))
            producer.sync(600)
        daemon.advance(stamp(closed))
        await_done(daemon, [receipt for _, receipt in receipts], 120)
        rows = expect_gone(daemon, victims, f"in the end (seed {env.seed})")
        expect_nowhere(daemon, victims, f"in the end (seed {env.seed})")
        log = features.read_log(base, plain)
        expect_triggers([row for row in rows if row["type"] != "erased"], triggers.triggers(log, plain, closed))
        later = features.read_log([*base, Advance(closed)], plain)
        expect_users(daemon.status.users()[0], features.features(later, plain))
    return f"{kills} kills, {len(victims)} users"


def accept(daemon, users, receipts):
    """Asks for erasures until the daemon is gone; keeps what was accepted."""
    for user in users:
        try:
            receipts.append((user, erase(daemon, user)))
        except (OSError, ClientError, ValueError, EOFError):
            return
        except Exception as error:  # half an answer of a killed daemon
            if "HTTP" not in type(error).__name__ and "Incomplete" not in type(error).__name__ \
                    and "Disconnected" not in type(error).__name__ and "BadStatus" not in type(error).__name__:
                raise
            return


@check
def who_looks_into_the_tables_takes_nothing_away(env):
    """Another process reads the databases after an erasure has searched their files, and ends: the daemon's
    locks still stand, so that its write-ahead logs are not removed under it, and kill -9 loses nothing."""
    lines = env.log("synthetic")
    plain = Config()
    closed = features.read_log(lines, plain).now + FAR
    half = len(lines) // 2
    with env.daemon(ERASE) as daemon:
        daemon.feed([*lines[:half], line("victim-looked-for", 1_600_000_000 * SECOND, "login")], "a")
        await_done(daemon, [erase(daemon, "victim-looked-for")])
        for path in daemon.data.glob("*.db"):
            with closing(sqlite3.connect(path)) as other:
                other.execute("SELECT count(*) FROM sqlite_schema").fetchall()
            expect(path.with_name(path.name + "-wal").exists(), f"{path.name} keeps its write-ahead log")
        daemon.feed(lines[half:], "b")
        daemon.advance(stamp(closed))
        before = daemon.status.triggers()
        daemon.kill()
        daemon.start()
        expect_equal(daemon.status.triggers(), before, "triggers after kill -9")
    return f"{len(before)} triggers"


@check
def many_erasures_take_one_round(env):
    """Hundreds of requests cost a few records and rounds, not hundreds."""
    start = 1_725_000_000 * SECOND
    victims = [f"victim-of-many-{index:04d}" for index in range(400)]
    rows = [line(user, start + index * SECOND, "view_item") for index, user in enumerate(victims)]
    keep = [line(f"kept-{index}", start + index * SECOND, "view_item") for index in range(100)]
    with env.daemon(ERASE) as daemon:
        daemon.feed(rows + keep + [line("other", start + 3 * DAY, "login")])
        receipts = []
        workers = [
            threading.Thread(target=lambda part: receipts.extend(erase(daemon, user) for user in part),
                             args=(victims[index::16],)) for index in range(16)]
        begun = time.monotonic()
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        seconds = time.monotonic() - begun
        expect_equal(len(receipts), len(victims), "receipts")
        answers = await_done(daemon, receipts)
        rounds = len({answer["done_at"] for answer in answers})
        expect(rounds <= 4, f"{rounds} rounds for {len(victims)} erasures")
        expect_gone(daemon, victims[::40], "when done")
        expect_nowhere(daemon, victims, "when done")
        expect_equal(daemon.status.status()["users"], 101, "users left")
        metrics = daemon.status.get("/metrics").body.decode()
        expect(f"roost_erasures_total {len(victims)}\n" in metrics, "the counter of erasures")
        expect("roost_erasures_pending 0\n" in metrics, "the gauge of pending ones")
        counted = daemon.status.status()["erasures"]
        expect_equal(counted, {"pending": 0, "overdue": 0, "done": len(victims)}, "erasures of the status")
    return f"{len(victims)} accepted in {seconds:.1f} s, {rounds} rounds"


@check
def erasing_who_is_only_in_dead_letters(env):
    """A user of whom no line was usable has a receipt too, and is gone as well."""
    with env.daemon(ERASE) as daemon:
        daemon.feed([b'{"user_id":"victim-never-seen","event":"login"}\n', line("other", 10**15, "login")])
        expect(b"victim-never-seen" in daemon.status.get("/v1/dead-letters").body, "the letter is there")
        receipt = erase(daemon, "victim-never-seen")
        expect_gone(daemon, ["victim-never-seen"], "at once")
        answer = await_done(daemon, [receipt])[0]
        expect_equal(answer["removed"]["dead_letters"], 1, "letters removed")
        expect_equal(answer["removed"]["events"], 0, "events removed")
        expect_nowhere(daemon, ["victim-never-seen"], "when done")


@check
def archived_segments_are_written_anew(env):
    """Segments that a cut has moved to an archive lose the erased too, and nothing else."""
    rng = random.Random(env.seed)
    victims = [*ODD, "victim-archived-1", "victim-archived-2"]
    lines = with_victims(env.log("synthetic"), victims, rng)
    with env.daemon(ERASE) as probe:
        archive = probe.home / "archive"
        with env.daemon(merged(ERASE, {"journal": {"archive": str(archive)}})) as daemon:
            with daemon.producer("log") as producer:
                for start in range(0, len(lines), 500):
                    producer.send(b"".join(lines[start:start + 500]))
                    producer.sync()
                    time.sleep(0.2)
            eventually("segments are archived", lambda: archive.exists() and any(archive.iterdir()))
            daemon.data = archive
            expect(found(daemon, victims), "the archive holds the victims before")
            receipts = [erase(daemon, user) for user in victims]
            answers = await_done(daemon, receipts)
            expect(answers[0]["removed"]["archived_segments"] > 0, "segments written anew")
            expect_nowhere(daemon, victims, "in the archive")
            segments = sorted(path.name for path in archive.iterdir())
            expect(all(name.endswith(".journal") for name in segments), f"only segments: {segments[-3:]}")
            others = {event.user for event in features.read_log(env.log("synthetic"), Config()).events}
            data = b"".join((archive / name).read_bytes() for name in segments)
            lost = [user for user in others if user.encode() not in data]
            expect(not lost, f"others are still in it: {lost[:3]}")
    return f"{len(segments)} segments"
