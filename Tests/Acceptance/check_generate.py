#!/usr/bin/env python3
"""Holds a log of `roost generate` against the published tables of the log it is shaped after.

    roost generate | Tests/Acceptance/check_generate.py
    Tests/Acceptance/check_generate.py LOG.ndjson

Computes every figure from the lines alone, in one pass. At full size (25,597,319 events) counts must
match exactly; at other sizes the shares must match within what rounding to whole users allows.
Prints each figure beside the published one; exit code 1 when one is off.
"""

import json
import sys

FULL_EVENTS, FULL_USERS = 25_597_319, 4_481_842
NAMES = {
    "session_start": 15_710_066, "first_visit": 3_803_531, "begin_checkout": 3_720_879,
    "purchase": 987_648, "add_to_cart": 846_926, "login": 491_079, "sign_up": 37_190,
}
KINDS = {"ad": 18_782_137, "non_ad": 6_815_182}
LARGEST_MEDIA = {"criteo": 5.39e6, "advertiser_apppush": 4.98e6, "direct": 3.66e6, "kakao_alimtok": 2.44e6}
DEVICE_USERS = {  # main device, converted
    ("desktop", False): 390_444, ("desktop", True): 9_091,
    ("mobile", False): 3_621_810, ("mobile", True): 460_497,
}
CONVERSION = {  # main medium, percent
    "advertiser_apppush": 57.7, "advertiser_braze": 36.0, "direct": 23.2, "advertiser_naver": 20.1,
    "advertiser_homeshopping": 19.8, "RTB": 17.6, "advertiser_sms": 14.9, "advertiser_tv": 14.6,
    "advertiser_affiliate": 14.0, "advertiser_ars": 11.7, "naver_bs": 11.7, "kakao_alimtok": 11.6,
    "payco": 8.7, "not_set": 8.5, "naver_search": 8.1, "advertiser_wondershopping": 6.9,
    "kakao_dm": 6.1, "referral": 5.3, "organic": 4.7, "TOSS": 4.4, "kakao_share": 4.0,
    "google_SA": 3.9, "kakao_SA": 3.3, "criteo": 1.5, "facebook": 0.14, "instagram": 0.11,
    "google_DA": 0.01, "ADN": 0.002, "appier": 0.0,
}
MEAN, QUARTILES = 53_180, (29_900, 41_110, 59_970)
BOT_LOGINS, BOT_CHECKOUTS = 16_073, 15_613


class Log:
    """What is counted while the lines go by."""

    def __init__(self):
        self.lines = 0
        self.names, self.kinds, self.media_events, self.devices = {}, {}, {}, {}
        self.users = {}  # id -> number, in the order of their first events
        self.events, self.desktop, self.first_device, self.converted = [], [], [], bytearray()
        self.media, self.pairs = {}, {}  # name -> number; user * 64 + medium -> events, first seen first
        self.values = []
        self.heavy = {}  # user -> events by name, only for logins and checkouts
        self.kind_of = {}
        self.disorder = 0

    def read(self, stream):
        before = b""
        for line in stream:
            parts = line.split(b'"')
            time, user, name = parts[3], parts[7], parts[11]
            at = 13
            while parts[at] != b"device":
                if parts[at] == b"purchase_value":
                    self.values.append(int(parts[at + 1].strip(b":,")))
                    at += 2
                else:
                    at += 4
            device, medium, kind = parts[at + 2], parts[at + 6], parts[at + 10]
            if self.lines % 997 == 0:
                self.check_line(line, time, user, name, device, medium, kind)
            self.lines += 1
            if time < before:
                self.disorder += 1
            before = time
            self.names[name] = self.names.get(name, 0) + 1
            self.kinds[kind] = self.kinds.get(kind, 0) + 1
            self.devices[device] = self.devices.get(device, 0) + 1
            self.media_events[medium] = self.media_events.get(medium, 0) + 1
            self.add(user, name, device, medium, kind)

    def add(self, user, name, device, medium, kind):
        number = self.users.setdefault(user, len(self.users))
        if number == len(self.events):
            self.events.append(0)
            self.desktop.append(0)
            self.first_device.append(device)
            self.converted.append(0)
        self.events[number] += 1
        if device == b"desktop":
            self.desktop[number] += 1
        if name == b"purchase":
            self.converted[number] = 1
        index = self.media.setdefault(medium, len(self.media))
        if self.kind_of.setdefault(medium, kind) != kind:
            raise SystemExit(f"{medium} is of two kinds")
        pair = number * 64 + index
        self.pairs[pair] = self.pairs.get(pair, 0) + 1
        if name == b"login" or name == b"begin_checkout":
            key = (number, name)
            self.heavy[key] = self.heavy.get(key, 0) + 1

    @staticmethod
    def check_line(line, time, user, name, device, medium, kind):
        """A real JSON parser must see the same, now and then."""
        event = json.loads(line)
        seen = [event[k] for k in
                ("event_timestamp", "user_pseudo_id", "event_name", "device", "media", "type")]
        if seen != [part.decode() for part in (time, user, name, device, medium, kind)]:
            raise SystemExit(f"not as split: {line!r}")
        if name == b"purchase":
            worth = sum(item["quantity"] * item["price"] for item in event["items"])
            if worth != event["purchase_value"]:
                raise SystemExit(f"items are not worth the purchase: {line!r}")

    def main_media(self):
        """(number of the main medium) of each user: most events, ties to the first seen."""
        best, best_count = [0] * len(self.users), [0] * len(self.users)
        for pair, count in self.pairs.items():
            user, medium = divmod(pair, 64)
            if count > best_count[user]:
                best[user], best_count[user] = medium, count
        return best

    def main_device(self, number):
        mobile = self.events[number] - self.desktop[number]
        if mobile == self.desktop[number]:
            return self.first_device[number].decode()
        return "mobile" if mobile > self.desktop[number] else "desktop"


