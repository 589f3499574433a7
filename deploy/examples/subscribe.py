#!/usr/bin/env python3
"""Takes triggers as a named consumer and acknowledges them: at least once, in order, over any restart.

    ./subscribe.py --roost 127.0.0.1:7002 --name push --type cart_abandoned

Standard library only. Replace `deliver` by what your campaign tool wants; what it has taken twice it tells by
the `id`, which is the same each time.
"""

import argparse
import json
import socket
import sys
import time


def deliver(trigger):
    """Sends one message. Raise where it failed: nothing is acknowledged then, and it comes again."""
    print(json.dumps(trigger, ensure_ascii=False), flush=True)


def consume(address, name, types):
    host, _, port = address.rpartition(":")
    with socket.create_connection((host.strip("[]"), int(port)), timeout=None) as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        lines = connection.makefile("rwb")

        def say(control):
            lines.write(json.dumps(control).encode() + b"\n")
            lines.flush()

        say({"$consumer": {"name": name, **({"types": types} if types else {})}})
        for line in lines:
            message = json.loads(line)
            if "$error" in message:
                raise SystemExit(f"the daemon says {message['$error']}")
            if "seq" not in message:
                continue
            if message["type"] != "erased":
                deliver(message)
            say({"$ack": {"seq": message["seq"]}})


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--roost", default="127.0.0.1:7002", help="the trigger port")
    parser.add_argument("--name", default="example", help="of the consumer: its cursor is kept under it")
    parser.add_argument("--type", action="append", dest="types", help="only these types; repeatable")
    arguments = parser.parse_args()
    wait = 0.5
    while True:
        try:
            consume(arguments.roost, arguments.name, arguments.types)
            wait = 0.5
        except OSError as error:
            print(f"{error}; trying again in {wait:.1f} s", file=sys.stderr)
        time.sleep(wait)
        wait = min(wait * 2, 30)


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        pass
