"""Quantity forecasts, held against the log: what they are made of, what they promise, and how they did."""

import datetime
import json
import time
import urllib.parse

from checks_models import generated
from harness import check, check_each, expect, expect_equal

DAY = datetime.timedelta(days=1)


def purchases(lines):
    """Purchases with their day (UTC) and lines, plainly from the log."""
    found = []
    for line in lines:
        event = json.loads(line)
        if event.get("event_name", event.get("event")) != "purchase":
            continue
        at = next(event[key] for key in ("event_timestamp", "timestamp", "time", "ts") if event.get(key))
        user = next(event[key] for key in ("user_id", "user_pseudo_id") if event.get(key))
        day = datetime.date.fromisoformat(str(at)[:10])
        items = [(item["item_id"], item.get("item_category"), float(item.get("quantity") or 1)) for item in event.get("items") or []]
        found.append((str(user), day, items))
    return found


def daily(bought, wanted=lambda item, category: True, bare=True):
    days = {}
    for _, day, items in bought:
        if not items and bare:
            days[day] = days.get(day, 0) + 1
        for item, category, quantity in items:
            if wanted(item, category):
                days[day] = days.get(day, 0) + quantity
    return days


def expect_history(answer, days, what):
    """Every day from the first with any, or the first shown, to yesterday; none left out."""
    today = datetime.date.fromisoformat(answer["as_of"][:10])
    days = {day: quantity for day, quantity in days.items() if day < today}
    history = answer["history"]
    if not days:
        expect_equal(history, [], f"{what}: history")
        return
    first = max(min(days), today - 400 * DAY)
    expect_equal([entry["day"] for entry in history],
                 [str(first + n * DAY) for n in range((today - first).days)], f"{what}: days")
    wrong = [(entry, days.get(datetime.date.fromisoformat(entry["day"]), 0)) for entry in history
             if abs(float(entry["quantity"]) - days.get(datetime.date.fromisoformat(entry["day"]), 0)) > 1e-6]
    expect(not wrong, f"{what}: {len(wrong)} days differ, {wrong[:3]}")


def expect_promises(answer, horizon, what):
    """Days from today on, bounds around the quantity, the peak the greatest, the methods in order."""
    today = datetime.date.fromisoformat(answer["as_of"][:10])
    steps = answer["forecast"]
    expect_equal([step["day"] for step in steps], [str(today + n * DAY) for n in range(horizon)], f"{what}: days ahead")
    for step in steps:
        quantity = float(step["quantity"])
        expect(quantity >= 0, f"{what}: {step}")
        if step["low"] is not None:
            expect(0 <= float(step["low"]) <= quantity <= float(step["high"]), f"{what}: {step}")
    most = max(float(step["quantity"]) for step in steps)
    if most > 0:
        expect_equal(answer["peak"]["day"], next(s["day"] for s in steps if float(s["quantity"]) == most), f"{what}: peak")
    errors = [float(method["rmse"]) for method in answer["methods"]]
    expect_equal(errors, sorted(errors), f"{what}: methods by error")
    if answer["methods"]:
        expect_equal(answer["methods"][0]["method"], answer["chosen"], f"{what}: the method taken")


@check_each("cdnow_sample", "marketing_insights", "online_retail_a", "generated")
def forecasts_are_of_what_was_bought(env, name):
    """History of the shop and of its categories equals the log's; the best method is no worse than the naive ones."""
    lines = generated(env) if name == "generated" else env.log(name)
    bought = purchases(lines)
    notes = []
    with env.daemon({"models": {"enabled": []}}) as daemon:
        daemon.feed(lines)
        begun = time.monotonic()
        shop = daemon.status.json("/v1/analytics/forecast?horizon=14")
        first = time.monotonic() - begun
        expect_history(shop, daily(bought), "shop")
        expect_promises(shop, 14, "shop")
        by_name = {method["method"]: method for method in shop["methods"]}
        for naive in ("naive", "seasonal_naive"):
            expect(float(shop["methods"][0]["rmse"]) <= float(by_name[naive]["rmse"]), f"{naive} was better and not taken")
        notes.append(
            f"shop by {shop['chosen']}, RMSE {float(shop['methods'][0]['rmse']):.1f} (naive {float(by_name['naive']['rmse']):.1f}, "
            f"seasonal {float(by_name['seasonal_naive']['rmse']):.1f}), MASE {float(shop['methods'][0]['mase']):.2f}, "
            f"coverage {float(shop['coverage']):.2f} of 0.80, {first:.1f} s")
        begun = time.monotonic()
        again = daemon.status.get("/v1/analytics/forecast?horizon=14").body
        expect(time.monotonic() - begun < 0.5, "the second answer took as long")
        categories = sorted({category for _, _, items in bought for _, category, _ in items if category})[:3]
        for category in categories:
            answer = daemon.status.json("/v1/analytics/forecast?category=" + urllib.parse.quote(category))
            if answer["complete"]:
                expect_history(answer, daily(bought, lambda _, c: c == category, bare=False), category)
            expect_promises(answer, 12, category)
        # The same after a restart: state is kept, and so is what follows from it.
        daemon.terminate()
        daemon.start()
        expect_equal(daemon.status.get("/v1/analytics/forecast?horizon=14").body, again, "after a restart")
    return "; ".join(notes)


@check
def forecasts_of_a_customer(env):
    """A customer's item by day, out of the purchases that are kept; gone with the customer."""
    lines = env.log("marketing_insights")
    with env.daemon({"models": {"enabled": []}, "limits": {"recent_purchases": 255}}) as daemon:
        daemon.feed(lines)
        bought = purchases(lines)
        counts = {}
        for user, _, items in bought:
            for item, _, _ in items:
                counts[user, item] = counts.get((user, item), 0) + 1
        of = {}
        for user, _, _ in bought:
            of[user] = of.get(user, 0) + 1
        (user, item), _ = max(((pair, count) for pair, count in counts.items() if of[pair[0]] <= 255), key=lambda entry: (entry[1], entry[0]))
        query = f"user={urllib.parse.quote(user)}&item={urllib.parse.quote(item)}"
        answer = daemon.status.json(f"/v1/analytics/forecast?{query}&horizon=30")
        own = [entry for entry in bought if entry[0] == user]
        days = daily(own, lambda i, _: i == item, bare=False)
        days.setdefault(min(day for _, day, _ in own), 0)
        expect_equal(answer["of"], {"user": user, "item": item}, "of")
        expect_history(answer, days, f"{user} {item}")
        expect_promises(answer, 30, f"{user} {item}")
        expect_equal(answer["complete"], True, "all purchases are kept")
        for query_, code in (("user=nobody", 404), ("category=nothing", 404), ("item=a", 400), ("horizon=0", 400), ("horizon=91", 400), ("days=3", 400)):
            expect_equal(daemon.status.get(f"/v1/analytics/forecast?{query_}").status, code, query_)
        daemon.status.request("DELETE", f"/v1/users/{urllib.parse.quote(user)}")
        expect_equal(daemon.status.get(f"/v1/analytics/forecast?{query}").status, 404, "an erased customer")


@check
def forecasts_of_an_empty_shop(env):
    """Before anything is bought there is an answer, and nothing in it."""
    with env.daemon({"models": {"enabled": []}}) as daemon:
        answer = daemon.status.json("/v1/analytics/forecast")
        expect_equal(answer["history"], [], "history")
        expect_equal({float(step["quantity"]) for step in answer["forecast"]}, {0.0}, "quantities")
        expect_equal(answer["as_of"], None, "as of")
