"""A data directory of the version before is brought up."""

import gzip
import tarfile
import tempfile
from pathlib import Path

from harness import check, expect, expect_equal

FIXTURES = Path(__file__).resolve().parent.parent / "Fixtures"
TAKEN = 400


def told(daemon):
    """What was told, but for what follows from items, whose history begins where the store was brought up."""
    return sorted(
        (t["type"], t["user"], t["due"]) for t in daemon.status.triggers() if t["type"] not in ("replenish_due", "sales_decline"))


@check
def a_store_of_the_version_before_is_brought_up(env):
    """It starts from its snapshots, goes on, and survives kill -9 as if it had always been of this version."""
    lines = gzip.decompress((FIXTURES / "cdnow_sample.ndjson.gz").read_bytes()).splitlines(keepends=True)
    with env.daemon() as whole:
        whole.feed(lines)
        users, triggers = sorted(whole.status.get("/v1/users").body.splitlines()), told(whole)
    with tempfile.TemporaryDirectory() as home:
        with tarfile.open(FIXTURES / "store_format_7.tar.xz") as old:
            old.extractall(home)
        with env.daemon(data_dir=f"{home}/data") as daemon:
            expect_equal(daemon.status.status()["ingest"]["events"], TAKEN, "events found")
            daemon.feed(lines[TAKEN:])
            for when in ("brought up", "after kill -9", "after a stop"):
                shown = sorted(daemon.status.get("/v1/users").body.splitlines())
                expect_equal(len(shown), len(users), f"users {when}")
                expect(shown == users, f"users differ {when}")
                expect_equal(told(daemon), triggers, f"triggers {when}")
                if when == "brought up":
                    env.count("kill -9")
                    daemon.kill()
                elif when == "after kill -9":
                    expect_equal(daemon.terminate(), 0, "exit code")
                else:
                    break
                daemon.start()
    return f"{len(users)} users, {len(triggers)} triggers"
