"""What goes in: rejects, hostile input, producers, plain clients, HTTP."""

import gzip
import json
import random
import time

import features
from checks_state import DAY0, line
from client import ClientError
from features import DAY, HOUR, SECOND, Config, Reject, Zone, stamp
from harness import check, eventually, expect, expect_equal, expect_sequence, expect_users

AT = stamp(DAY0)


def row(**members):
    return json.dumps({"user_id": "u", "ts": AT, "event": "page_view", **members}).encode()


def nested(depth):
    """A line whose deepest value stands at that nesting, the line's own object being the first."""
    return b'{"user_id":"u","ts":"%s","event":"x","deep":%s1%s}' % (
        AT.encode(), b"[" * (depth - 1), b"]" * (depth - 1))


def bad_lines():
    """(line, code) for every way of the contract in which a line is unusable."""
    cases = [
        (b"{", "bad_json"), (b"hello", "bad_json"), (row() + b"}", "bad_json"), (row()[:-1] + b",}", "bad_json"),
        (b'{"user_id":"u","ts":"%s","event":"x","n":01}' % AT.encode(), "bad_json"),
        (b'{"user_id":"u","ts":"%s","event":"x","n":NaN}' % AT.encode(), "bad_json"),
        (b'{"user_id":"u","ts":"%s","event":"x","other":{"a":1,}}' % AT.encode(), "bad_json"),
        (b"[1,2]", "not_object"), (b'"text"', "not_object"), (b"17", "not_object"), (b"null", "not_object"),
        (b"{}", "missing_field"), (row(user_id=None), "missing_field"), (row(ts=None), "missing_field"),
        (row(event=None), "missing_field"),
        (row(user_id={"a": 1}), "bad_field"), (row(user_id=["u"]), "bad_field"),
        (row(user_id=True), "bad_field"), (row(user_id=""), "bad_field"), (row(user_id="x" * 257), "bad_field"),
        (row(user_id="가" * 86), "bad_field"),
        (row(ts="yesterday"), "bad_field"), (row(ts="2024-02-30"), "bad_field"),
        (row(ts="2024-07-01T25:00:00Z"), "bad_field"),
        (row(ts=True), "bad_field"), (row(ts=10**17), "bad_field"),
        (row(event=5), "bad_field"), (row(event_id=["1"]), "bad_field"), (row(device=5), "bad_field"),
        (row(value="12"), "bad_field"), (row(value=10**12 + 1), "bad_field"), (row(coupon="maybe"), "bad_field"),
        (row(items={"item_id": "a"}), "bad_field"), (row(items=["a"]), "bad_field"),
        (row(items=[{"price": 1}]), "bad_field"), (row(discount="5"), "bad_field"),
        (row()[:-1] + b',"event":"twice"}', "bad_field"),
        (b'{"user_id":"\xff","ts":"%s","event":"x"}' % AT.encode(), "bad_utf8"),
        (b'{"user_id":"u","ts":"%s","event":"x","other":"\xc0\xaf"}' % AT.encode(), "bad_utf8"),
        (nested(33), "too_deep"),
        (row(other="x" * (1 << 20)), "line_too_long"),
        (row(items=[{"item_id": "a"}] * 1001), "over_limit"),
        (row(ts=stamp(DAY0 + 3 * DAY)), "future_timestamp"),
    ]
    return cases


GOOD = [
    b'{"user_pseudo_id":1000002345.17,"ts":1719792000,"event":"page_view"}',
    b'{"user_id":null,"user_pseudo_id":"second","time":1719792000000,"event_name":"page_view"}',
    b'{"user_id":"micro","timestamp":1719792000000000,"event":"page_view"}',
    b'{"user_id":"day","ts":"2024-07-01","event":"page_view","value":null,"items":null,"coupon":null}',
    b'{"user_id":"space","ts":"2024-07-01 00:00:00.25+09:00","event":"page_view"}',
    b'{"user_id":"local","ts":"2024-07-01T00:00:00","event":"page_view"}',
    b'{"user_id":"esc\\u00e4\\ud83d\\ude00","ts":"2024-07-01T00:00:00.123456789Z","event":"page_view"}',
    b'  {"user_id":"spaces","ts":1.719792e9,"event":"page_view","nothing":[1,{"a":null}]}  ',
    b'{"user_id":1e5,"ts":1719792000.5,"event":"page_view"}',
    row(user_id="x" * 256), row(value=10**12), nested(32),
]


