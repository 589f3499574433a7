// Customers: one of them, whole.

import { attempt } from "../api.js";
import { h } from "../dom.js";
import * as format from "../format.js";
import { bars, lines } from "../plots.js";
import { empty, missing, pairs, stats, table } from "../table.js";
import { t } from "../text.js";
import { MOST_READ, history } from "./history.js";
import { triggerList } from "./triggers.js";

export async function show(page, context) {
  const { signal, path } = context;
  const field = h("input", { type: "search", id: "customer", name: "customer", value: path ?? "", autocomplete: "off", spellcheck: "false" });
  page.append(h("form", {
    class: "find", role: "search", onsubmit: (event) => {
      event.preventDefault();
      if (field.value) location.hash = `#/customers/${encodeURIComponent(field.value)}`;
    },
  }, h("div", null, h("label", { for: "customer" }, t("customers.id")), field), h("button", { class: "button primary", type: "submit" }, t("customers.find"))));
  if (!path) { page.append(await recent(signal)); return; }
  const answer = await attempt(`v1/users/${encodeURIComponent(path)}`, signal);
  if (!answer.value) {
    page.append(h("div", { class: "card grid" }, answer.error.status === 404 ? empty(t("customers.unknown"), t("customers.unknownmore")) : missing(answer.error)));
    return;
  }
  await person(page, answer.value, context);
}

/** Somebody to begin with: who was triggered last. */
async function recent(signal) {
  const status = await attempt("v1/status", signal);
  const last = status.value?.outbox.last_seq ?? 0;
  const answer = await attempt(`v1/triggers?after=${Math.max(0, last - 60)}&limit=60`, signal);
  const list = (answer.value?.triggers ?? []).filter((one) => one.user !== undefined).reverse().slice(0, 15);
  return h("section", null, h("h2", null, t("customers.recent")), h("div", { class: "card" }, list.length ? triggerList(list) : empty(t("nothing"), t("now.notriggers"))));
}

async function person(page, user, { signal, parameters, go }) {
  const { purchase, predictions = {}, rfm } = user;
  const chips = [user.segment?.name, user.tier?.name, user.grade && `${t("grade")} ${user.grade}`, user.rfm_cell].filter(Boolean);
  page.append(h("section", null,
    h("h2", { class: "id" }, user.user), h("p", { class: "lead" }, t("customers.seen", { from: format.time(user.first_seen), to: format.time(user.last_seen) }), " ", chips.map((c) => [h("span", { class: "tag" }, format.words(c)), " "])),
    h("div", { class: "grid" }, stats([
      [t("purchases"), format.count(purchase?.count ?? 0), rfm ? t("customers.days", { n: format.count(rfm.days_since_last) }) : null],
      [t("revenue"), format.money(purchase?.revenue ?? 0), purchase?.mean_value ? t("customers.each", { value: format.money(purchase.mean_value) }) : null],
      [t("customers.churn"), predictions.churn ? format.percent(predictions.churn.p) : "–", predictions.churn ? t("customers.churnmore") : null],
      [t("customers.clv"), predictions.clv ? format.money(predictions.clv.value) : "–", predictions.clv ? t("customers.clvmore", { days: predictions.clv.horizon_d, n: format.decimal(predictions.clv.expected_purchases), p: format.percent(predictions.clv.p_alive) }) : null],
    ]), ...(await parts(user, { signal, parameters, go })))));
}

async function parts(user, { signal, parameters, go }) {
  const { predictions = {} } = user;
  const id = encodeURIComponent(user.user);
  const [triggers, decisions] = await Promise.all([attempt(`v1/triggers?user=${id}&limit=${MOST_READ}`, signal), attempt(`v1/decisions?user=${id}`, signal)]);
  const left = [
    reasons(predictions.churn, t("customers.churnwhy"), "churn-reasons"),
    predictions.cart_conversion ? reasons(predictions.cart_conversion, t("customers.cart", { p: format.percent(predictions.cart_conversion.p) }), "cart-reasons") : null,
    ...(await forecast(user, signal, parameters, go)), purchases(user), recommendations(user), decided(decisions),
  ];
  const right = [
    repurchase(predictions.repurchase), timeline(user, triggers), features(user), memberships(user), await history(user, triggers.value?.triggers ?? [], signal),
  ];
  return [left, right].map((parts) => h("div", { class: "w6 stack" }, parts));
}

function reasons(prediction, title, file) {
  if (!prediction) return h("div", { class: "card" }, h("h3", null, title), empty(t("customers.nochurn"), t("customers.nochurnmore")));
  return bars({ title, lead: t("customers.whymore"), file, span: "w6", name: "feature", value: "contribution", type: "signed", none: t("customers.nowhy"), rows: (prediction.why ?? []).filter((r) => r.contribution !== undefined),
    columns: [{ key: "feature", label: t("feature"), type: "words" }, { key: "value", label: t("value"), type: "decimal" }, { key: "contribution", label: t("customers.contribution"), type: "signed" }] });
}

