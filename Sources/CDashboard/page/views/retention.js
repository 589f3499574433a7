// Retention: who comes back, when, and what explains a change in sales.

import { attempt } from "../api.js";
import { h } from "../dom.js";
import * as format from "../format.js";
import { bars, heat, lines } from "../plots.js";
import { missing, pairs } from "../table.js";
import { t } from "../text.js";

const measures = { retention: "percent", revenue: "short", cumulative_per_buyer: "short" };

export async function show(page, { signal, parameters, go }) {
  const measure = measures[parameters.get("show")] ? parameters.get("show") : "retention";
  page.querySelector(".heading .tools").append(h("label", null, t("retention.show"), " ",
    h("select", { onchange: (e) => go({ show: e.target.value }) }, Object.keys(measures).map((name) => h("option", { value: name, selected: name === measure }, t(`retention.${name}`))))));
  const box = h("div", { class: "grid" });
  page.append(box);
  const [cohorts, seasonality, sales] = await Promise.all([attempt("v1/analytics/cohorts", signal), attempt("v1/analytics/seasonality", signal), attempt("v1/analytics/sales", signal)]);
  const or = (answer, title, make) => box.append(...(answer.value ? make(answer.value) : [h("div", { class: "card" }, h("h3", null, title), missing(answer.error))]));
  or(cohorts, t("retention.cohorts"), (value) => [triangle(value, measure)]);
  or(seasonality, t("retention.seasonality"), seasons);
  or(sales, t("retention.sales"), salesPlots);
}

function triangle({ cohorts }, measure) {
  const most = Math.max(0, ...cohorts.flatMap((c) => c.months.map((m) => m.offset)));
  const at = cohorts.map((c) => new Map(c.months.map((m) => [m.offset, m[measure]])));
  const across = Array.from({ length: most + 1 }, (_, i) => i).filter((i) => measure !== "retention" || i > 0);
  return heat({ title: t("retention.cohorts"), lead: t(`retention.${measure}more`), file: `cohorts-${measure}`, type: measures[measure], valueLabel: t(`retention.${measure}`),
    down: cohorts.map((c) => `${format.month(c.cohort)} · ${format.count(c.size)}`), downLabel: t("retention.cohort"), across, acrossType: "count", acrossLabel: t("retention.offset"), cellHeight: 30, value: (i, j) => at[i].get(across[j]) ?? null });
}

function seasons({ hours, months }) {
  const cell = new Map(hours.map((one) => [`${one.weekday}/${one.hour}`, one]));
  const shared = { down: [1, 2, 3, 4, 5, 6, 7], downType: "weekday", downLabel: t("weekday"), across: Array.from({ length: 24 }, (_, i) => i), acrossType: "count", acrossLabel: t("hour"), span: "w6", type: "short" };
  return [
    heat({ ...shared, title: t("retention.hours"), lead: t("retention.hoursmore"), file: "hours-events", valueLabel: t("events"), value: (i, j) => cell.get(`${i + 1}/${j}`)?.events ?? 0 }),
    heat({ ...shared, title: t("retention.hourspurchases"), lead: t("retention.hoursmore"), file: "hours-purchases", valueLabel: t("purchases"), value: (i, j) => cell.get(`${i + 1}/${j}`)?.purchases ?? 0 }),
    bars({ title: t("retention.months"), file: "months", span: "w6", rows: months, name: "month", nameType: "month", value: "revenue", type: "money",
      columns: [{ key: "month", label: t("month"), type: "month" }, { key: "revenue", label: t("revenue"), type: "money" }, { key: "purchases", label: t("purchases"), type: "count" }, { key: "visits", label: t("visits"), type: "count" }, { key: "events", label: t("events"), type: "count" }] }),
  ];
}

function salesPlots({ weekly, monthly, decline, months_compared: compared }) {
  const columns = [{ key: "from", label: t("from"), type: "day" }, { key: "visits", label: t("visits"), type: "count" }, { key: "sign_ups", label: t("retention.signups"), type: "count" }, { key: "first_purchases", label: t("retention.first"), type: "count" },
    { key: "transactions", label: t("purchases"), type: "count" }, { key: "revenue", label: t("revenue"), type: "money" }, { key: "mean_value", label: t("ordervalue"), type: "money" }, { key: "conversion", label: t("conversion"), type: "percent" }];
  const odd = weekly.filter((w) => w.unusual);
  const shared = { x: "from", xType: "day", footType: "dayShort", xLabel: t("from"), span: "w6" };
  const parts = [
    lines({ ...shared, title: t("retention.weekly"), lead: odd.length ? t("retention.odd", { weeks: odd.slice(-6).map((w) => format.dayShort(w.from)).join(", ") }) : t("retention.noodd"), file: "weekly-sales", type: "money", rows: weekly, series: [{ key: "revenue", label: t("revenue") }], columns: [...columns, { key: "score", label: t("retention.score"), type: "signed" }] }),
    lines({ ...shared, title: t("retention.newold"), file: "new-returning", type: "money", rows: monthly, xType: "month", footType: "month", series: [{ key: "returning_revenue", label: t("retention.returning") }, { key: "new_revenue", label: t("retention.new") }],
      columns: [...columns, { key: "new_revenue", label: t("retention.new"), type: "money" }, { key: "returning_revenue", label: t("retention.returning"), type: "money" }] }),
  ];
  const change = decline ?? compared;
  if (change) parts.push(...decomposition(change));
  return parts;
}

function decomposition(change) {
  const rows = (parts) => Object.entries(parts).filter(([, v]) => typeof v === "number").map(([name, value]) => ({ name, value }));
  const shared = { type: "signed", value: "value", valueLabel: t("retention.change"), span: "w6" };
  return [
    bars({ ...shared, title: t("retention.by"), lead: change.says ? t(`says.${change.says.code}`, { percent: format.percent(change.says.percent / 100), factor: format.words(change.says.factor), share: format.percent(change.says.share / 100) }) : change.sentence, file: "sales-change", rows: rows(change.by) }),
    bars({ ...shared, title: t("retention.bybuyers"), lead: t("retention.compared", { a: format.day(change.from.from), b: format.day(change.to.from) }), file: "sales-change-buyers", rows: rows(change.by_buyers) }),
    h("div", { class: "card w6" }, h("h3", null, t("retention.periods")), pairs([[t("retention.before"), money(change.from)], [t("retention.after"), money(change.to)], [t("retention.change"), format.signed(change.change)]])),
  ];
}
const money = (period) => `${format.day(period.from)} – ${format.day(period.to)}: ${format.money(period.revenue)}`;