@check
def every_reject_code(env):
    """Each unusable line gets its code, before any ack beyond it, and is kept as a dead letter."""
    cases = bad_lines()
    with env.daemon({"clock": {"max_jump": "2d"}}) as daemon:
        with daemon.producer("rejects") as producer:
            producer.send(row() + b"\n")
            for bad, _ in cases:
                producer.send(bad + b"\n" + row() + b"\n")
            synced = producer.sync()
            expect_equal(synced["lines"], 1 + 2 * len(cases), "lines")
            rejects = producer.rejects
            order = [json.loads(text) for text in producer.lines]
        got = {reject["line"]: reject["code"] for reject in rejects}
        wrong = [
            f"{bad!r:.70} as {got.get(1 + 2 * index)} and not {code}"
            for index, (bad, code) in enumerate(cases) if got.get(1 + 2 * index) != code]
        expect(not wrong, f"{len(wrong)} wrong: " + "; ".join(wrong[:6]))
        expect_equal(len(rejects), len(cases), "rejects")
        for reject in rejects:
            expect(reject.get("detail"), f"a detail with {reject}")
        expect_before_acks(order)
        ingest = daemon.status.status()["ingest"]
        expect_equal((ingest["rejected"], ingest["events"]), (len(cases), len(cases) + 1), "counts")
        letters = daemon.status.dead_letters()
        expect_equal([letter["code"] for letter in letters], [code for _, code in cases], "dead letters' codes")
        for letter, (bad, code) in zip(letters, cases):
            if code not in ("bad_utf8", "line_too_long"):
                kept = bad.decode()
                expect(kept.startswith(letter["line"]) and letter["line"], f"dead letter of {code}: {letter!r:.200}")
            expect({"seq", "detail", "received_at"} <= letter.keys(), f"fields of a dead letter: {letter.keys()}")


def expect_before_acks(order):
    """Every `$reject` of a line stands before the first `$ack` above it."""
    acked = 0
    for message in order:
        if "$ack" in message:
            expect(message["$ack"]["next"] >= acked, "acks never go back")
            acked = message["$ack"]["next"]
        if "$reject" in message:
            number = message["$reject"]["line"]
            expect(number >= acked, f"reject of line {number} after the ack of {acked}")


@check
def forms_of_a_line(env):
    """Every form of id, time and null of the contract; BOM, CRLF and blank lines are no lines."""
    plain = Config()
    data = b"\xef\xbb\xbf" + b"\r\n".join(GOOD) + b"\r\n\r\n\n" + row() + b"\n"
    with env.daemon() as daemon:
        with daemon.wire() as wire:
            wire.send(data)
            wire.finish()
            wire.wait_end()
        ingest = eventually(
            "all lines are counted",
            lambda: (told := daemon.status.status()["ingest"])["lines"] >= len(GOOD) + 1 and told)
        expect_equal((ingest["events"], ingest["rejected"]), (len(GOOD) + 1, 0), "events and rejected")
        expect_equal(ingest["lines"], len(GOOD) + 1, "lines")
        with daemon.producer("forms") as producer:
            producer.sync()
        users, _ = daemon.status.users()
        for user in ("1000002345.17", "1e5", "escä😀"):
            expect_equal(daemon.status.user(user).status, 200, f"GET of {user}")
    log = features.read_log([*GOOD, row()], plain)
    expect_users(users, features.features(log, plain))


@check
def plain_clients_get_no_byte(env):
    """Not even for rubbish; a last line without newline counts on a clean end."""
    with env.daemon() as daemon:
        with daemon.wire() as wire:
            wire.send(row() + b"\nrubbish\n" + row())
            wire.finish()
            wire.wait_end()
            expect(not wire.reset, "the connection ends cleanly")
            expect_equal(wire.lines, [], "bytes to a plain client")
        with daemon.producer("p") as producer:
            producer.sync()
            producer.send(row())  # no newline: with the acked protocol it does not count
        eventually(
            "the lines are counted", lambda: daemon.status.status()["ingest"]["lines"] == 3, timeout=10)
        ingest = daemon.status.status()["ingest"]
        expect_equal((ingest["events"], ingest["rejected"]), (2, 1), "events and rejected")
        with daemon.producer("p") as producer:
            expect_equal(producer.next, 0, "next after a line without newline")


