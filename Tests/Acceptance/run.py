#!/usr/bin/env python3
"""Drives a built `roost` over its sockets and holds it against the contract.

Needs Python 3.11 and nothing else; numpy and scikit-learn, where installed, serve one comparison.
"""

import argparse
import sys
import time
from pathlib import Path

import checks_adoption  # noqa: F401  each module registers its checks
import checks_analytics  # noqa: F401
import checks_backtest  # noqa: F401
import checks_backup  # noqa: F401
import checks_dashboard  # noqa: F401
import checks_erasure  # noqa: F401
import checks_faults_content  # noqa: F401
import checks_faults_disk  # noqa: F401
import checks_faults_files  # noqa: F401
import checks_faults_network  # noqa: F401
import checks_faults_process  # noqa: F401
import checks_forecast  # noqa: F401
import checks_import  # noqa: F401
import checks_lifetime_value  # noqa: F401
import checks_models  # noqa: F401
import checks_operation  # noqa: F401
import checks_recommendations  # noqa: F401
import checks_recovery  # noqa: F401
import checks_registry  # noqa: F401
import checks_rules  # noqa: F401
import checks_segmentations  # noqa: F401
import checks_sinks  # noqa: F401
import checks_sources  # noqa: F401
import checks_state  # noqa: F401
import checks_tiers  # noqa: F401
import checks_tls  # noqa: F401
import checks_triggers  # noqa: F401
import checks_upgrade  # noqa: F401
import checks_uplift  # noqa: F401
import checks_wire  # noqa: F401
from harness import CHECKS, Env, run, selected

ROOT = Path(__file__).resolve().parent.parent.parent


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--binary", default=ROOT / ".build" / "release" / "roost")
    parser.add_argument(
        "--shared", default=ROOT.parent / "shared", help="where data/events and data/corpora are")
    parser.add_argument("--only", action="append", help="a check by name, with or without [case]; repeatable")
    parser.add_argument(
        "--module", action="append", help="the checks of a file, by the beginning of its name, such as faults")
    parser.add_argument("--long", action="store_true", help="hundreds of kills, every place of a fault, more orders")
    parser.add_argument("--seed", type=int, help="of everything random here; default: by the clock")
    parser.add_argument("--list", action="store_true", help="name the checks and stop")
    arguments = parser.parse_args()
    if arguments.list:
        print("\n".join(name for name, _ in selected(arguments.only, arguments.module)))
        return 0
    binary = Path(arguments.binary).resolve()
    if not binary.is_file():
        parser.error(f"there is no {binary}; build it with: swift build -c release")
    if not (Path(arguments.shared) / "data").is_dir():
        print(f"NOTE {arguments.shared}/data is not here: checks on its logs and corpora will be SKIPPED")
    seed = arguments.seed if arguments.seed is not None else time.time_ns() % 1_000_000
    print(f"seed {seed}", flush=True)
    env = Env(str(binary), arguments.shared, arguments.long, seed)
    known = {name for name, _ in CHECKS} | {name.split("[")[0] for name, _ in CHECKS}
    for name in arguments.only or []:
        if name not in known:
            parser.error(f"there is no check named {name}")
    _, failed, _ = run(env, arguments.only, lambda text: print(text, flush=True), arguments.module)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
