"""Copies of a running store: whole, a store of their own, and honest about what was erased since."""

import json
import shutil
import subprocess
import time

import features
import triggers
from checks_erasure import await_done, erase, expect_gone, expect_nowhere
from checks_recovery import SNAPSHOTS, Feeder
from checks_state import FAR, line
from client import ClientError, merged
from features import DAY, HOUR, SECOND, Advance, Config, stamp
from harness import check, check_each, eventually, expect, expect_equal, expect_numbering, expect_triggers, expect_users

ERASE = merged(SNAPSHOTS, {"retention": {"erase_within": "1m"}})


def backup(env, daemon, target, code=0):
    done = subprocess.run(
        [env.binary, "backup", str(target), "--address", daemon.ready["status"]], capture_output=True, timeout=120)
    expect_equal(done.returncode, code, f"exit code of roost backup ({done.stderr.decode()!r:.300})")
    return done


def restored(env, daemon, copy, config=SNAPSHOTS):
    """A daemon on a copy of the backup, not yet started."""
    other = env.daemon(config)
    shutil.copytree(copy, other.data)
    return other


@check
def backup_under_load_and_restore(env):
    """Taken while lines come: every line below the welcome's number is in it, none twice; a new store."""
    lines = env.log("synthetic_long")
    plain = Config()
    log = features.read_log(lines, plain)
    closed = log.now + FAR
    with env.daemon(SNAPSHOTS) as daemon:
        feeder = Feeder(daemon, lines, len(lines), 0.002)
        feeder.start()
        store = feeder.producer.store
        copies = []
        for number in range(3):
            time.sleep(0.3)
            target = daemon.home / f"copy-{number}"
            acked = feeder.producer.acked
            said = backup(env, daemon, target).stdout.decode()
            copies.append((target, acked, said))
        feeder.finish()
        backup(env, daemon, copies[0][0], code=1)
        stores = {store}
        for target, acked, said in copies:
            with restored(env, daemon, target) as other:
                last = other.status.status()["outbox"]["last_seq"]
                with other.producer("feed") as producer:
                    expect(producer.store not in stores, "the store is a new one")
                    stores.add(producer.store)
                    expect(acked <= producer.next, f"{acked} were acked before, {producer.next} are in it ({said})")
                    producer.send(b"".join(lines[producer.next:]))
                    producer.sync(600)
                with other.subscriber({"$resume": {"after": last + 10**6}}) as subscriber:
                    error = json.loads(subscriber.wait("an error", lambda rows: rows and rows[0]))
                    expect_equal(error["$error"]["code"], "future", "a cursor beyond the head")
                other.advance(stamp(closed))
                found = other.status.triggers()
                expect_numbering(found)
                expect_triggers(found, triggers.triggers(log, plain, closed))
                later = features.read_log([*lines, Advance(closed)], plain)
                expect_users(other.status.users()[0], features.features(later, plain))
                same = other.producer("feed")
                expect(same.store in stores, "the store stays")
                store_then = same.store
                same.close()
                other.kill()
                other.start()
                with other.producer("feed") as producer:
                    expect_equal(producer.store, store_then, "the store after a restart")
        expect(not list(daemon.home.glob("copy-*/restored.json")), "the copies were not touched")
    return f"{len(copies)} copies"


@check_each("with the list of erasures", "without it", "taken while it was under way")
def backups_and_erasures(env, how):
    """What was erased after a backup is erased in it too, where the list is at hand."""
    start = 1_725_000_000 * SECOND
    user = "victim-in-a-backup"
    back = "victim-who-came-back"
    rows = [line(name, start + n * HOUR, "add_to_cart") for name in (user, back, "other") for n in range(3)]
    bad = json.dumps({"user_id": user, "event": "login"}).encode() + b"\n"
    late = [line(back, start + 2 * DAY, "view_item"), line("other", start + 9 * DAY, "login")]
    with env.daemon(ERASE) as daemon:
        daemon.feed([*rows, bad], "a")
        await_done(daemon, [erase(daemon, back)])
        daemon.feed(late, "b")
        copy = daemon.home / "copy"
        if how == "taken while it was under way":
            receipt = erase(daemon, user)
            backup(env, daemon, copy)
        else:
            backup(env, daemon, copy)
            receipt = erase(daemon, user)
        await_done(daemon, [receipt])
        with_list = how == "with the list of erasures"
        if with_list:
            shutil.copy(daemon.data / "erasures.ndjson", copy / "erasures.ndjson")
        with restored(env, daemon, copy, ERASE) as other:
            expect_equal(other.status.user(back).json()["event_total"], 1, "events of who came back before")
            if how == "without it":
                expect_equal(other.status.user(user).json()["event_total"], 3, "the backup is as it was")
                return
            expect_gone(other, [user], "after the restore")
            other.kill()
            other.start()
            expect_gone(other, [user], "after the restore and a kill")
            await_done(other, [receipt])
            expect_nowhere(other, [user], "after the restore")
            expect_equal(other.status.user(back).json()["event_total"], 1, "events of who came back before")
            expect_equal(other.status.user("other").json()["event_total"], 4, "events of another")


def refused(daemon, code, words):
    try:
        daemon.start(20)
    except ClientError:
        pass
    else:
        expect(False, f"it starts, although {words}")
    expect_equal(daemon.process.returncode, code, f"exit code ({daemon.said(300)!r})")
    for word in words:
        expect(word in daemon.said(), f"{word!r} is said: {daemon.said(300)!r}")


@check
def damaged_backups_are_refused(env):
    with env.daemon(SNAPSHOTS) as daemon:
        daemon.feed(env.log("synthetic"))
        backup(env, daemon, daemon.home / "copy")
        for name in ("outbox.db", "snapshots", "journal", "backup.json"):
            other = restored(env, daemon, daemon.home / "copy")
            path = other.data / name
            path = sorted(path.iterdir())[0] if path.is_dir() else path
            data = bytearray(path.read_bytes())
            data[len(data) // 2] ^= 1
            path.write_bytes(data)
            refused(other, 1, ["cannot be used"])
            other.discard()


@check
def a_backup_cannot_be_written_anywhere(env):
    """Not over something, not into a place that is not there; the daemon goes on."""
    with env.daemon() as daemon:
        daemon.feed([line("u", 10**15, "login")])
        for target in (daemon.home, daemon.home / "not there" / "copy", daemon.data):
            said = backup(env, daemon, target, code=1).stderr.decode()
            expect(str(target) in said or "not there" in said, f"the directory is named: {said!r:.200}")
        daemon.feed([line("u", 10**15 + 1, "login")])
        expect_equal(daemon.status.user("u").json()["event_total"], 2, "events")


@check
def versions_of_a_data_directory(env):
    """One of format 1 is brought up; a newer one is refused with a sentence that names both."""
    with env.daemon() as daemon:
        daemon.feed(env.log("synthetic"))
        daemon.terminate()
        path = daemon.data / "store.json"
        identity = json.loads(path.read_text())
        expect_equal(identity["format"], 2, "format of a new one")
        users = None
        for number in (1, 2):
            path.write_text(json.dumps({**identity, "format": number}))
            daemon.start()
            found = daemon.status.users()[0]
            expect(users in (None, found), "the users of both formats")
            users = found
            daemon.terminate()
            expect_equal(json.loads(path.read_text()), identity, "the identity after the start")
        path.write_text(json.dumps({"format": 3, "anything": "else"}))
        refused(daemon, 1, ["has format 3, written by a newer version; this one knows up to 2"])


