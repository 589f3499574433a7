// Now: what comes in, what goes out, and whether all is well.

import { attempt } from "../api.js";
import { h } from "../dom.js";
import * as format from "../format.js";
import { bars, histogram, lines } from "../plots.js";
import { empty, missing, pairs, stats } from "../table.js";
import { t } from "../text.js";
import { triggerList } from "./triggers.js";

const pace = [];
const kept = 240;

/** Notes a reading of the counters; the difference of two is a rate. */
function note(events, at, rate) {
  const last = pace.at(-1);
  if (last && at - last.at < 900) return;
  const value = rate ?? (last && at > last.at ? Math.max(0, ((events - last.events) * 1000) / (at - last.at)) : null);
  pace.push({ at, events, rate: value, time: new Date(at).toISOString() });
  if (pace.length > kept) pace.shift();
}

/** The last day beside the mean of the same weekday before it. */
function usual(daily) {
  const last = daily?.at(-1);
  if (!last) return null;
  const same = daily.slice(0, -1).filter((d) => new Date(d.day).getUTCDay() === new Date(last.day).getUTCDay()).slice(-8);
  return { last, revenue: same.length ? same.reduce((n, d) => n + d.revenue, 0) / same.length : null };
}

export async function show(page, { signal, onLive }) {
  const top = h("div");
  const speed = h("div", { class: "w6" });
  const health = h("div", { class: "w6 card" });
  const newest = h("div", { class: "w7 card" });
  const groups = h("div", { class: "w5 card" });
  const daily = h("div", { class: "grid" });
  page.append(top, h("div", { class: "grid" }, speed, health, newest, groups), daily);
  const state = { revenue: null, live: null };

  async function refresh() {
    const status = await attempt("v1/status", signal);
    if (!status.value) { top.replaceChildren(missing(status.error)); return; }
    note(status.value.ingest.events, Date.now(), state.live?.events_per_s);
    figures(top, status.value, state);
    healthOf(health, status.value);
    await triggers(newest, groups, status.value, signal);
    speed.replaceChildren(lines({
      title: t("now.speed"), file: "events-per-second", x: "time", xType: "clock", xLabel: t("time"), height: 200,
      series: [{ key: "rate", label: t("now.rate") }], type: "decimal", rows: pace.filter((p) => p.rate !== null), none: t("now.wait"),
    }));
  }

  const overview = await attempt("v1/analytics/overview?days=120", signal);
  state.revenue = usual(overview.value?.daily);
  await refresh();
  daily.replaceChildren(...(overview.value ? [...dailyPlots(overview.value.daily), ...valuePlots(overview.value)] : [h("div", { class: "card" }, missing(overview.error))]));
  onLive((name, data) => {
    if (name === "rates") {
      state.live = data;
      note(data.events, Date.now(), data.events_per_s);
    }
    if (name === "tick" || name === "triggers" || (name === "rates" && Date.now() - (state.shown ?? 0) > 5000)) {
      state.shown = Date.now();
      refresh().catch(() => {});
    }
  });
}

function figures(top, status, { revenue, live }) {
  const rate = live?.events_per_s ?? pace.at(-1)?.rate ?? null;
  const today = live?.revenue_today ?? revenue?.last.revenue ?? null;
  const more = revenue?.revenue ? t("now.usual", { value: format.money(revenue.revenue), change: format.change(today / revenue.revenue - 1) }) : null;
  top.replaceChildren(stats([
    [t("now.rate"), rate === null ? "–" : format.decimal(rate), t("now.events", { n: format.count(status.ingest.events) })],
    [t("users"), format.count(status.users), t("now.shards", { n: status.shards })],
    [t("now.revenue"), today === null ? "–" : format.money(today), more],
    [t("now.triggers"), format.count(status.outbox.last_seq), t("now.readers", { n: format.count(status.outbox.subscribers) })],
  ]));
}

function healthOf(card, status) {
  const { clock, ingest, journal } = status;
  const lag = clock.now && clock.watermark ? (new Date(clock.now) - new Date(clock.watermark)) / 1000 : null;
  const rejected = Object.entries(ingest.rejected_by ?? {}).filter(([, n]) => n > 0).map(([code, n]) => `${format.words(code)} ${format.count(n)}`).join(", ");
  card.replaceChildren(h("h3", null, t("now.health")), pairs([
    [t("now.clock"), `${clock.mode === "event" ? t("now.eventclock") : t("now.wallclock")}, ${format.time(clock.now)}`],
    [t("now.lag"), lag === null ? "–" : format.span(lag)],
    [t("now.lines"), t("now.linesmore", { lines: format.count(ingest.lines), late: format.count(ingest.late), twice: format.count(ingest.duplicates) })],
    [t("now.rejected"), ingest.rejected ? `${format.count(ingest.rejected)}: ${rejected}` : t("now.none")],
    [t("now.journal"), t("now.journalmore", { n: format.count(journal.committed_record ?? journal.records), bytes: format.bytes(journal.bytes) })],
    [t("now.memory"), t("now.memorymore", { bytes: format.bytes(status.memory_bytes), state: format.bytes(status.state_bytes) })],
    [t("now.connections"), format.count(ingest.connections)],
    ...(status.sinks ?? []).map((sink) => [`${t("now.sink")} ${sink.name}`, [h("span", { class: `tag ${sink.last_error ? "bad" : ""}` }, format.words(sink.state)), " ", sink.last_error ?? (sink.last_delivered_at ? format.time(sink.last_delivered_at) : "")]]),
    [t("now.up"), `${format.span(status.uptime_s)}, roost ${status.version}`],
  ]));
}

