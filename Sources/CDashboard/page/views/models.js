// Models: what each was fitted on, how it does, why the last candidate was taken or not.

import { attempt, post } from "../api.js";
import { announce, h } from "../dom.js";
import * as format from "../format.js";
import { bars, lines } from "../plots.js";
import { empty, missing, pairs, table } from "../table.js";
import { reason, t } from "../text.js";

export async function show(page, { signal, path, reload }) {
  const answer = await attempt("v1/models", signal);
  if (!answer.value) { page.append(h("div", { class: "card" }, missing(answer.error))); return; }
  const models = answer.value.models;
  if (!models.length) { page.append(h("div", { class: "card" }, empty(t("models.none"), t("models.nonemore")))); return; }
  page.append(h("div", { class: "card" }, table(t("models.all"), [
    { key: "name", label: t("model"), cell: (m) => h("a", { href: `#/models/${encodeURIComponent(m.name)}`, "aria-current": m.name === path ? "true" : null }, format.words(m.name)) },
    { key: "version", label: t("version"), type: "count" }, { key: "adopted", label: t("verdict"), cell: (m) => verdict(m.adopted) },
    { key: "reason", label: t("why"), cell: (m) => format.text(reason(m.reason)) }, { key: "users", label: t("models.data"), type: "count", cell: (m) => format.count(m.data.users) },
    { key: "fitted_at", label: t("models.fitted"), type: "time" }, { key: "seconds", label: t("models.seconds"), type: "decimal" }], models, true)));
  const chosen = path || models[0].name;
  const one = await attempt(`v1/models/${encodeURIComponent(chosen)}`, signal);
  if (!one.value) { page.append(h("div", { class: "card" }, missing(one.error))); return; }
  detail(page, one.value, reload);
}

const verdict = (adopted) => h("span", { class: `tag ${adopted ? "" : "warn"}` }, t(adopted ? "adopted" : "refused"));

function detail(page, model, reload) {
  const button = h("button", { type: "button", class: "button primary", onclick: () => refit(button, model.name, said, reload) }, t("models.refit"));
  const said = h("p", { class: "lead", role: "status" });
  page.append(h("section", null,
    h("div", { class: "heading" }, h("div", null, h("h2", null, format.words(model.name)), h("p", { class: "lead" }, t(`model.${model.name}`))), h("div", { class: "tools" }, button)), said,
    h("div", { class: "grid" }, ...facts(model), ...curves(model), ...figures(model), history(model))));
}

async function refit(button, name, said, reload) {
  button.disabled = true;
  said.textContent = t("models.fitting");
  try {
    const answer = await post(`v1/models/${encodeURIComponent(name)}/refit`);
    said.textContent = `${name}@${answer.version}: ${t(answer.adopted ? "adopted" : "refused")}, ${reason(answer.reason)}`;
    announce(said.textContent);
    await reload(said.textContent);
  } catch (error) {
    said.textContent = error.message;
    announce(error.message);
  }
  button.disabled = false;
}

function facts(model) {
  const plain = Object.entries(model.parameters ?? {}).filter(([, v]) => ["number", "string", "boolean"].includes(typeof v));
  return [
    h("div", { class: "card w6" }, h("h3", null, t("models.verdict")), pairs([
      [t("version"), `${model.name}@${model.version}`], [t("verdict"), t(model.adopted ? "adopted" : "refused")], [t("why"), reason(model.reason)],
      [t("models.data"), t("models.datamore", { n: format.count(model.data.users), from: format.day(model.data.from), to: format.day(model.data.to) })],
      [t("models.fitted"), format.time(model.fitted_at)], [t("models.seconds"), format.decimal(model.seconds)]])),
    h("div", { class: "card w6" }, h("h3", null, t("models.parameters")), plain.length ? pairs(plain.map(([k, v]) => [format.words(k), typeof v === "number" ? format.decimal(v) : String(v)])) : empty(t("nothing"))),
  ];
}

