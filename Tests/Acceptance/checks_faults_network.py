"""A hostile network: connections cut, silent, slow, many; lines without end."""

import os
import random
import select
import socket
import struct
import threading
import time

from checks_state import DAY0, line
from client import ClientError, address
from features import SECOND
from faults import SMALL, WHOLE, metric, resident, settle, workload
from harness import check, check_each, eventually, expect, expect_equal

MEGABYTE = 1 << 20
LINGER_RESET = struct.pack("ii", 1, 0)


def connect(daemon, port="ingest", small=False):
    plain = socket.socket()
    if small:
        plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    plain.settimeout(60)
    plain.connect(address(daemon.ready[port]))
    return plain


def reset(plain):
    """Closes so that the peer sees a reset."""
    plain.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER_RESET)
    plain.close()


def abandon(producer):
    """Resets a producer's connection without a word; its reader ends by itself."""
    producer.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER_RESET)
    producer.socket.close()


def drained(plain, seconds=20):
    """Whether the peer ends the connection within so long; what it sends is dropped."""
    plain.settimeout(seconds)
    try:
        while plain.recv(1 << 16):
            pass
        return True
    except TimeoutError:
        return False
    except OSError:
        return True


def counted(daemon, events, what):
    eventually(f"{what}: {events} events", lambda: daemon.status.status()["ingest"]["events"] == events)


@check
def producers_that_close_right_after_sending(env):
    """A clean close right behind the last byte, newline or not: every line counts."""
    connections = 2000 if env.long else 200
    # A connection counts as open until its lines are taken, however soon the client has closed it.
    limits = {"ingest_connections": 4000, "ingest_connections_per_peer": 4000}
    with env.daemon({**WHOLE, "limits": limits}) as daemon:
        for number in range(connections):
            rows = b"".join(line(f"u{number}", DAY0 + number * SECOND, "view_item") for _ in range(5))
            with connect(daemon) as plain:
                plain.sendall(rows if number % 2 else rows[:-1])
        counted(daemon, 5 * connections, "closed at once")
    env.count("close right after sending", connections)


def await_ack(producer, least):
    producer.wait(f"an ack of {least}", lambda _: producer.acked >= least)


