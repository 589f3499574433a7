// Acquisition: where buyers come from, and where the others are lost.

import { attempt } from "../api.js";
import { h } from "../dom.js";
import * as format from "../format.js";
import { bars, flow } from "../plots.js";
import { empty, missing, pairs, table } from "../table.js";
import { t } from "../text.js";

const dimensions = ["media", "device", "type", "channel", "payment_method", "gender", "age_band", "region"];

export async function show(page, { signal, parameters, go }) {
  const by = parameters.get("by") ?? "media";
  page.querySelector(".heading .tools").append(h("label", null, t("acquisition.by"), " ",
    h("select", { onchange: (e) => go({ by: e.target.value }) }, dimensions.map((name) => h("option", { value: name, selected: name === by }, t(name))))));
  const box = h("div", { class: "grid" });
  page.append(box);
  const [answer, people, funnel, paths] = await Promise.all([attempt(`v1/analytics/${encodeURIComponent(by)}`, signal), attempt("v1/analytics/age_gender", signal), attempt(`v1/analytics/funnel?by=${encodeURIComponent(by)}`, signal), attempt("v1/analytics/paths", signal)]);
  if (answer.value) box.append(...conversion(answer.value, by));
  else box.append(h("div", { class: "card" }, h("h3", null, t("acquisition.conversion", { what: t(by) })), missing(answer.error)));
  if (funnel.value) box.append(...funnels(funnel.value, by));
  else box.append(h("div", { class: "card" }, h("h3", null, t("acquisition.funnel")), missing(funnel.error)));
  box.append(await crossing(by, { signal, parameters, go }));
  box.append(...pathsOf(paths));
  if (people.value) box.append(...ageGender(people.value));
}

function conversion(answer, by) {
  const columns = [
    { key: "value", label: t(by) }, { key: "rate", label: t("conversion"), type: "percent" }, { key: "rate_low", label: t("low"), type: "percent" }, { key: "rate_high", label: t("high"), type: "percent" },
    { key: "users", label: t("users"), type: "count" }, { key: "converted", label: t("buyers"), type: "count" }, { key: "purchases", label: t("purchases"), type: "count" }, { key: "revenue", label: t("revenue"), type: "money" },
    { key: "order_value", label: t("ordervalue"), type: "money" }, { key: "revenue_per_user", label: t("acquisition.peruser"), type: "money" }, { key: "group", label: t("group") }];
  const parts = [
    bars({ title: t("acquisition.conversion", { what: t(by) }), lead: t("acquisition.conversionmore", { n: format.count(answer.users), without: format.count(answer.without) }), file: `conversion-${by}`, span: "w7",
      rows: answer.values.slice(0, 20), name: "value", nameType: "text", value: "rate", low: "rate_low", high: "rate_high", type: "percent", columns }),
    tests(answer.tests, by),
    h("div", { class: "card" }, h("h3", null, t("acquisition.figures")), table(t("acquisition.figures"), columns, answer.values, true)),
  ];
  if (answer.families?.length) {
    parts.push(bars({ title: t("acquisition.families"), lead: t("acquisition.familiesmore", { names: answer.families.filter((f) => f.reevaluate).map((f) => format.words(f.family)).join(", ") || t("now.none") }), file: "media-families", span: "w6",
      rows: answer.families, name: "family", value: "rate", low: "rate_low", high: "rate_high", type: "percent",
      columns: [{ key: "family", label: t("acquisition.family"), type: "words" }, ...columns.slice(1, 6), { key: "reevaluate", label: t("acquisition.reevaluate") }] }));
  }
  if (answer.groups?.length) {
    parts.push(h("div", { class: "card w6" }, h("h3", null, t("acquisition.groups")), table(t("acquisition.groups"), [
      { key: "group", label: t("group") }, { key: "values", label: t("acquisition.values"), type: "count" }, { key: "users", label: t("users"), type: "count" }, { key: "converted", label: t("buyers"), type: "count" }, { key: "rate", label: t("conversion"), type: "percent" }], answer.groups, true)));
  }
  return parts;
}

function tests(all, by) {
  const card = h("div", { class: "card w5" }, h("h3", null, t("acquisition.tests")));
  if (!all?.chi_square) { card.append(empty(t("nothing"), t("acquisition.notests"))); return card; }
  const { chi_square: chi, stratified, pairs: compared } = all;
  card.append(h("p", { class: "lead" }, t("acquisition.testsmore")), pairs([
    [t("acquisition.chi"), `χ² ${format.decimal(chi.statistic)}, ${chi.dof} df, p ${probability(chi)}${chi.yates ? `, ${t("acquisition.yates")}` : ""}`],
    [t("acquisition.cramer"), format.decimal(chi.cramers_v)],
    stratified ? [t("acquisition.stratified", { by: t(stratified.by) }), t("acquisition.stratifiedmore", { a: stratified.a, b: stratified.b, odds: format.decimal(stratified.odds_ratio), low: format.decimal(stratified.low), high: format.decimal(stratified.high), p: format.p(stratified.p), n: stratified.strata })] : [null, null],
  ]));
  if (compared?.length) {
    card.append(table(t("acquisition.pairs"), [{ key: "a", label: t(by), cell: (r) => `${r.a} – ${r.b}` }, { key: "difference", label: t("acquisition.difference"), type: "percent" }, { key: "low", label: t("low"), type: "percent" }, { key: "high", label: t("high"), type: "percent" }, { key: "p_holm", label: "p (Holm)", type: "p" }, { key: "welch_t", label: "Welch t", type: "decimal" }], compared));
  }
  return card;
}

const raised = (n) => [...String(n)].map((c) => "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"["-0123456789".indexOf(c)]).join("");