/** Reliability, lift, expectation against what came, importance, drift: each where the model has it. */
function curves({ metrics = {}, parameters = {} }) {
  const out = [];
  if (Array.isArray(metrics.roc)) {
    const rows = metrics.roc.map((p) => (Array.isArray(p) ? { x: p[0], y: p[1] } : { x: p.false_positive_rate ?? p.x, y: p.true_positive_rate ?? p.y }));
    out.push(lines({ title: t("models.roc"), lead: t("models.rocmore", { auc: format.decimal(metrics.roc_auc) }), file: "roc", span: "w6", x: "x", numericX: true, xType: "percent", xLabel: t("models.fpr"), series: [{ key: "y", label: t("models.tpr") }], type: "percent", top: 1, diagonal: true, rows }));
  }
  if (Array.isArray(metrics.reliability)) {
    out.push(lines({ title: t("models.reliability"), lead: t("models.reliabilitymore"), file: "reliability", span: "w6", x: "predicted", numericX: true, xType: "percent", xLabel: t("models.predicted"), type: "percent",
      series: [{ key: "observed", label: t("models.observed") }], top: 1, diagonal: true, rows: metrics.reliability.filter((b) => b.predicted !== null),
      columns: [{ key: "from", label: t("from"), type: "percent" }, { key: "to", label: t("to"), type: "percent" }, { key: "rows", label: t("models.rows"), type: "count" }, { key: "predicted", label: t("models.predicted"), type: "percent" }, { key: "observed", label: t("models.observed"), type: "percent" }] }));
  }
  if (Array.isArray(metrics.lift_by_decile)) {
    out.push(bars({ title: t("models.lift"), lead: t("models.liftmore"), file: "lift", span: "w6", type: "decimal", name: "decile", nameType: "count", nameLabel: t("models.decile"), value: "lift", valueLabel: t("models.liftname"), rows: metrics.lift_by_decile.map((lift, i) => ({ decile: i + 1, lift })) }));
  }
  if (Array.isArray(metrics.by_frequency)) {
    out.push(lines({ title: t("models.expected"), lead: t("models.expectedmore"), file: "actual-expected", span: "w6", x: "frequency", xLabel: t("models.frequency"), type: "decimal", series: [{ key: "actual", label: t("models.actual") }, { key: "expected", label: t("models.expectedname"), dashed: true }], rows: metrics.by_frequency }));
  }
  const gains = Object.entries(parameters.features ?? {}).filter(([, v]) => v?.gain_share !== undefined).map(([name, v]) => ({ name, gain: v.gain_share })).sort((a, b) => b.gain - a.gain).slice(0, 14);
  if (gains.length) out.push(bars({ title: t("models.importance"), lead: t("models.importancemore"), file: "importance", span: "w6", rows: gains, value: "gain", valueLabel: t("share"), type: "percent" }));
  const odds = Object.entries(parameters.drivers ?? {}).map(([name, v]) => ({ name, coefficient: v.coefficient, odds: v.odds_ratio, low: v.odds_ratio_95?.[0], high: v.odds_ratio_95?.[1], z: v.z }));
  if (odds.length) {
    out.push(bars({ title: t("models.odds"), lead: t("models.oddsmore"), file: "odds-ratios", span: "w6", rows: odds.sort((a, b) => b.odds - a.odds), value: "odds", low: "low", high: "high", type: "decimal",
      columns: [{ key: "name", label: t("feature"), type: "words" }, { key: "odds", label: t("models.oddsname"), type: "decimal" }, { key: "low", label: t("low"), type: "decimal" }, { key: "high", label: t("high"), type: "decimal" }, { key: "z", label: "z", type: "decimal" }] }));
  }
  const drift = Object.entries(metrics.input_drift ?? parameters.input_drift ?? {}).map(([name, index]) => ({ name, index }));
  if (drift.length) out.push(bars({ title: t("models.drift"), lead: t("models.driftmore"), file: "drift", span: "w6", rows: drift, value: "index", valueLabel: "PSI", type: "decimal" }));
  return out;
}

/** Every number of the metrics and the baseline, flattened, side by side where both have it. */
function figures({ metrics, baseline }) {
  const rows = new Map();
  const put = (side, object, prefix) => {
    for (const [name, value] of Object.entries(object ?? {})) {
      const key = prefix ? `${prefix} · ${name}` : name;
      if (typeof value === "number") rows.set(key, { ...(rows.get(key) ?? { name: key }), [side]: value });
      else if (value && typeof value === "object" && !Array.isArray(value)) put(side, value, key);
    }
  };
  put("metrics", metrics, "");
  put("baseline", baseline, "");
  const columns = [{ key: "name", label: t("models.figure"), type: "words" }, { key: "metrics", label: t("models.here"), type: "decimal" }, { key: "baseline", label: t("models.baseline"), type: "decimal" }];
  return [h("div", { class: "card w6" }, h("h3", null, t("models.metrics")), rows.size ? table(t("models.metrics"), columns, [...rows.values()], true) : empty(t("nothing")))];
}

const history = ({ history: candidates }) => h("div", { class: "card w6" }, h("h3", null, t("models.history")), candidates?.length ? table(t("models.history"), [
  { key: "version", label: t("version"), type: "count" }, { key: "adopted", label: t("verdict"), cell: (m) => verdict(m.adopted) }, { key: "reason", label: t("why"), cell: (m) => format.text(reason(m.reason)) },
  { key: "fitted_at", label: t("models.fitted"), type: "time" }, { key: "seconds", label: t("models.seconds"), type: "decimal" }], candidates, true) : empty(t("nothing")));