function repurchase(prediction) {
  const card = h("div", { class: "card" }, h("h3", null, t("customers.repurchase")));
  if (!prediction) { card.append(empty(t("customers.norepurchase"), t("customers.norepurchasemore"))); return card; }
  card.append(h("p", { class: "lead" }, t("customers.repurchasemore", { date: format.day(prediction.date), from: format.day(prediction.p10), to: format.day(prediction.p90) })), calendar(prediction));
  return card;
}

/** The month of the date, and its neighbours as far as the interval reaches, at most three. */
function calendar({ date, p10, p90 }) {
  const months = [];
  const month = (text) => text.slice(0, 7);
  let at = month(p10) < month(date) && spread(month(p10), month(date)) > 1 ? shift(month(date), -1) : month(p10);
  while (at <= month(p90) && months.length < 3) { months.push(at); at = shift(at, 1); }
  return h("div", { class: "calendar" }, months.map((m) => {
    const first = new Date(`${m}-01T00:00:00Z`);
    const length = new Date(Date.UTC(first.getUTCFullYear(), first.getUTCMonth() + 1, 0)).getUTCDate();
    const cells = [...Array((first.getUTCDay() + 6) % 7).fill(null), ...Array.from({ length }, (_, i) => `${m}-${String(i + 1).padStart(2, "0")}`)];
    const weeks = Array.from({ length: Math.ceil(cells.length / 7) }, (_, w) => Array.from({ length: 7 }, (_, d) => cells[w * 7 + d] ?? null));
    return h("table", null, h("caption", null, format.month(m)), h("thead", null, h("tr", null, [1, 2, 3, 4, 5, 6, 7].map((d) => h("th", { scope: "col" }, format.weekday(d))))),
      h("tbody", null, weeks.map((week) => h("tr", null, week.map((d) => h("td", { class: d === date ? "day" : d && d >= p10 && d <= p90 ? "in" : null, "aria-label": d === date ? `${format.day(d)}, ${t("customers.thisday")}` : null }, d ? Number(d.slice(8)) : ""))))));
  }));
}
const shift = (month, by) => new Date(Date.UTC(Number(month.slice(0, 4)), Number(month.slice(5)) - 1 + by, 1)).toISOString().slice(0, 7);
const spread = (a, b) => (Number(b.slice(0, 4)) - Number(a.slice(0, 4))) * 12 + Number(b.slice(5)) - Number(a.slice(5));

async function forecast(user, signal, parameters, go) {
  const quantities = new Map();
  for (const p of user.recent_purchases ?? []) for (const item of p.items) quantities.set(item.item_id, (quantities.get(item.item_id) ?? 0) + item.quantity);
  const items = [...quantities].sort((a, b) => b[1] - a[1]).map(([item]) => item);
  if (!items.length) return [];
  const item = parameters.get("item") ?? items[0];
  const answer = await attempt(`v1/analytics/forecast?user=${encodeURIComponent(user.user)}&item=${encodeURIComponent(item)}`, signal);
  const chooser = h("label", null, t("item"), " ", h("select", { onchange: (e) => go({ item: e.target.value }) }, items.map((name) => h("option", { value: name, selected: name === item }, name))));
  if (!answer.value) return [h("div", { class: "card" }, h("h3", null, t("forecast.title")), chooser, missing(answer.error))];
  return [h("div", { class: "w6" }, chooser, forecastPlot(answer.value, "w6", { title: t("forecast.of", { what: item }) }))];
}

/** History and forecast with its interval; also used for the shop and its categories. */
export function forecastPlot(answer, span, { title }) {
  const rows = [...answer.history.slice(-60).map((p) => ({ day: p.day, quantity: p.quantity })), ...answer.forecast.map((p) => ({ day: p.day, forecast: p.quantity, low: p.low, high: p.high }))];
  const lead = t("forecast.lead", { method: t(`method.${answer.chosen}`), peak: answer.peak ? `${format.day(answer.peak.day)} (${format.decimal(answer.peak.quantity)})` : "–", coverage: format.percent(answer.coverage) });
  return lines({ title, lead, file: "forecast", span, x: "day", xType: "day", footType: "dayShort", xLabel: t("day"), type: "decimal", rows,
    series: [{ key: "quantity", label: t("forecast.sold") }, { key: "forecast", label: t("forecast.expected"), low: "low", high: "high" }] });
}

function timeline(user, triggers) {
  const marks = [
    ...(triggers.value?.triggers ?? []).map((one) => ({ at: one.at ?? null, seq: one.seq, what: format.words(one.type), more: one.group && one.group !== "treated" ? t(`group.${one.group}`) : null, kind: "warn" })),
    ...(user.recent_purchases ?? []).map((p) => ({ at: p.at, what: t("customers.bought", { value: format.money(p.value) }), more: p.items.map((i) => i.item_id).join(", "), kind: "" })),
    ...(user.recent_events ?? []).map((e) => ({ at: e.at, what: format.words(e.name), kind: "plain" })),
    { at: user.first_seen, what: t("customers.firstseen"), kind: "plain" }, { at: user.last_seen, what: t("customers.lastseen"), kind: "plain" },
  ].filter((mark) => mark.at).sort((a, b) => (a.at < b.at ? 1 : -1));
  return h("div", { class: "card" }, h("h3", null, t("customers.timeline")), h("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": t("customers.timeline") }, h("ul", { class: "stream" }, marks.slice(0, 200).map((mark) =>
    h("li", null, h("span", { class: "when" }, format.time(mark.at)), h("div", null, h("span", { class: `tag ${mark.kind}` }, mark.what), mark.more ? h("span", { class: "why" }, ` ${mark.more}`) : null))))));
}