/** Where p is too small for a number, its power of ten. */
const probability = (chi) => (chi.p > 1e-12 || chi.log10_p === undefined || chi.log10_p === null ? format.p(chi.p) : `≈ 10${raised(Math.round(chi.log10_p))}`);

function funnels(answer, by) {
  const rows = (one) => answer.steps.map((step, i) => ({ step, journeys: one.journeys[i], share: one.rates_from_first[i], previous: one.rates_from_previous[i] }));
  const columns = [{ key: "step", label: t("acquisition.step"), type: "words" }, { key: "journeys", label: t("acquisition.journeys"), type: "count" }, { key: "share", label: t("acquisition.fromfirst"), type: "percent" }, { key: "previous", label: t("acquisition.fromprevious"), type: "percent" }];
  const parts = [["all", "w6"], ["never_bought", "w6"]].filter(([name]) => answer[name]?.journeys).map(([name, span]) => bars({
    title: t(`funnel.${name}`), lead: t("acquisition.funnelmore", { window: format.span(answer.window_s) }), file: `funnel-${name}`, span, rows: rows(answer[name]), name: "step", value: "journeys", columns, rowHeight: 34 }));
  if (answer.values?.length) {
    parts.push(h("div", { class: "card" }, h("h3", null, t("acquisition.funnelby", { what: t(by) })), table(t("acquisition.funnelby", { what: t(by) }), [
      { key: "value", label: t(by) }, ...answer.steps.map((step, i) => ({ key: step, label: format.words(step), type: "count", cell: (r) => `${format.count(r.journeys[i])}${i ? ` (${format.percent(r.rates_from_first[i])})` : ""}` }))], answer.values.slice(0, 40), true)));
  }
  return parts;
}

const groupings = [...dimensions, "segment", "value", "payments", "tier", "grade", "rfm_cell"];

/** Any two groupings against each other: who is in both, and how many of them buy. */
async function crossing(by, { signal, parameters, go }) {
  const other = parameters.get("with") ?? "segment";
  const options = groupings.filter((name) => name !== by);
  const chooser = h("label", null, t("acquisition.with"), " ", h("select", { onchange: (e) => go({ with: e.target.value }) },
    options.map((name) => h("option", { value: name, selected: name === other }, t(name)))));
  const answer = other === by ? { error: null } : await attempt(`v1/analytics/crossing?by=${encodeURIComponent(by)}&with=${encodeURIComponent(other)}&limit=400`, signal);
  const card = h("div", { class: "card" }, h("h3", null, t("acquisition.crossing")), h("div", { class: "tools" }, chooser));
  if (!answer.value) { if (answer.error) card.append(missing(answer.error)); return card; }
  const { rows, test, exact, sampled, users } = answer.value;
  const named = (name) => (name === null ? t("acquisition.unknown") : other === "segment" || by === "segment" ? format.words(name) : name);
  card.append(h("p", { class: "lead" }, exact ? t("acquisition.crossingmore") : t("acquisition.crossingsample", { n: format.count(sampled), all: format.count(users) }),
    test ? ` ${t("acquisition.crossingtest", { chi: format.decimal(test.statistic), dof: test.dof, p: probability(test), v: format.decimal(test.cramers_v) })}` : ""));
  card.append(rows.length ? table(t("acquisition.crossing"), [
    { key: "by", label: t(by), cell: (r) => named(r.by) }, { key: "with", label: t(other), cell: (r) => named(r.with) },
    { key: "users", label: t("users"), type: "count" }, { key: "share_of_by", label: t("share"), type: "percent" }, { key: "lift", label: t("acquisition.lift"), type: "decimal" },
    { key: "rate", label: t("conversion"), type: "percent" }, { key: "rate_low", label: t("low"), type: "percent" }, { key: "rate_high", label: t("high"), type: "percent" },
    { key: "revenue", label: t("revenue"), type: "money" }, { key: "order_value", label: t("ordervalue"), type: "money" }], rows.slice(0, 60), true) : empty(t("nothing")));
  return card;
}

function pathsOf(paths) {
  if (!paths.value) return [h("div", { class: "card" }, h("h3", null, t("acquisition.paths")), missing(paths.error))];
  const { flows, begins, ends } = paths.value;
  const ends2 = (rows, title, file) => bars({ title: t(title), file, span: "w6", rows: rows.slice(0, 12), name: "event", value: "share", type: "percent",
    columns: [{ key: "event", label: t("event"), type: "words" }, { key: "share", label: t("share"), type: "percent" }, { key: "count", label: t("sessions"), type: "count" }] });
  return [
    flow({ title: t("acquisition.paths"), lead: t("acquisition.pathsmore"), file: "paths", rows: flows.slice(0, 30).map((f) => ({ from: f.from, to: f.to, users: f.count })), amount: t("acquisition.steps") }),
    ends2(begins, "acquisition.begins", "sessions-begin"), ends2(ends, "acquisition.ends", "sessions-end"),
  ];
}

const ageGender = ({ groups }) => (groups.length ? [bars({ title: t("acquisition.agegender"), file: "age-gender", rows: groups.map((g) => ({ ...g, name: `${g.gender ?? "–"} ${g.age ?? "–"}` })), nameType: "text", value: "rate", low: "rate_low", high: "rate_high", type: "percent",
  columns: [{ key: "name", label: t("acquisition.agegender") }, { key: "rate", label: t("conversion"), type: "percent" }, { key: "rate_low", label: t("low"), type: "percent" }, { key: "rate_high", label: t("high"), type: "percent" }, { key: "visits", label: t("visits"), type: "count" },
    { key: "users", label: t("users"), type: "count" }, { key: "order_value", label: t("ordervalue"), type: "money" }, { key: "revenue", label: t("revenue"), type: "money" }] })] : []);
