// Products: who buys what, when, what goes together, what is recommended.

import { attempt } from "../api.js";
import { h } from "../dom.js";
import * as format from "../format.js";
import { bars, heat, lines, network } from "../plots.js";
import { empty, missing, table } from "../table.js";
import { t } from "../text.js";
import { forecastPlot } from "./customers.js";

export async function show(page, { signal, parameters, go }) {
  const box = h("div", { class: "grid" });
  page.append(box);
  const query = new URLSearchParams();
  if (parameters.get("segment")) query.set("segment", parameters.get("segment"));
  if (parameters.get("pairs")) query.set("by", parameters.get("pairs"));
  const rulesPath = `v1/analytics/rules${query.size ? `?${query}` : ""}`;
  const [categories, rules, coupons, grades, searches, promotions, segments] = await Promise.all([
    attempt("v1/analytics/categories", signal), attempt(rulesPath, signal), attempt("v1/analytics/coupons", signal), attempt("v1/analytics/grades", signal), attempt("v1/analytics/search", signal), attempt("v1/analytics/promotions", signal), attempt("v1/segments", signal)]);
  const or = (answer, title, make) => box.append(...(answer.value ? make(answer.value) : [h("div", { class: "card w6" }, h("h3", null, title), missing(answer.error))]));
  or(categories, t("products.categories"), categoryPlots);
  await forecasts(box, categories.value?.categories ?? [], { signal, parameters, go });
  or(rules, t("products.rules"), (value) => rulePlot(value, segments.value?.segments ?? [], parameters, go));
  or(grades, t("products.grades"), gradeTable);
  or(coupons, t("products.coupons"), couponPlots);
  or(promotions, t("products.promotions"), promotionPlots);
  or(searches, t("products.search"), searchTable);
}

function categoryPlots({ categories }) {
  const top = categories.slice(0, 20);
  const segments = [...new Set(top.flatMap((c) => c.segments.map((s) => s.segment)))];
  const months = [...new Set(top.flatMap((c) => c.months.map((m) => m.month)))].sort();
  const cell = (list, key, name, value) => list.find((one) => one[key] === name)?.[value] ?? null;
  const shared = { down: top.map((c) => c.category), downLabel: t("category"), type: "decimal" };
  return [
    heat({ ...shared, title: t("products.bysegment"), lead: t("products.bysegmentmore"), file: "category-segment", span: "w6", across: segments, acrossType: "words", acrossLabel: t("segment"), valueLabel: t("products.peruser"), value: (i, j) => cell(top[i].segments, "segment", segments[j], "quantity_per_user") }),
    heat({ ...shared, title: t("products.bymonth"), lead: t("products.bymonthmore"), file: "category-month", span: "w6", type: "short", across: months, acrossType: "month", acrossLabel: t("month"), valueLabel: t("quantity"), value: (i, j) => cell(top[i].months, "month", months[j], "quantity") }),
    bars({ title: t("products.categories"), lead: t("products.expensivemore", { names: categories.filter((c) => c.expensive).map((c) => c.category).join(", ") || t("now.none") }), file: "categories", span: "w6", rows: top, name: "category", nameType: "text", value: "revenue", type: "money",
      columns: [{ key: "category", label: t("category") }, { key: "revenue", label: t("revenue"), type: "money" }, { key: "share", label: t("share"), type: "percent" }, { key: "orders", label: t("purchases"), type: "count" }, { key: "quantity", label: t("quantity"), type: "count" }, { key: "mean_price", label: t("price"), type: "money" }, { key: "expensive", label: t("products.expensive") }] }),
  ];
}

async function forecasts(box, categories, { signal, parameters, go }) {
  const chosen = parameters.get("category");
  const answer = await attempt(chosen ? `v1/analytics/forecast?category=${encodeURIComponent(chosen)}` : "v1/analytics/forecast", signal);
  const chooser = categories.length ? h("label", null, t("category"), " ", h("select", { onchange: (e) => go({ category: e.target.value || null }) },
    h("option", { value: "" }, t("products.wholeshop")), categories.map((c) => h("option", { value: c.category, selected: c.category === chosen }, c.category)))) : null;
  if (!answer.value) { box.append(h("div", { class: "card w6" }, h("h3", null, t("forecast.title")), chooser, missing(answer.error))); return; }
  const title = t("forecast.of", { what: chosen ?? t("products.wholeshop") });
  box.append(h("div", { class: "w6" }, chooser, forecastPlot(answer.value, "w6", { title })));
  box.append(...forecastDetails(answer.value));
}

function forecastDetails(answer) {
  const parts = [h("div", { class: "card w6" }, h("h3", null, t("forecast.methods")), h("p", { class: "lead" }, t("forecast.methodsmore")), table(t("forecast.methods"), [
    { key: "method", label: t("forecast.method"), cell: (m) => t(`method.${m.method}`) }, { key: "mase", label: "MASE", type: "decimal" }, { key: "rmsse", label: "RMSSE", type: "decimal" }, { key: "mae", label: "MAE", type: "decimal" }, { key: "rmse", label: "RMSE", type: "decimal" },
    { key: "mape", label: "MAPE", type: "percent" }, { key: "coverage", label: t("forecast.coverage"), type: "percent" }], answer.methods, true))];
  const { decomposition, acf, pacf } = answer;
  if (decomposition) {
    const rows = answer.history.slice(-decomposition.trend.length).map((p, i) => ({ day: p.day, trend: decomposition.trend[i], seasonal: decomposition.seasonal[i], rest: decomposition.rest[i] }));
    parts.push(lines({ title: t("forecast.decomposition"), lead: stationary(answer.stationarity), file: "decomposition", span: "w6", x: "day", xType: "day", footType: "dayShort", xLabel: t("day"), type: "decimal", rows, series: ["trend", "seasonal", "rest"].map((key) => ({ key, label: t(`forecast.${key}`) })) }));
  }
  if (acf?.length) parts.push(lines({ title: t("forecast.acf"), lead: t("forecast.acfmore"), file: "autocorrelation", span: "w6", x: "lag", xType: "count", xLabel: t("forecast.lag"), type: "decimal", rows: acf.map((value, lag) => ({ lag, acf: value, pacf: pacf?.[lag] })), series: [{ key: "acf", label: "ACF" }, { key: "pacf", label: "PACF" }] }));
  return parts;
}
const stationary = (test) => (test ? t(test.stationary ? "forecast.stationary" : "forecast.notstationary", { test: test.test.toUpperCase(), statistic: format.decimal(test.statistic), p: format.p(test.p) }) : null);