@check
def unusable_streams_are_closed(env):
    """A plain connection whose first 100 lines are all unusable is closed; one that said hello is not."""
    with env.daemon() as daemon:
        with daemon.wire() as wire:
            wire.send(b"GET / HTTP/1.1\r\n" * 150)
            wire.wait_end()
            expect_equal(wire.lines, [], "bytes to a plain client")
        with daemon.producer("stubborn") as producer:
            producer.send(b"rubbish\n" * 150 + row() + b"\n")
            expect_equal(producer.sync()["lines"], 151, "lines of one that said hello")
            expect_equal(len(producer.rejects), 150, "rejects")
        with daemon.wire() as wire:
            wire.send(row() + b"\n" + b"rubbish\n" * 150)
            wire.finish()
            wire.wait_end()
            expect(not wire.reset, "one usable line first: not closed early")


@check
def producers_are_numbered(env):
    """K above `next` is an error, below it lines are skipped; `store` and `next` outlive a kill."""
    lines = [line(f"u{n}", DAY0 + n * SECOND, "page_view") for n in range(30)]
    with env.daemon() as daemon:
        with daemon.producer("web-1") as producer:
            expect_equal(producer.next, 0, "next of a new producer")
            store = producer.store
            producer.send(b"".join(lines[:10]))
            expect_equal(producer.sync()["lines"], 10, "lines")
            expect_equal(producer.acked, 10, "the ack")
        with daemon.producer("web-1", start=5) as producer:
            expect_equal(producer.next, 10, "next")
            producer.send(b"".join(lines[5:20]))
            producer.sync()
            expect_equal(producer.acked, 20, "the ack after lines already taken")
        daemon.kill()
        daemon.start()
        with daemon.producer("web-1", start=0) as producer:
            expect_equal((producer.next, producer.store), (20, store), "next and store after a kill")
            producer.send(b"".join(lines))
            producer.sync()
        refused = False
        try:
            with daemon.producer("web-1", start=31):
                pass
        except ClientError as error:
            refused = "$error" in str(error)
        expect(refused, "K above next is answered by $error")
        status = daemon.status.status()
        expect_equal(status["ingest"]["events"], 30, "events")
        expect_equal(status["users"], 30, "users")


@check
def a_second_producer_fences_the_first(env):
    """The first gets `$error fenced` and is closed; the second is welcomed after its lines are settled."""
    with env.daemon() as daemon:
        first = daemon.producer("same")
        with first:
            first.send(row() + b"\n" + row() + b"\n")
            first.sync()
            with daemon.producer("same") as second:
                expect_equal(second.next, 2, "next of the second")
                error = first.await_message("$error")
                expect_equal(error["code"], "fenced", "error")
                first.wait_end()
                second.send(row() + b"\n")
                second.sync()
        expect_equal(daemon.status.status()["ingest"]["events"], 3, "events")


@check
def fencing_under_load(env):
    """Taken over in mid-stream: what the first had acked is kept, nothing is doubled."""
    lines = [line(f"u{n}", DAY0 + n * SECOND, "page_view") for n in range(20_000)]
    with env.daemon() as daemon:
        at = 0
        previous = None
        for turn in range(6):
            producer = daemon.producer("same")
            if previous is not None:
                expect(previous.acked <= producer.next, "what was acked is kept")
                previous.close()
            at = producer.next
            producer.send(b"".join(lines[at:at + 4000]))
            previous = producer
        previous.sync()
        at = previous.acked
        previous.close()
        with daemon.producer("same") as producer:
            expect_equal(producer.next, at, "next")
            producer.send(b"".join(lines[at:]))
            producer.sync()
        status = daemon.status.status()
        expect_equal((status["ingest"]["events"], status["users"]), (20_000, 20_000), "events and users")


@check
def sync_and_advance(env):
    """`$synced` comes last of all; `$advance` closes its time inclusively; wall clocks refuse it."""
    with env.daemon() as daemon:
        with daemon.producer("p") as producer:
            producer.send(line("u", DAY0, "add_to_cart") + b"rubbish\n")
            producer.sync()
            order = [next(iter(json.loads(text))) for text in producer.lines]
            expect_equal(order[-1], "$synced", "what comes last")
            expect("$reject" in order and "$ack" in order, f"acks and rejects before: {order}")
            due = DAY0 + HOUR
            producer.advance(stamp(due - 1))
            producer.sync()
            expect_equal(daemon.status.status()["outbox"]["last_seq"], 0, "a microsecond before it is due")
            answer = producer.advance(stamp(due))
            expect("watermark" in answer, f"$advanced: {answer}")
            producer.sync()
            expect_equal(daemon.status.status()["outbox"]["last_seq"], 1, "at its very time")
            clock = daemon.status.status()["clock"]
            expect_equal(features.parse_stamp(clock["now"], features.UTC), due, "now")
        daemon.kill()
        daemon.start()
        clock = daemon.status.status()["clock"]
        expect_equal(features.parse_stamp(clock["now"], features.UTC), due, "now after a kill")
    with env.daemon({"clock": {"mode": "wall"}}) as daemon, daemon.producer("p") as producer:
        producer.say({"$advance": {"to": "2030-01-01T00:00:00Z"}})
        expect(producer.await_message("$error")["code"], "a code")