async function triggers(newest, groups, status, signal) {
  const last = status.outbox.last_seq;
  const answer = await attempt(`v1/triggers?after=${Math.max(0, last - 200)}&limit=200`, signal);
  if (!answer.value) { newest.replaceChildren(missing(answer.error)); return; }
  const list = answer.value.triggers;
  newest.replaceChildren(h("h3", null, t("now.newest")), list.length ? triggerList(list.slice(-9).reverse()) : empty(t("nothing"), t("now.notriggers")));
  const count = (key, of) => [...of.reduce((map, one) => map.set(one[key] ?? "–", (map.get(one[key] ?? "–") ?? 0) + 1), new Map())].sort((a, b) => b[1] - a[1]);
  const of = list.filter((one) => one.type !== "erased");
  const share = (n) => `${format.count(n)} (${format.percent(n / of.length)})`;
  groups.replaceChildren(h("h3", null, t("now.last", { n: format.count(of.length) })), pairs([
    ...count("group", of).map(([group, n]) => [t(`group.${group}`), share(n)]),
    ...count("type", of).slice(0, 9).map(([type, n]) => [format.words(type), share(n)]),
  ]));
}

function dailyPlots(rows) {
  const shared = { x: "day", xType: "day", footType: "dayShort", xLabel: t("day"), rows };
  return [
    lines({ ...shared, span: "w6", title: t("now.dailyevents"), file: "daily-events", series: [{ key: "events", label: t("events") }, { key: "visits", label: t("visits") }] }),
    lines({ ...shared, span: "w6", title: t("now.dailyrevenue"), file: "daily-revenue", type: "money", series: [{ key: "revenue", label: t("revenue") }] }),
  ];
}

/** What a purchase is worth, and how it is paid. */
function valuePlots({ purchase_values: values, payment_methods: payments, lifetime_value: worth, daily_by_payment_method: paid }) {
  const parts = [];
  if (values?.count) {
    parts.push(histogram({ title: t("now.values"), lead: t("now.valuesmore", { median: format.money(values.median), q1: format.money(values.q1), q3: format.money(values.q3), mean: format.money(values.mean), sd: format.money(values.deviation) }), file: "purchase-values", span: "w6", rows: values.histogram }));
  }
  if (payments?.length) {
    parts.push(bars({ title: t("payment_method"), file: "payment-methods", span: "w6", rows: payments.slice(0, 12), name: "value", nameType: "text", value: "share_of_purchases", type: "percent",
      columns: [{ key: "value", label: t("payment_method") }, { key: "share_of_purchases", label: t("purchases"), type: "percent" }, { key: "share_of_users", label: t("users"), type: "percent" }, { key: "revenue", label: t("revenue"), type: "money" }] }));
  }
  if (payments?.length && paid?.length) parts.push(...paidPlots(payments.slice(0, 6).map((one) => one.value), paid));
  if (worth) {
    parts.push(h("div", { class: "card w6" }, h("h3", null, t("now.worth")), pairs([
      [t("now.worthmean", { days: format.days(worth.horizon_d) }), format.money(worth.mean)],
      [t("buyers"), format.count(worth.buyers)],
      [t("now.worthhow"), worth.sampled < worth.buyers ? t("now.worthsample", { n: format.count(worth.sampled), error: format.money(worth.standard_error) }) : t("now.worthall")],
    ])));
  }
  return parts;
}

/** Shares of each day's purchases and buyers by payment method. */
function paidPlots(methods, paid) {
  const days = [...new Set(paid.map((one) => one.day))];
  const draw = (key, title, file) => lines({
    title, file, span: "w6", type: "percent", x: "day", xType: "day", footType: "dayShort", xLabel: t("day"),
    series: methods.map((method) => ({ key: method, label: method })),
    rows: days.map((day) => ({ day, ...Object.fromEntries(methods.map((method) => [method, paid.find((one) => one.day === day && one.value === method)?.[key] ?? 0])) })),
  });
  return [
    draw("share_of_purchases", t("now.paidpurchases"), "daily-purchases-by-payment"),
    draw("share_of_users", t("now.paidusers"), "daily-buyers-by-payment"),
  ];
}
