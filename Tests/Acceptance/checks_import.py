"""Tables of each preset, imported by the binary and fed to a daemon, against the plain calculation.

The events are made first; the table and the lines that are expected are both written from them here.
"""

import csv
import gzip
import io
import json
import subprocess
from datetime import datetime, timezone
from zoneinfo import ZoneInfo

import features
from features import Config, SECOND, stamp
from harness import EVENT_CLOCK, check, check_each, expect, expect_equal, expect_users

SEOUL = ZoneInfo("Asia/Seoul")
START = 1_734_220_800  # 2024-12-15T00:00:00Z
COUPONS = {"used": "Used", "not_used": "Not Used", "clicked": "Clicked"}


def roost(env, *arguments, data=None):
    return subprocess.run(
        [env.binary, *map(str, arguments)], input=data, capture_output=True, timeout=300, check=False)


def table(header, rows, encoding="utf-8", delimiter=",", end="\r\n"):
    """A table as Python's csv writes it."""
    out = io.StringIO(newline="")
    writer = csv.writer(out, delimiter=delimiter, lineterminator=end)
    writer.writerow(header)
    writer.writerows(rows)
    return out.getvalue().encode(encoding)


def as_lines(events):
    """Events with a `time` in µs as lines of the contract, in the order of time, ties as they stand."""
    ordered = sorted(events, key=lambda event: event["time"])
    return [
        json.dumps({**event, "time": stamp(event["time"])}, ensure_ascii=False).encode() + b"\n"
        for event in ordered]


def expect_import(env, files, arguments, events, zone="UTC", malformed=()):
    """Imports, feeds a daemon with `replay`, and holds every user against the events."""
    with env.daemon({"clock": {"timezone": zone}}) as daemon:
        paths = []
        for number, data in enumerate(files):
            paths.append(daemon.home / f"table-{number}")
            paths[-1].write_bytes(data)
        services = ["--services", paths[1]] if len(paths) > 1 else []
        done = roost(env, "import", paths[0], *services, *arguments)
        told = done.stderr.decode().splitlines()
        expect_equal(done.returncode, 1 if malformed else 0, f"exit code of import, which said {told[:3]}")
        expect_equal(
            [line.split(": ", 1)[1] for line in told[:-1]], list(malformed), "what it says of malformed rows")
        expect_equal(len(done.stdout.splitlines()), len(events), "lines of the import")
        fed = roost(env, "replay", "-", "--to", daemon.ready["ingest"], data=done.stdout)
        expect_equal(fed.returncode, 0, f"replay: {fed.stderr[-300:]!r}")
        expect_equal(daemon.status.status()["ingest"]["rejected"], 0, "lines the daemon refused")
        expect_equal(daemon.status.status()["ingest"]["late"], 0, "late events, for lines come in order")
        users, _ = daemon.status.users()
    config = Config(zone=zone)
    expect_users(users, features.features(features.read_log(as_lines(events), config), config))
    return f"{len(events)} events, {len(users)} users"