function purchases(user) {
  const rows = (user.recent_purchases ?? []).flatMap((p) => (p.items.length ? p.items : [{}]).map((item) => ({ at: p.at, value: p.value, ...item })));
  return h("div", { class: "card" }, h("h3", null, t("customers.purchases")), rows.length ? table(t("customers.purchases"), [
    { key: "at", label: t("time"), type: "time" }, { key: "item_id", label: t("item"), cell: (r) => (r.item_name ? `${r.item_name} (${r.item_id})` : format.text(r.item_id)) }, { key: "item_category", label: t("category"), type: "words" }, { key: "quantity", label: t("quantity"), type: "count" },
    { key: "price", label: t("price"), type: "money" }, { key: "value", label: t("customers.order"), type: "money" }], rows, true) : empty(t("nothing"), t("customers.nopurchases")));
}

function features(user) {
  const { sessions, rfm, coupon, rolling, purchase } = user;
  const window = Object.entries(rolling ?? {}).map(([name, w]) => [t("customers.window", { name: format.days(Number.parseInt(name, 10)) }), t("customers.windowmore", { events: format.count(w.events), purchases: format.count(w.purchases), revenue: format.money(w.revenue) })]);
  return h("div", { class: "card" }, h("h3", null, t("customers.features")), pairs([
    ...Object.entries(user.main ?? {}).map(([k, v]) => [t("customers.main", { what: t(k) }), v]), ...Object.entries(user.profile ?? {}).map(([k, v]) => [format.words(k), v]),
    [t("events"), `${format.count(user.event_total)}: ${Object.entries(user.events).map(([k, n]) => `${format.words(k)} ${format.count(n)}`).join(", ")}`],
    [t("sessions"), sessions ? t("customers.sessions", { n: format.count(sessions.short.count), mean: format.span(sessions.short.mean_s) }) : null],
    [t("customers.interval"), purchase?.interval_mean_d ? format.days(purchase.interval_mean_d) : null],
    ["RFM", rfm ? t("customers.rfm", { recency: format.count(rfm.recency_d), frequency: format.count(rfm.frequency), value: format.money(rfm.monetary_value) }) : null],
    ...window, [t("coupons"), coupon ? t("customers.coupons", { used: coupon.used, not: coupon.not_used, clicked: coupon.clicked }) : null],
    ...Object.entries(user.amount_by ?? {}).map(([k, amounts]) => [t("customers.amount", { what: t(k) }), Object.entries(amounts).sort((a, b) => b[1] - a[1]).slice(0, 8).map(([name, v]) => `${name} ${format.money(v)}`).join(", ")]),
  ]));
}

function recommendations(user) {
  const rows = user.recommendations ?? [];
  return h("div", { class: "card" }, h("h3", null, t("customers.recommendations")), rows.length ? table(t("customers.recommendations"), [
    { key: "item_id", label: t("item") }, { key: "score", label: t("score"), type: "decimal" }, { key: "by", label: t("customers.by"), type: "words" }], rows, true) : empty(t("nothing"), t("customers.norecommendations")),
    user.recommended_categories?.length ? h("p", { class: "lead" }, t("customers.categories", { names: user.recommended_categories.map((c) => c.category).join(", ") })) : null);
}

function memberships(user) {
  const entries = Object.entries(user.segments ?? {}).map(([name, m]) => [format.words(name), `${format.words(m.name)}${m.target ? ` → ${format.words(m.target.name)}` : ""}`]);
  return h("div", { class: "card" }, h("h3", null, t("customers.segments")), pairs([
    [t("customers.nowin"), user.segment ? format.words(user.segment.name) : "–"], ...entries, [t("customers.tier"), user.tier ? `${user.tier.name} (${format.decimal(user.tier.score)})` : null],
    [t("customers.besttier"), user.tier_best], [t("grade"), user.grade], [t("customers.atpurchase"), user.segment_at_last_purchase ? format.words(user.segment_at_last_purchase) : null]]));
}

function decided(decisions) {
  const card = h("div", { class: "card" }, h("h3", null, t("customers.decisions")));
  const rows = decisions.value?.decisions ?? [];
  if (!decisions.value) card.append(missing(decisions.error));
  else if (!rows.length) card.append(empty(t("nothing"), t("customers.nodecisions")));
  else card.append(table(t("customers.decisions"), [{ key: "at", label: t("time"), type: "time" }, { key: "rule", label: t("rule"), type: "words" }, { key: "decision", label: t("customers.outcome"), type: "words" }, { key: "due", label: t("campaigns.due"), type: "time" }], rows, true));
  return card;
}