@check
def bad_control_lines(env):
    """Each gets `$error` with code and detail, and takes no number."""
    with env.daemon() as daemon, daemon.producer("p") as producer:
        bad = [b'{"$what":{}}', b'{"$hello":{}}', b'{"$hello":{"producer":7}}', b'{"$advance":{}}',
               b'{"$advance":{"to":"soon"}}']
        for index, control in enumerate(bad[:1] + bad[3:]):
            producer.send(control + b"\n")
            error = producer.await_message("$error", index + 1)
            expect(error.get("code") and error.get("detail"), f"code and detail for {control!r}: {error}")
        producer.send(row() + b"\n")
        producer.say({"$sync": {}})
        producer.wait("$synced", lambda lines: any(text.startswith(b'{"$synced"') for text in lines))
        expect_equal(producer.acked, 1, "the ack")
    for control in bad[1:3]:
        with env.daemon() as daemon, daemon.producer() as producer:
            producer.send(control + b"\n")
            error = producer.await_message("$error")
            expect(error.get("code") and error.get("detail"), f"code and detail for {control!r}: {error}")


@check
def events_over_http(env):
    """Accepted and rejected with their lines, gzip too; nonsense is answered with a status."""
    body = row() + b"\nrubbish\n\n" + row(coupon="maybe") + b"\n" + row()
    with env.daemon() as daemon:
        for compress in (False, True):
            answer = daemon.status.post_events(body, compress)
            expect_equal(answer.status, 200, "status")
            told = answer.json()
            expect_equal(told["accepted"], 2, "accepted")
            expect_equal([r["code"] for r in told["rejected"]], ["bad_json", "bad_field"], "rejected")
            lines = [r["line"] for r in told["rejected"]]
            expect_equal(lines[1] - lines[0], 1, "blank lines are not numbered")
        broken = daemon.status.request(
            "POST", "/v1/events", gzip.compress(body)[:-12], {"Content-Encoding": "gzip"})
        expect_equal(broken.status, 400, "a torn gzip")
        expect("error" in broken.json(), "the error as JSON")
        expect_equal(daemon.status.status()["ingest"]["events"], 4, "events")
        expect_equal(len(daemon.status.dead_letters()), 4, "dead letters")


# --- corpora ------------------------------------------------------------------------------------------

@check
def json_test_suite(env):
    """accepted + rejected = sent; `y_` decode, `n_` do not, alone on a line and within an unknown key."""
    folder = env.corpora() / "JSONTestSuite" / "test_parsing"
    cases = []  # (name, line, kind)
    for path in sorted(folder.iterdir()):
        content = path.read_bytes()
        kind = path.name[0]
        for part in content.split(b"\n"):
            whole = b"\n" not in content.strip(b"\n")
            if part.strip(b" \t\r") == b"" or part.startswith(b'{"$'):
                continue
            cases.append((path.name, part, kind if whole else "i"))
        if b"\n" in content:
            continue
        wrapped = b'{"user_id":"w","ts":"%s","event":"x","other":%s}' % (AT.encode(), content)
        cases.append((path.name + " within", wrapped, "Y" if kind == "y" else kind))
    with env.daemon() as daemon:
        with daemon.producer("suite") as producer:
            for _, part, _ in cases:
                producer.send(part + b"\n")
            sent = producer.sync()["lines"]
            rejects = {reject["line"]: reject["code"] for reject in producer.rejects}
        ingest = daemon.status.status()["ingest"]
    # A byte order mark opens some files; whether a line of it alone counts is left open.
    expect(abs(sent - len(cases)) <= 1, f"lines: {len(cases)} sent, {sent} counted")
    expect_equal(ingest["events"] + ingest["rejected"] + ingest["duplicates"], sent, "accepted and rejected")
    expect_equal(len(rejects), ingest["rejected"], "rejects told and counted")
    syntax = {"bad_json", "bad_utf8", "line_too_long", "too_deep"}
    wrong = []
    for number, (name, part, kind) in enumerate(cases):
        code = rejects.get(number)
        if kind == "y" and code in syntax:
            wrong.append(f"{name}: {code}")
        elif kind == "Y" and code is not None:
            wrong.append(f"{name}: {code}")
        elif kind == "n" and code is None:
            wrong.append(f"{name}: accepted")
    expect(not wrong, f"{len(wrong)} of {len(cases)}: " + "; ".join(wrong[:8]))
    return f"{len(cases)} lines, {ingest['rejected']} rejected"