@check
def acked_lines_cut_at_every_byte(env):
    """The connection is reset after each byte of a line; from the acked number on each line counts once."""
    rows = [
        line(f"사용자 {number}", DAY0 + number * SECOND, "purchase", value=number + 1)
        for number in range(400)]
    cuts = 0
    with env.daemon(WHOLE) as daemon:
        taken = 0
        for cut in range(len(rows[0]) + 1):
            producer = daemon.producer("cut")
            expect(taken <= producer.next <= taken + 2, f"{taken} kept, {producer.next} next, cut {cut}")
            taken = producer.next
            producer.send(rows[taken] + rows[taken + 1][:cut])
            if cut % 3 == 0:
                await_ack(producer, taken + 1)
                taken = producer.acked
            abandon(producer)
            cuts += 1
        with daemon.producer("cut") as producer:
            producer.send(b"".join(rows[producer.next:]))
            producer.sync()
        status = daemon.status.status()["ingest"]
        expect_equal((status["events"], status["rejected"]), (len(rows), 0), "events and rejected lines")
        users, _ = daemon.status.users()
        expect(all(user["event_total"] == 1 for user in users.values()), "each line counts once")
        expect_equal(sum(user["purchase"]["revenue"] for user in users.values()), 400 * 401 // 2, "revenue")
    env.count("acked connection cut within a line", cuts)


@check
def plain_lines_cut_by_a_reset(env):
    """A reset in the middle of a line: the whole lines that were read count, the cut one never."""
    cuts = 0
    whole = line("u", DAY0, "view_item")
    with env.daemon(WHOLE) as daemon:
        for cut in range(1, len(whole)):
            plain = connect(daemon)
            plain.sendall(whole + whole[:cut])
            before = cuts + 1
            counted(daemon, before, "the whole line")
            reset(plain)
            cuts += 1
        time.sleep(0.3)
        status = daemon.status.status()["ingest"]
        expect_equal((status["events"], status["rejected"]), (cuts, 0), "events and rejected lines")
    env.count("plain connection reset within a line", cuts)


@check
def posted_bodies_that_are_cut(env):
    """A POST whose body does not come whole is no commit at all; the same again, whole, counts once."""
    body = b"".join(line(f"u{number}", DAY0 + number * SECOND, "view_item") for number in range(50))
    head = b"POST /v1/events HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % len(body)
    cuts = len(body) if env.long else 40
    with env.daemon(WHOLE) as daemon:
        for cut in range(0, len(body), max(1, len(body) // cuts)):
            plain = connect(daemon, "status")
            plain.sendall(head + body[:cut])
            if cut % 2:
                reset(plain)
            else:
                plain.close()
        time.sleep(0.3)
        expect_equal(daemon.status.status()["ingest"]["lines"], 0, "lines of cut bodies")
        expect_equal(daemon.status.post_events(body).json()["accepted"], 50, "accepted")
        expect_equal(daemon.status.status()["ingest"]["events"], 50, "events")
    env.count("posted body cut", cuts)


@check
def half_open_producers(env):
    """Producers that vanish without a word hold nothing up, and their places come back."""
    work = workload(env)
    limits = {"idle_timeout": "2s", "line_timeout": "1s", "ingest_connections_per_peer": 40}
    config = {**WHOLE, "limits": limits}
    with env.daemon(config) as daemon:
        ghosts = []
        for number in range(36):
            plain = connect(daemon)
            plain.sendall(work.lines[0][:number % 20])
            ghosts.append(plain)
        settle(daemon, work, what="beside half-open connections")
        eventually(
            "the half-open ones are closed",
            lambda: daemon.status.status()["ingest"]["connections"] == 0, 20)
        for plain in ghosts:
            plain.close()
    env.count("half-open connection", len(ghosts))


@check
def a_producer_that_never_reads_its_acks(env):
    """Its unread answers hold up itself at most: memory stays bounded, others go on, its lines are kept."""
    work = workload(env)
    with env.daemon(WHOLE) as daemon:
        deaf = connect(daemon, small=True)
        deaf.sendall(b'{"$hello":{"producer":"deaf"}}\n')
        before = resident(daemon.process.pid)
        deaf.settimeout(3)
        sent = 0
        # Rubbish is answered line by line, which is the most that can be owed.
        part = b"rubbish that is answered each time\n" * 200
        begun = time.monotonic()
        try:
            while time.monotonic() - begun < (60 if env.long else 2) and sent < 400_000:
                deaf.sendall(part)
                sent += 200
        except TimeoutError:
            pass
        grown = resident(daemon.process.pid) - before
        expect(grown < 64 * MEGABYTE, f"{grown >> 20} MiB more memory after {sent} unread answers")
        with daemon.producer("feed") as producer:
            producer.send(b"".join(work.lines))
            producer.sync(60)
        reset(deaf)
        eventually("the deaf one is gone", lambda: daemon.status.status()["ingest"]["connections"] == 0)
    env.count("producer that never reads its acks")
    return f"{sent} lines, {grown >> 20} MiB"


@check_each("ingest", "triggers", "status")
def slowloris(env, port):
    """Many clients, a byte at a time: cut off within the bounds, and others are served meanwhile."""
    work = workload(env)
    config = {**WHOLE, "limits": {"line_timeout": "2s", "idle_timeout": "4s"}}
    drip = {"ingest": b'{"user_id":"slow', "triggers": b'{"$resume":{"after', "status": b"GET /healthz HT"}[port]
    with env.daemon(config) as daemon:
        slow = [connect(daemon, port) for _ in range(40)]
        ended = set()
        begun = time.monotonic()
        fed = threading.Thread(target=settle, args=(daemon, work), kwargs={"what": f"slowloris on {port}"})
        fed.start()
        # The status port's patience is fixed, too long to be waited for in the short form.
        awaited = port != "status" or env.long
        patience = 45 if port == "status" and env.long else 15 if awaited else 4
        while len(ended) < len(slow) and time.monotonic() - begun < patience:
            for index, plain in enumerate(slow):
                if index in ended:
                    continue
                try:
                    plain.send(drip[int(time.monotonic() - begun) % len(drip):][:1])
                    if select.select([plain], [], [], 0)[0] and not plain.recv(4096):
                        ended.add(index)
                except OSError:
                    ended.add(index)
            time.sleep(0.5)
        fed.join()
        for plain in slow:
            plain.close()
        expect(not awaited or len(ended) == len(slow), f"only {len(ended)} cut off within {patience} s")
        expect_equal(daemon.status.get("/healthz").status, 200, "/healthz")
        settle(daemon, work, what=f"slowloris on {port}")
    env.count(f"slowloris on the {port} port", len(slow))


@check
def a_flood_of_connections(env):
    """More connections than the bounds allow on every port: refused and counted; places come back."""
    work = workload(env)
    with env.daemon(SMALL) as daemon:
        flood = []
        for port in ("ingest", "triggers", "status"):
            for _ in range(600 if env.long else 300):
                try:
                    flood.append(connect(daemon, port))
                except OSError:
                    pass
        expect(metric_when_room(daemon, flood, "roost_ingest_connections_refused_total") > 0, "refusals counted")
        # The places of the closed ones come back one after the other.
        eventually("a producer's place", lambda: quietly(lambda: (settle(daemon, work, what="after a flood"), True)))
    env.count("connection of a flood", len(flood))


def metric_when_room(daemon, flood, name):
    for plain in flood:
        plain.close()
    return eventually("an answer after the flood", lambda: quietly(lambda: metric(daemon, name)))


def quietly(ask):
    try:
        return ask()
    except (OSError, ClientError, EOFError):
        return None


def churn(ports, turns):
    for turn in turns:
        with socket.socket() as plain:
            plain.settimeout(20)
            plain.connect(ports[turn % 3])
            # A reset leaves no port waiting, so that a million do not run out of them.
            if turn % 2 or turn > 10_000:
                plain.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER_RESET)


@check
def connections_come_and_go(env):
    """Connect and close, as fast as it goes, on all ports: nothing piles up."""
    work = workload(env)
    turns = 1_000_000 if env.long else 3000
    with env.daemon(WHOLE) as daemon:
        pid = daemon.process.pid
        settle(daemon, work, what="before")
        descriptors = len(os.listdir(f"/proc/{pid}/fd"))
        ports = [address(daemon.ready[port]) for port in ("ingest", "triggers", "status")]
        # The first half brings memory to what bursts take; what the second adds would be a leak.
        churn(ports, range(turns // 2))
        memory = resident(pid)
        churn(ports, range(turns // 2, turns))
        eventually(
            "descriptors as before", lambda: len(os.listdir(f"/proc/{pid}/fd")) <= descriptors + 8, 60)
        grown = resident(pid) - memory
        expect(grown < 48 * MEGABYTE, f"{grown >> 20} MiB more memory")
        settle(daemon, work, what="after churn")
    env.count("connect and close", turns)
    return f"{grown / MEGABYTE:.1f} MiB more after {turns}"


@check
def protocols_on_the_wrong_port(env):
    """HTTP, TLS and rubbish where lines are expected, lines where HTTP is: closed, and nothing else."""
    work = workload(env)
    tls = bytes.fromhex("16030100a5010000a10303") + bytes(200)
    tried = 0
    with env.daemon(WHOLE) as daemon:
        for port in ("ingest", "triggers"):
            for data in (b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", tls, b"\0" * 5000, b"\xff\xfe\n" * 50):
                plain = connect(daemon, port)
                plain.sendall(data)
                plain.shutdown(socket.SHUT_WR)
                expect(drained(plain), f"{port} closes after {data[:10]!r}")
                plain.close()
                tried += 1
        for data in (work.lines[0] * 3, tls, b"\0\n" * 3000, b"GET\r\n\r\n", b"POST /v1/events HTTP/1.1\r\n\r\n"):
            with connect(daemon, "status") as plain:
                plain.sendall(data)
                plain.shutdown(socket.SHUT_WR)
                expect(drained(plain, 40), f"the status port closes after {data[:10]!r}")
            tried += 1
        lines = daemon.status.status()["ingest"]["lines"]
        settle(daemon, work, what="after rubbish", unusable=lines)
    env.count("wrong protocol", tried)


@check_each("no newline", "a newline")
def a_line_of_any_length(env, end):
    """A line far beyond the bound is passed over with bounded memory and rejected once, if it ever ends."""
    size = (10 << 30) if env.long else (64 << 20)
    work = workload(env)
    with env.daemon(WHOLE) as daemon:
        before = resident(daemon.process.pid)
        with daemon.producer("long") as producer:
            producer.send(b'{"user_id":"')
            part = b"x" * MEGABYTE
            most = 0
            for number in range(size // MEGABYTE):
                producer.send(part)
                if number % 16 == 0:
                    most = max(most, resident(daemon.process.pid) - before)
            expect(most < 48 * MEGABYTE, f"{most >> 20} MiB more memory for one line")
            if end == "a newline":
                producer.send(b'"}\n' + line("after", DAY0, "view_item"))
                expect_equal(producer.sync(60)["lines"], 2, "lines")
                expect_equal([reject["code"] for reject in producer.rejects], ["line_too_long"], "rejects")
        extra = 2 if end == "a newline" else 0
        expect_equal(daemon.status.status()["ingest"]["lines"], extra, "lines")
        if not extra:
            settle(daemon, work, what="after a line without end")
    env.count(f"line of {size >> 20} MiB, {end}")
    return f"{most / MEGABYTE:.1f} MiB"


@check
def resets_under_load(env):
    """Producers reset at random while they send, acked and plain side by side; the acked one is exact."""
    work = workload(env)
    rng = random.Random(env.seed)
    turns = 300 if env.long else 25
    with env.daemon(SMALL) as daemon:
        sent = acked = 0
        for _ in range(turns):
            producer = daemon.producer("feed")
            expect(acked <= producer.next <= sent, f"{acked} ≤ {producer.next} ≤ {sent} (seed {env.seed})")
            sent = producer.next
            part = work.lines[sent:sent + rng.randrange(1, 2 * len(work.lines) // turns + 2)]
            producer.send(b"".join(part))
            sent += len(part)
            time.sleep(rng.random() * 0.01)
            acked = max(acked, producer.acked)
            abandon(producer)
        settle(daemon, work, acked, sent, f"resets (seed {env.seed})")
    env.count("reset under load", turns)


@check
def two_producers_of_one_name(env):
    """Two that reconnect and fence each other again and again: each line counts once."""
    work = workload(env)
    with env.daemon(SMALL) as daemon:
        def push():
            while True:
                try:
                    with daemon.producer("feed") as producer:
                        while producer.next < len(work.lines) and not producer.ended:
                            producer.send(b"".join(work.lines[producer.next:producer.next + 40]))
                            producer.next += 40
                            time.sleep(0.001)
                        if producer.next >= len(work.lines):
                            producer.sync(10)
                            return
                except (ClientError, OSError):
                    continue

        pair = [threading.Thread(target=push) for _ in range(2)]
        for thread in pair:
            thread.start()
        for thread in pair:
            thread.join(120)
        settle(daemon, work, what="two of one name")
    env.count("two producers of one name")


@check
def a_subscriber_lost_between_receive_and_store(env):
    """It reads, does not acknowledge and is reset: the next of its name gets the same again, in order."""
    work = workload(env)
    turns = 60 if env.long else 8
    rng = random.Random(env.seed)
    with env.daemon(WHOLE) as daemon:
        settle(daemon, work, what="before")
        total = len(work.triggers)
        cursor = 0
        for _ in range(turns):
            with daemon.subscriber({"$consumer": {"name": "push"}}) as subscriber:
                subscriber.await_triggers(min(20, total - cursor))
                got = [row["seq"] for row in subscriber.triggers()]
                expect_equal(got[:5], list(range(cursor + 1, cursor + 6)), f"numbers (seed {env.seed})")
                if rng.random() < 0.5:
                    cursor += rng.randrange(1, 10)
                    subscriber.acknowledge(cursor)
                    eventually("the cursor is stored", lambda: cursor_of(daemon) == cursor)
                reset(subscriber.socket)
    env.count("subscriber lost before it stored", turns)


def cursor_of(daemon):
    with daemon.subscriber({"$consumer": {"name": "push"}}) as probe:
        probe.await_triggers(1)
        return probe.triggers()[0]["seq"] - 1
