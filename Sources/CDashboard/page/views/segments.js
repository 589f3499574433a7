// Segments: how large, what sets them apart, what they are worth, who moves.

import { attempt } from "../api.js";
import { h } from "../dom.js";
import * as format from "../format.js";
import { bars, flow, heat, histogram, lines } from "../plots.js";
import { empty, missing, table } from "../table.js";
import { t } from "../text.js";

export async function show(page, { signal, parameters, go, onLive }) {
  const models = await attempt("v1/models", signal);
  const names = (models.value?.models ?? []).filter((m) => m.parameters?.centroids || m.parameters?.inertia_by_k).map((m) => m.name);
  const by = parameters.get("by") ?? "segments";
  if (names.length > 1) {
    page.querySelector(".heading .tools").append(h("label", null, t("segments.by"), " ",
      h("select", { onchange: (e) => go({ by: e.target.value }) }, names.map((name) => h("option", { value: name, selected: name === by }, format.words(name))))));
  }
  const box = h("div", { class: "grid" });
  page.append(box);
  const answer = await attempt(by === "segments" ? "v1/segments" : `v1/segments?by=${encodeURIComponent(by)}`, signal);
  if (!answer.value) { box.append(h("div", { class: "card" }, missing(answer.error))); return; }
  if (!answer.value.segments.length) { box.append(h("div", { class: "card" }, empty(t("segments.none"), t("segments.nonemore")))); return; }
  const model = await attempt(`v1/models/${encodeURIComponent(by)}`, signal);
  const sizes = h("div", { class: "w5" });
  const fill = (view) => sizes.replaceChildren(sizePlot(view));
  fill(answer.value);
  onLive((name, data) => {
    if (name === "segments" && by === "segments" && data.segments) {
      const total = data.segments.reduce((n, s) => n + s.users, 0) || 1;
      const known = new Map(answer.value.segments.map((s) => [s.id, s]));
      fill({ segments: data.segments.map((s) => ({ ...known.get(s.id), ...s, share: s.users / total })) });
    }
  });
  box.append(sizes);
  const parametersOf = model.value?.parameters;
  if (parametersOf?.centroids) box.append(profile(parametersOf));
  box.append(h("div", { class: "card" }, h("h3", null, t("segments.means")), means(answer.value.segments)));
  for (const kind of ["tiers", "grades"]) {
    if (answer.value[kind]?.length) box.append(worth(kind, answer.value[kind]));
  }
  const personas = await attempt("v1/analytics/personas", signal);
  if (personas.value?.segments?.length) box.append(people(personas.value.segments));
  box.append(...(await moves(parametersOf, signal)));
  if (parametersOf) box.append(...curves(parametersOf));
  if (by === "segments") await distributions(box, { signal, parameters, go });
}

const sizePlot = ({ segments }) => bars({
  title: t("segments.size"), lead: t("segments.sizemore"), file: "segments", rows: segments, value: "users",
  columns: [{ key: "name", label: t("segment"), type: "words" }, { key: "users", label: t("users"), type: "count" }, { key: "share", label: t("share"), type: "percent" }, { key: "converted_rate", label: t("bought"), type: "percent" }],
});

/** Standardised centroids: a value of 1 is one standard deviation above everybody's mean. */
const profile = ({ features, names, centroids }) => heat({
  title: t("segments.profile"), lead: t("segments.profilemore"), file: "segment-profiles", span: "w7", type: "signed",
  across: features, acrossType: "words", acrossLabel: t("feature"), down: names, downType: "words", downLabel: t("segment"), valueLabel: t("segments.sd"),
  value: (i, j) => centroids[i][j], cellHeight: 34,
});

/** What sets the buyers of a segment apart, in the page's language. */
function persona({ traits, sentence }) {
  if (!traits) return sentence;
  const said = traits.filter((one) => one.p_holm < 0.05).map((one) => t(`persona.${one.trait}.${one.value ? "most" : one.share >= one.others ? "more" : "less"}`, {
    value: one.trait === "peak_season" ? format.monthNamed(one.value) : format.text(one.value), share: one.share === null ? t("now.none") : format.percent(one.share), others: one.others === null ? t("now.none") : format.percent(one.others) }));
  return said.length ? `${said.join("; ")}.` : t("persona.none");
}

const people = (rows) => h("div", { class: "card" }, h("h3", null, t("segments.personas")), h("p", { class: "lead" }, t("segments.personasmore")),
  h("ul", { class: "stream" }, rows.map((r) => h("li", null, h("strong", null, format.words(r.segment)), h("div", null, h("p", null, persona(r)),
    h("p", { class: "why" }, (r.traits ?? []).filter((one) => one.p_holm < 0.05).map((one) => `${format.words(one.trait)}${one.value ? ` ${one.value}` : ""}: ${format.percent(one.share)} / ${format.percent(one.others)}, ${t("segments.effect")} ${format.decimal(one.effect)}, p ${format.p(one.p_holm)}`).join(" · ")))))));