function rulePlot(answer, segments, parameters, go) {
  const rows = (answer.pairs ?? []).slice(0, 50).map((r) => ({ from: r.items[0], to: r.items[1], lift: r.lift, support: r.support, baskets: r.baskets, forward: r.confidence[0], backward: r.confidence[1] }));
  const edges = rows.map((r) => ({ ...r, weight: r.lift, text: `${r.from} – ${r.to}\n${t("products.lift")} ${format.decimal(r.lift)}, ${t("products.baskets")} ${format.count(r.baskets)}` }));
  const choose = (name, label, options) => h("label", null, label, " ", h("select", { onchange: (e) => go({ [name]: e.target.value || null }) }, options.map(([value, text]) => h("option", { value, selected: value === (parameters.get(name) ?? "") }, text))));
  return [h("div", { class: "w6" },
    h("div", { class: "tools" }, choose("segment", t("segment"), [["", t("products.everybody")], ...segments.map((s) => [s.name, format.words(s.name)])]), choose("pairs", t("products.pairsof"), [["", t("item")], ["category", t("category")]])),
    network({ title: t("products.rules"), lead: t("products.rulesmore"), file: "rules", rows: edges, none: t("products.norules"), columns: [{ key: "from", label: t("products.if") }, { key: "to", label: t("products.then") }, { key: "lift", label: t("products.lift"), type: "decimal" }, { key: "support", label: t("products.support"), type: "percent" },
      { key: "baskets", label: t("products.baskets"), type: "count" }, { key: "forward", label: t("products.forward"), type: "percent" }, { key: "backward", label: t("products.backward"), type: "percent" }] })),
  recommended(answer.recommended?.overall)];
}

function recommended(overall) {
  const card = h("div", { class: "card w6" }, h("h3", null, t("products.recommended")));
  if (!overall) { card.append(empty(t("nothing"), t("products.norecommended"))); return card; }
  const list = (rows, title) => table(t(title), [{ key: "item_id", label: t("item") }, { key: "users", label: t("users"), type: "count" }], rows);
  card.append(h("p", { class: "lead" }, t("products.recommendedmore", { users: format.count(overall.users), items: format.count(overall.items), never: format.count(overall.never) })),
    h("div", { class: "two" }, list(overall.most, "products.most"), list(overall.hardly_ever, "products.least")));
  return card;
}

const gradeTable = ({ grades }) => [h("div", { class: "card w6" }, h("h3", null, t("products.grades")), grades.length ? table(t("products.grades"), [
  { key: "grade", label: t("grade") }, { key: "users", label: t("users"), type: "count" }, { key: "revenue_share", label: t("segments.ofrevenue"), type: "percent" },
  { key: "first", label: t("products.first"), cell: (g) => format.text(g.first?.category ?? g.first) }, { key: "second", label: t("products.second"), cell: (g) => format.text(g.second?.category ?? g.second) }], grades, true) : empty(t("nothing")))];

function couponPlots({ segments, months }) {
  const states = ["used", "not_used", "clicked"];
  return [
    bars({ title: t("products.coupons"), lead: t("products.couponsmore"), file: "coupons", span: "w6", rows: segments, name: "segment", value: "used_ratio", type: "percent",
      columns: [{ key: "segment", label: t("segment"), type: "words" }, { key: "used_ratio", label: t("products.usedratio"), type: "percent" }, ...states.map((key) => ({ key, label: t(`coupon.${key}`), type: "count" })), ...states.map((key) => ({ key: `${key}_mean`, label: t("products.mean", { what: t(`coupon.${key}`) }), type: "decimal" })), { key: "users", label: t("users"), type: "count" }] }),
    lines({ title: t("products.couponmonths"), file: "coupon-months", span: "w6", x: "month", xType: "month", xLabel: t("month"), rows: months ?? [], series: states.map((key) => ({ key, label: t(`coupon.${key}`) })) }),
  ];
}

const promotionPlots = ({ promotions }) => [bars({ title: t("products.promotions"), file: "promotions", span: "w6", rows: promotions.slice(0, 20), name: "promotion", nameType: "text", value: "revenue", type: "money",
  columns: [{ key: "promotion", label: t("products.promotion") }, { key: "revenue", label: t("revenue"), type: "money" }, { key: "uses", label: t("products.uses"), type: "count" }, { key: "discount", label: t("products.discount"), type: "money" }, { key: "new_buyers", label: t("retention.new"), type: "count" }, { key: "repeat_rate", label: t("products.repeat"), type: "percent" }] })];

const searchTable = ({ terms }) => [h("div", { class: "card w6" }, h("h3", null, t("products.search")), terms.length ? table(t("products.search"), [{ key: "term", label: t("products.term") }, { key: "count", label: t("products.times"), type: "count" }, { key: "share", label: t("share"), type: "percent" }], terms.slice(0, 50), true) : empty(t("nothing"), t("products.nosearch")))];
