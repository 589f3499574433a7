#!/usr/bin/env python3
"""Receives what a webhook sink posts: checks the signature, passes over repeats, prints each trigger.

    ROOST_SECRET=geheim ./webhook_receiver.py --listen 127.0.0.1:8080

    sinks: [{type: "webhook", name: "crm", url: "http://127.0.0.1:8080/triggers", batch: 50, secret: "geheim"}]

Standard library only. Answer with 2xx only after the triggers are safe: anything else, and no answer in time,
is tried again.
"""

import argparse
import hashlib
import hmac
import json
import os
from collections import OrderedDict
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

SECRET = os.environ.get("ROOST_SECRET", "").encode()
# Ids that were taken; a real receiver keeps them where it keeps the messages, in the same transaction.
SEEN = OrderedDict()
SEEN_MOST = 100_000


def is_signed(body, header):
    """Whether the body is from who knows the secret: HMAC-SHA256 over its very bytes."""
    expected = "sha256=" + hmac.new(SECRET, body, hashlib.sha256).hexdigest()
    return hmac.compare_digest(expected, header or "")


def take(trigger):
    """Each trigger once, told apart by its id."""
    key = trigger.get("id", trigger["seq"])
    if key in SEEN:
        return
    SEEN[key] = True
    if len(SEEN) > SEEN_MOST:
        SEEN.popitem(last=False)
    print(json.dumps(trigger, ensure_ascii=False), flush=True)


class Receiver(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if not is_signed(body, self.headers.get("X-Roost-Signature")):
            return self.answer(401)
        try:
            told = json.loads(body)
        except ValueError:
            return self.answer(400)
        for trigger in told if isinstance(told, list) else [told]:
            take(trigger)
        self.answer(204)

    def answer(self, status):
        self.send_response(status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--listen", default="127.0.0.1:8080")
    host, _, port = parser.parse_args().listen.rpartition(":")
    if not SECRET:
        parser.error("ROOST_SECRET is empty: set it to the secret of the sink")
    server = ThreadingHTTPServer((host, int(port)), Receiver)
    print(f"listening on {server.server_address[0]}:{server.server_address[1]}", flush=True)
    server.serve_forever()


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        pass