function means(segments) {
  const features = [...new Set(segments.flatMap((s) => Object.keys(s.centroid)))];
  const rows = segments.map((s) => ({ name: s.name, users: s.users, share: s.share, converted_rate: s.converted_rate, ...s.centroid }));
  return table(t("segments.means"), [{ key: "name", label: t("segment"), type: "words" }, { key: "users", label: t("users"), type: "count" }, { key: "share", label: t("share"), type: "percent" }, { key: "converted_rate", label: t("bought"), type: "percent" },
    ...features.map((f) => ({ key: f, label: format.words(f), type: "decimal" }))], rows, true);
}

const worth = (kind, rows) => bars({
  title: t(`segments.${kind}`), lead: t("segments.worth"), file: kind, span: "w6", rows, value: "revenue_share", type: "percent", nameType: "text",
  columns: [{ key: "name", label: t("name") }, { key: "users", label: t("users"), type: "count" }, { key: "share", label: t("segments.ofbuyers"), type: "percent" }, { key: "revenue_share", label: t("segments.ofrevenue"), type: "percent" }],
});

async function moves(parameters, signal) {
  const answer = await attempt("v1/analytics/transitions", signal);
  const rows = [];
  if (answer.value?.months?.length) {
    const last = answer.value.months.at(-1);
    rows.push(flow({ title: t("segments.moves", { month: format.month(last.month) }), lead: t("segments.movesmore"), file: "segment-moves", span: "w7", rows: last.moves, none: t("segments.nomoves") }));
    const months = (answer.value.segments ?? []).flatMap((s) => s.months.map((m) => ({ segment: s.segment, ...m })));
    rows.push(h("div", { class: "card w5" }, h("h3", null, t("segments.months")), months.length ? table(t("segments.months"), [
      { key: "segment", label: t("segment"), type: "words" }, { key: "month", label: t("month"), type: "month" }, { key: "revenue", label: t("revenue"), type: "money" },
      { key: "buyers", label: t("buyers"), type: "count" }, { key: "order_value", label: t("ordervalue"), type: "money" }, { key: "churn_rate", label: t("segments.churned"), type: "percent" }], months.reverse(), true) : empty(t("nothing"))));
  } else rows.push(h("div", { class: "card" }, h("h3", null, t("segments.months")), answer.value ? empty(t("nothing"), t("segments.nomoves")) : missing(answer.error)));
  return rows;
}

function curves({ inertia_by_k: inertia, silhouette_by_k: silhouette }) {
  const rows = (values) => Object.entries(values ?? {}).map(([k, value]) => ({ k: Number(k), value }));
  const shared = { x: "k", xType: "count", xLabel: t("segments.k"), span: "w6" };
  return [
    lines({ ...shared, title: t("segments.elbow"), lead: t("segments.elbowmore"), file: "elbow", series: [{ key: "value", label: t("segments.inertia") }], type: "count", rows: rows(inertia) }),
    lines({ ...shared, title: t("segments.silhouette"), lead: t("segments.silhouettemore"), file: "silhouette", series: [{ key: "value", label: t("segments.silhouettename") }], type: "decimal", top: 1, rows: rows(silhouette) }),
  ];
}

/** What the segmentation compares users by: each feature's distribution, raw and as it is transformed. */
async function distributions(box, { signal, parameters, go }) {
  const answer = await attempt("v1/analytics/overview?days=1", signal);
  const { features, transform } = answer.value?.features ?? {};
  if (!features?.length) return;
  const one = features.find((f) => f.name === parameters.get("feature")) ?? features[0];
  const number = (v) => (v === null || v === undefined ? "–" : format.decimal(v));
  const raw = one.histogram;
  const transformed = raw.map((r) => ({ from: r.from_transformed, to: r.to_transformed, count: r.count }));
  const lead = t("segments.featuremore", { mean: number(one.mean), sd: number(one.deviation), q1: number(one.q1), median: number(one.median), q3: number(one.q3), zero: format.count(one.zero) });
  box.append(h("div", { class: "w6" }, h("label", null, t("feature"), " ", h("select", { onchange: (e) => go({ feature: e.target.value }) }, features.map((f) => h("option", { value: f.name, selected: f === one }, format.words(f.name))))),
    histogram({ title: t("segments.raw", { what: format.words(one.name) }), lead, file: `feature-${one.name}`, rows: raw, none: t("segments.allzero") })),
  h("div", { class: "w6" }, histogram({ title: t("segments.transformed", { what: format.words(one.name), how: format.words(transform) }), lead: t("segments.transformedmore"), file: `feature-${one.name}-transformed`, rows: transformed, none: t("segments.allzero") })));
}
