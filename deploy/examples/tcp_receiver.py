#!/usr/bin/env python3
"""Receives what a TCP sink sends, and acknowledges it: nothing is lost with whatever ends on either side.

    ./tcp_receiver.py --listen 127.0.0.1:9100 >> triggers.ndjson

    sinks: [{type: "tcp", name: "crm", address: "127.0.0.1:9100", ack: true}]

Without `ack: true` the sink expects no answer, and `socat -u TCP-LISTEN:9100,reuseaddr,fork -` will do.
"""

import argparse
import json
import socketserver
import sys


class Receiver(socketserver.StreamRequestHandler):
    def handle(self):
        for line in self.rfile:
            if not line.endswith(b"\n"):
                return
            sys.stdout.buffer.write(line)
            sys.stdout.buffer.flush()
            self.wfile.write(json.dumps({"$ack": {"seq": json.loads(line)["seq"]}}).encode() + b"\n")


class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--listen", default="127.0.0.1:9100")
    host, _, port = parser.parse_args().listen.rpartition(":")
    with Server((host, int(port)), Receiver) as server:
        print(f"listening on {host}:{server.server_address[1]}", file=sys.stderr, flush=True)
        server.serve_forever()


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        pass