@check
def naughty_strings(env):
    """As user ids and as values: none altered, none merged, each found by its own address."""
    texts = json.loads((env.corpora() / "blns" / "blns.json").read_text(encoding="utf-8"))
    raw = (env.corpora() / "blns" / "blns.txt").read_bytes().split(b"\n")
    lines = []
    for index, text in enumerate(texts):
        members = {"user_id": text, "ts": AT, "event": "purchase", "value": 1, "region": text, "media": text,
                   "items": [{"item_id": text, "item_category": text, "price": 1}]}
        lines.append(json.dumps(members, ensure_ascii=index % 2 == 0).encode() + b"\n")
    plain = Config()
    log = features.read_log(lines, plain)
    with env.daemon() as daemon:
        with daemon.producer("naughty") as producer:
            producer.send(b"".join(lines))
            expect_equal(producer.sync()["lines"], len(lines), "lines")
            rejects = [(reject["line"], reject["code"]) for reject in producer.rejects]
        expect_sequence(rejects, log.rejected, "rejects")
        users, _ = daemon.status.users()
        expect_users(users, features.features(log, plain))
        for user in users:
            answer = daemon.status.user(user)
            expect(answer.status == 200 and answer.json()["user"] == user, f"GET of {user!r}: {answer.status}")
        # The strings themselves as lines: none of them is an event, none brings anybody down.
        with daemon.producer("raw") as producer:
            data = [text for text in raw if text.strip() and not text.startswith(b'{"$')]
            producer.send(b"".join(text + b"\n" for text in data))
            counted = producer.sync()["lines"]
            expect(abs(counted - len(data)) <= 2, f"raw lines: {len(data)} sent, {counted} counted")
            expect_equal(len(producer.rejects), counted, "raw lines rejected")
    return f"{len(users)} users"


EITHER = "either"


def verdict(data, config, zone):
    """The referee's code for a line, None where it is an event; lone surrogates are left open."""
    try:
        event = features.decode(data, config, zone)
    except Reject as reject:
        return reject.code
    try:
        repr(event.__dict__).encode("utf-8")
        event.user.encode("utf-8")
    except UnicodeEncodeError:
        return EITHER
    return EITHER if b"\\ud" in data.lower() else None


@check
def wire_fuzz(env):
    """Chance damage to real lines: each is taken or told, and the referee agrees on which."""
    rng = random.Random(env.seed)
    plain, zone = Config(), Zone("UTC")
    source = [text for text in env.log("synthetic")[:1500]]
    lines, expected = [], []
    for text in source:
        data = bytearray(text.rstrip(b"\n"))
        for _ in range(rng.randrange(3)):
            place = rng.randrange(len(data))
            if rng.random() < 0.5:
                data[place] = rng.choice(b'{}[]",:\\0a \x00\xff\xc3')
            else:
                del data[place:place + rng.randrange(1, 4)]
        if not bytes(data).strip() or data.startswith(b'{"$') or len(data) == 0:
            continue
        lines.append(bytes(data))
        expected.append(verdict(bytes(data), plain, zone))
    with env.daemon() as daemon, daemon.producer("fuzz") as producer:
        producer.send(b"".join(data + b"\n" for data in lines))
        expect_equal(producer.sync()["lines"], len(lines), "lines")
        got = {reject["line"]: reject["code"] for reject in producer.rejects}
    wrong = [
        f"{lines[n]!r:.200}: {got.get(n)} and not {code}" for n, code in enumerate(expected)
        if code != EITHER and (got.get(n) is None) != (code is None)]
    expect(not wrong, f"{len(wrong)} of {len(lines)} (seed {env.seed}): " + "; ".join(wrong[:3]))
    return f"{sum(code not in (None, EITHER) for code in expected)} of {len(lines)} rejected"


@check
def slow_and_silent_clients(env):
    """A line that does not become whole, and silence, end a connection within the configured bounds."""
    config = {"limits": {"line_timeout": "1s", "idle_timeout": "2s"}}
    with env.daemon(config) as daemon:
        with daemon.wire() as slow, daemon.wire() as idle:
            begun = time.monotonic()
            slow.send(b'{"user_id"')
            slow.wait_end(15)
            idle.wait_end(15)
            expect(time.monotonic() - begun < 15, "both are closed")
        expect_equal(daemon.status.status()["ingest"]["events"], 0, "events")