def wall(micros, zone=timezone.utc):
    return datetime.fromtimestamp(micros // SECOND, zone)


@check_each("euc-kr", "euc-kr,told", "utf-8")
def import_ga_export(env, case):
    """A Korean Analytics export; rows without a timestamp count at 00:00 of their day in Seoul."""
    rng = env.random
    encoding = case.split(",")[0]
    events, rows = [], []
    for number in range(900):
        time = (START + rng.randrange(40 * 86_400)) * SECOND + rng.randrange(SECOND)
        kind = rng.choice(["광고", "비광고"])
        name = rng.choice(["session_start", "view_item", "add_to_cart", "purchase", "회원가입"])
        event = {
            "user": f"{1_000_000_000 + rng.randrange(80)}.{rng.randrange(3)}0", "time": time, "event": name,
            "device": rng.choice(["mobile", "desktop"]), "media": rng.choice(["카카오", "criteo, dsp", "\"new\""]),
            "type": "ad" if kind == "광고" else "non_ad"}
        value = None
        if name == "purchase":
            value = rng.choice([41110, 29.33, 0, 1250000])
            event["value"] = value
        day = wall(time, SEOUL).strftime("%Y%m%d")
        moment = str(time)
        if rng.random() < 0.1:
            moment = ""
            local = datetime.strptime(day, "%Y%m%d").replace(tzinfo=SEOUL)
            event["time"] = int(local.timestamp()) * SECOND
        event["user_id"] = event.pop("user")
        events.append(event)
        rows.append([
            day, event["user_id"], moment, name, "" if value is None else rng.choice([value, f"{value:,}"]),
            event["device"], event["media"], kind])
    header = [
        "event_date", "user_pseudo_id", "event_timestamp", "event_name", "purchase_value", "device", "media", "type"]
    told = ["--encoding", encoding] if case != "euc-kr" else []
    return expect_import(
        env, [table(header, rows, encoding)], ["--preset", "ga-export", *told], events, "Asia/Seoul")


@check
def import_example_day(env):
    """The instant 2024-12-15T15:48Z lies in the day 20241216 of Seoul."""
    text = (
        "event_date,user_pseudo_id,event_timestamp,event_name,purchase_value,device,media,type\n"
        "20241216,u,1734277680000000,login,,mobile,naver,광고\n20241216,u,,login,,mobile,naver,비광고\n")
    done = roost(env, "import", "-", "--preset", "ga-export", data=text.encode("euc-kr"))
    expect_equal(done.returncode, 0, f"exit code: {done.stderr!r}")
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    expect_equal(
        [line["event_timestamp"] for line in lines], ["2024-12-15T15:00:00Z", "2024-12-15T15:48:00Z"], "times")
    expect_equal([line["type"] for line in lines], ["non_ad", "ad"], "types")


@check
def import_online_sales(env):
    """Rows of a transaction, wherever they stand, are one purchase; its strongest coupon counts."""
    rng = env.random
    events, rows = [], []
    for number in range(300):
        time = (1_546_300_800 + rng.randrange(365) * 86_400) * SECOND
        user, transaction = str(12_000 + rng.randrange(60)), str(16_000 + number)
        items, coupons = [], []
        for _ in range(rng.randrange(1, 5)):
            items.append({
                "item_id": f"GGOE{rng.randrange(40)}", "item_category": rng.choice(["Apparel", "Nest, USA"]),
                "quantity": rng.randrange(1, 9), "price": rng.choice([153.71, 3, 0.99])})
            coupons.append(rng.choice(["used", "not_used", "clicked"]))
            day = wall(time)
            rows.append([
                user, transaction, f"{day.month}/{day.day}/{day.year}", items[-1]["item_id"],
                items[-1]["item_category"], items[-1]["quantity"], items[-1]["price"], COUPONS[coupons[-1]]])
        strongest = next(c for c in ("used", "clicked", "not_used") if c in coupons)
        events.append({
            "user_id": user, "time": time, "event": "purchase", "event_id": transaction, "coupon": strongest,
            "items": items})
    order = list(range(len(rows)))
    firsts = {}
    rng.shuffle(order)
    shuffled = [rows[index] for index in order]
    for place, row in enumerate(shuffled):
        firsts.setdefault(row[1], place)
    # What decides between purchases of one day is where the first row of each stands.
    events.sort(key=lambda event: firsts[event["event_id"]])
    for event in events:
        event["items"] = [
            {"item_id": row[3], "item_category": row[4], "quantity": row[5], "price": row[6]}
            for row in shuffled if row[1] == event["event_id"]]
    header = [
        "CustomerID", "Transaction_ID", "Transaction_Date", "Product_SKU", "Product_Category", "Quantity",
        "Avg_Price", "Coupon_Status"]
    return expect_import(env, [table(header, shuffled)], ["--preset", "online-sales"], events)


def retail_rows(events):
    rows = []
    for event in events:
        day = wall(event["time"])
        for item in event["items"]:
            sign = -1 if event["event"] == "refund" else 1
            rows.append([
                event["event_id"], item["item_id"], "A \"thing\",\r\nof two lines", sign * item["quantity"],
                f"{day.month}/{day.day}/{day.year} {day.hour}:{day.minute:02d}", item["price"],
                event["user_id"] + ".0", event.get("region", "")])
    return rows


RETAIL = ["InvoiceNo", "StockCode", "Description", "Quantity", "InvoiceDate", "UnitPrice", "CustomerID", "Country"]


@check
def import_online_retail(env):
    """Invoices with quoted descriptions of several lines, refunds, and rows without a customer."""
    rng = env.random
    events = []
    for number in range(400):
        refund = rng.random() < 0.15
        events.append({
            "user_id": str(12_346 + rng.randrange(70)), "time": (1_291_190_400 + rng.randrange(500_000) * 60) * SECOND,
            "event": "refund" if refund else "purchase", "event_id": f"{'C' if refund else ''}{536_365 + number}",
            "region": rng.choice(["United Kingdom", "EIRE", "France"]),
            "items": [
                {"item_id": f"{22_000 + rng.randrange(90)}A", "quantity": rng.randrange(1, 99),
                 "price": rng.choice([2.55, 0.001, 27.5])} for _ in range(rng.randrange(1, 8))]})
    rows = retail_rows(events)
    rows.insert(7, ["537000", "x", "no customer", 1, "12/1/2010 8:26", 1, "", "France"])
    rows.insert(9, ["537001", "x", "taken back", -1, "12/1/2010 8:26", 1, "12346", "France"])
    rows.insert(11, ["537002", "x", "no day", 1, "31/31/2010 8:26", 1, "12346", "France"])
    rows.insert(13, ["537003", "x", "short"])
    # Each of the rows before has three lines but for those put in.
    places = [2 + 2 * 7, 2 + 2 * 8 + 1, 2 + 2 * 9 + 2, 2 + 2 * 10 + 3]
    reasons = [
        "the user is empty", "quantity is negative, and this is no refund", "\"31/31/2010 8:26\" is not a date",
        "it has 3 fields, not 8"]
    malformed = [f"line {place}: {reason}" for place, reason in zip(places, reasons)]
    return expect_import(
        env, [table(RETAIL, rows)], ["--preset", "online-retail"], events, malformed=malformed)


@check
def import_online_retail_real(env):
    """The real invoices, turned back into their table."""
    events = []
    for line in env.log("online_retail_a"):
        event = json.loads(line)
        events.append({
            "user_id": event["user_pseudo_id"], "time": features.parse_stamp(event["event_timestamp"], features.UTC),
            "event": event["event_name"], "event_id": event["event_id"], "region": event["region"],
            "items": event["items"]})
    data = gzip.compress(table(RETAIL, retail_rows(events)), 1)
    return expect_import(env, [data], ["--preset", "online-retail"], events)


@check_each("sample", "master")
def import_cdnow(env, layout):
    """CDNOW's purchases in the layout of its text files."""
    events, text = [], []
    for line in env.log("cdnow_sample"):
        event = json.loads(line)
        cds, day = event["items"][0]["quantity"], event["event_timestamp"][:10].replace("-", "")
        user, value = event["user_pseudo_id"], event["purchase_value"]
        between = " 0001" if layout == "sample" else ""
        text.append(f" {user}{between} {day} {cds:2d} {value:7.2f}\r\n")
        events.append({
            "user_id": user, "time": features.parse_stamp(event["event_timestamp"], features.UTC),
            "event": "purchase", "value": value, "items": event["items"]})
    return expect_import(env, ["".join(text).encode()], ["--preset", "cdnow"], events)


LPOINT = [
    "영수증번호", "고객번호", "성별", "연령대", "거주지대분류코드", "상품코드", "대분류명", "중분류명", "구매일자", "구매시간",
    "구매수량", "구매금액", "제휴사", "점포코드", "채널구분", "Lpay"]
SERVICES = ["고객번호", "방문일자", "이용일자", "이용시간", "이용금액", "제휴사", "점포코드", "채널구분"]
CHANNELS = {"1": "offline", "2": "online"}


def lpoint_hour(rng):
    """An hour of 2021 in Seoul: µs, day and hour as the table has them."""
    seconds = 1_609_426_800 + rng.randrange(365 * 24) * 3600
    local = wall(seconds * SECOND, SEOUL)
    return seconds * SECOND, local.strftime("%Y%m%d"), str(local.hour)


def lpoint_receipts(rng, level, people):
    events, rows = [], []
    for number in range(250):
        time, day, hour = lpoint_hour(rng)
        user = rng.choice(sorted(people))
        gender, age = people[user]
        channel, lpay = rng.choice("12"), rng.choice("01")
        partner, store = rng.choice(["A01", "A02"]), f"A01{rng.randrange(9):03d}"
        items, total = [], 0
        for _ in range(rng.randrange(1, 4)):
            quantity, amount = rng.choice([1, 2, 4, 5]), rng.randrange(100) * 100
            names = {"large": rng.choice(["채소", "과일"]), "middle": rng.choice(["배추", "사과, 배"])}
            total += amount
            item = f"PD{rng.randrange(30):04d}"
            items.append({
                "item_id": item, "item_category": names[level], "quantity": quantity, "price": amount / quantity})
            rows.append([
                f"r{number}", user, gender, age, "Z17", item, names["large"], names["middle"], day, hour, quantity,
                amount, partner, store, channel, lpay])
        event = {
            "user_id": user, "time": time, "event": "purchase", "event_id": f"r{number}", "value": total,
            "gender": "F" if gender == "여성" else "M", "age_band": age.replace("대", "s"), "region": "Z17",
            "partner": partner, "store": store, "channel": CHANNELS[channel], "items": items}
        if lpay == "1":
            event["payment_method"] = "lpay"
        events.append(event)
    return events, rows


def lpoint_uses(rng, people):
    events, rows = [], []
    for _ in range(150):
        time, day, hour = lpoint_hour(rng)
        user, channel = rng.choice(sorted(people)), rng.choice("12")
        amount = rng.choice([0, 12_000, 3500])
        events.append({
            "user_id": user, "time": time, "event": "purchase" if amount else "visit", "value": amount,
            "partner": "C01", "store": "S1", "channel": CHANNELS[channel]})
        rows.append([user, day, day, hour, amount, "C01", "S1", channel])
    return events, rows


@check_each(("euc-kr", "large"), ("utf-8", "middle"))
def import_lpoint(env, encoding, level):
    """Receipts and uses of services, merged in the order of time, categories of the chosen level."""
    rng = env.random
    people = {f"M{number:09d}": (rng.choice(["여성", "남성"]), rng.choice(["20대", "40대"])) for number in range(40)}
    bought, receipts = lpoint_receipts(rng, level, people)
    used, uses = lpoint_uses(rng, people)
    files = [table(LPOINT, receipts, encoding), table(SERVICES, uses, encoding)]
    return expect_import(
        env, files, ["--preset", "lpoint", "--category-level", level], bought + used, "Asia/Seoul")


CUSTOM = """
// A till's log.
{
  encoding: "utf-8", delimiter: "tab", timezone: "America/New_York", day_order: "day_first",
  time: {date: "날짜", clock: "시각"},
  fields: {
    user: "회원", name: "종류", value: "금액", age_band: "출생", device: "기기", item_id: "상품", item_category: "분류",
  },
  optional: ["device"],
  values: {
    name: {"구매": "purchase", "환불": "refund", "*": "other_thing"},
    item_category: {"사과": "fruit", "배": "fruit", "*": null},
  },
  bands: {age_band: {edges: [20, 30, 40], birth_years: true}},
  absent: ["-"],
}
"""


@check
def import_custom(env):
    """A mapping of one's own: tabs, local times of New York, years of birth in bands, groups of categories."""
    rng = env.random
    zone = ZoneInfo("America/New_York")
    kinds = {"구매": "purchase", "환불": "refund", "문의": "other_thing"}
    groups = {"사과": "fruit", "배": "fruit", "못": None}
    people = {f"회원 {number}": 1975 + rng.randrange(45) for number in range(30)}
    events, rows = [], []
    for _ in range(500):
        # Midsummer, so that no local time comes twice.
        time = (1_719_800_000 + rng.randrange(60 * 86_400)) * SECOND
        local, user = wall(time, zone), rng.choice(sorted(people))
        kind, category = rng.choice(sorted(kinds)), rng.choice(sorted(groups))
        age = 2024 - people[user]
        band = "under 20" if age < 20 else "20-29" if age < 30 else "30-39" if age < 40 else "40+"
        value = rng.choice([None, -12.5, 1200])
        event = {"user_id": user, "time": time, "event": kinds[kind], "age_band": band}
        if value is not None and (value >= 0 or kind == "환불"):
            event["value"] = abs(value)
        elif value is not None:
            value = None
        item = {"item_id": "P1"}
        if groups[category]:
            item["item_category"] = groups[category]
        event["items"] = [item]
        events.append(event)
        rows.append([
            f"{local.day}/{local.month}/{local.year}", local.strftime("%H:%M:%S"), user, kind,
            "-" if value is None else value, people[user], "P1", category])
    data = b"\xef\xbb\xbf" + table(["날짜", "시각", "회원", "종류", "금액", "출생", "상품", "분류"], rows, delimiter="\t")
    with env.daemon() as daemon:
        daemon.home.joinpath("till.json5").write_text(CUSTOM, encoding="utf-8")
        return expect_import(
            env, [gzip.compress(data)],
            ["--preset", "custom", "--mapping", daemon.home / "till.json5"], events)


@check
def import_says_what_is_wrong(env):
    """Usage, broken mappings and files that are no such table: exit codes and sentences."""
    with env.daemon() as daemon:
        mapping = daemon.home / "broken.json5"
        mapping.write_text("{\n  time: {instant: 't'},\n  fields: {usr: 'u', name: 'n'},\n}", encoding="utf-8")
        cases = [
            (["x"], 2, "--preset is missing"), (["x", "--preset", "ga-exprt"], 2, "did you mean ga-export?"),
            (["x", "--preset", "cdnow", "--no-such-flag"], 2, "no-such-flag"),
            (["/nonexistent", "--preset", "cdnow"], 1, "No such file"),
            (["x", "--preset", "custom", "--mapping", mapping], 1, "line 3, column 12: fields.usr: unknown key"),
            ([mapping, "--preset", "lpoint"], 1, "no column"),
        ]
        for arguments, code, sentence in cases:
            done = roost(env, "import", *arguments)
            expect_equal(done.returncode, code, f"exit code of {arguments}")
            expect(sentence in done.stderr.decode(), f"{arguments} says {sentence}: {done.stderr!r}")
            expect_equal(done.stdout, b"", f"standard output of {arguments}")


@check
def import_holds_little(env):
    """A table larger than the memory it may use, out of order: sorted on disk, whole."""
    count = 1_200_000 if not env.long else 4_000_000
    rows = [f"{START + (number * 7919) % count},u{number % 977},view_item,{'x' * 60}\n" for number in range(count)]
    mapping = "{time: {instant: 't'}, fields: {user: 'u', name: 'n', search_term: 'q'}}"
    with env.daemon() as daemon:
        daemon.home.joinpath("m.json5").write_text(mapping, encoding="utf-8")
        path = daemon.home / "large.csv"
        path.write_text("t,u,n,q\n" + "".join(rows), encoding="utf-8")
        out = daemon.home / "out.ndjson"
        script = 'ulimit -v 1200000; exec "$0" import "$1" --preset custom --mapping "$2" > "$3"'
        done = subprocess.run(
            ["bash", "-c", script, env.binary, str(path), str(daemon.home / "m.json5"), str(out)],
            capture_output=True, timeout=600, check=False)
        expect_equal(done.returncode, 0, f"exit code: {done.stderr[-300:]!r}")
        previous, lines = "", 0
        with out.open(encoding="utf-8") as file:
            for line in file:
                time = line[20:40]
                expect(time >= previous, f"line {lines} is out of order: {line[:60]}")
                previous, lines = time, lines + 1
        expect_equal(lines, count, "lines")