class Report:
    def __init__(self):
        self.failures = 0

    def row(self, name, found, published, allowed, shown="{:,}"):
        good = abs(found - published) <= allowed
        self.failures += not good
        print(f"{'ok ' if good else 'OFF'} {name:44} {shown.format(found):>14} {shown.format(published):>14}")

    def fact(self, name, good, text):
        self.failures += not good
        print(f"{'ok ' if good else 'OFF'} {name:44} {text:>14}")


def compare(log):
    report = Report()
    full = log.lines == FULL_EVENTS and len(log.users) == FULL_USERS
    scale, user_scale = log.lines / FULL_EVENTS, len(log.users) / FULL_USERS
    print(f"    {'':44} {'found':>14} {'published' if full else 'in proportion':>14}")
    slack = 0 if full else 1.5

    def counts(title, published, found, factor, allowed):
        for key, number in published.items():
            name = key if isinstance(key, str) else f"{key[0]} {'converted' if key[1] else 'not converted'}"
            report.row(f"{title} {name}", found.get(key, 0), round(number * factor), allowed(number * factor))

    text = {key.decode(): value for key, value in log.names.items()}
    report.row("events", log.lines, round(FULL_EVENTS * scale), 0)
    if full:
        report.row("users", len(log.users), FULL_USERS, 0)
    counts("events", NAMES, text, scale, lambda n: slack)
    counts("events", KINDS, {k.decode(): v for k, v in log.kinds.items()}, scale, lambda n: slack + 0.002 * n * (not full))
    report.row("desktop events, percent", 100 * log.devices[b"desktop"] / log.lines, 3.1, 0.05, "{:.3f}")
    media_events = {key.decode(): value for key, value in log.media_events.items()}
    counts("events by", LARGEST_MEDIA, media_events, scale, lambda n: 0.005 * n + slack)
    report.fact("media", len(log.media) == 29, str(len(log.media)))

    by_device = {}
    for number in range(len(log.users)):
        key = (log.main_device(number), bool(log.converted[number]))
        by_device[key] = by_device.get(key, 0) + 1
    counts("users", DEVICE_USERS, by_device, user_scale, lambda n: 0 if full else 2.5)

    media_names = {index: name.decode() for name, index in log.media.items()}
    users_of, converted_of = {}, {}
    for number, medium in enumerate(log.main_media()):
        name = media_names[medium]
        users_of[name] = users_of.get(name, 0) + 1
        converted_of[name] = converted_of.get(name, 0) + log.converted[number]
    for name, percent in CONVERSION.items():
        users = users_of.get(name, 0)
        if users < 100 and not full:
            continue
        found = 100 * converted_of.get(name, 0) / max(1, users)
        report.row(f"converted by {name}, percent", found, percent, 0.5 if full else 0.5 + 100 / users, "{:.3f}")

    values = sorted(log.values)
    report.row("purchase mean", sum(values) / len(values), MEAN, MEAN * (0.001 if full else 0.02), "{:,.1f}")
    for share, published in zip((0.25, 0.5, 0.75), QUARTILES):
        found = values[min(len(values) - 1, int(share * len(values)))]
        report.row(f"purchase quantile {share}", found, published, 0 if full else published * 0.02)

    few = sum(1 for count in log.events if count <= 4) / len(log.events)
    report.fact("users with at most 4 events, percent", few > 0.6, f"{100 * few:.1f}")
    hundreds = sum(1 for count in log.events if 200 <= count <= 2000)
    report.fact("users with hundreds of events", hundreds > 0 or not full, f"{hundreds:,}")
    if full:
        bots = [number for number, count in enumerate(log.events) if count > 10_000]
        report.fact("users with more than 10,000 events", 2 <= len(bots) <= 5, str(len(bots)))
        for name, published in ((b"login", BOT_LOGINS), (b"begin_checkout", BOT_CHECKOUTS)):
            mean = sum(log.heavy.get((bot, name), 0) for bot in bots) / max(1, len(bots))
            report.row(f"their mean {name.decode()}", mean, published, 0.5, "{:,.1f}")
        report.fact("none of them bought", not any(log.converted[bot] for bot in bots), "")
        report.fact("greatest number of events", max(log.events) > 31_000, f"{max(log.events):,}")
    report.fact("in the order of time", log.disorder == 0, f"{log.disorder} behind")
    return report.failures


def main():
    log = Log()
    if len(sys.argv) > 1:
        with open(sys.argv[1], "rb") as stream:
            log.read(stream)
    else:
        log.read(sys.stdin.buffer)
    failures = compare(log)
    print(f"{failures} figures are off" if failures else "all figures as published")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
