// Campaigns: what is planned and why, what each rule brings, what was not sent.

import { attempt } from "../api.js";
import { h } from "../dom.js";
import * as format from "../format.js";
import { bars, lines } from "../plots.js";
import { empty, missing, pairs, table } from "../table.js";
import { t } from "../text.js";
import { userLink, whyText } from "./triggers.js";

export async function show(page, { signal }) {
  const box = h("div", { class: "grid" });
  page.append(box);
  const [uplift, status] = await Promise.all([attempt("v1/analytics/uplift", signal), attempt("v1/status", signal)]);
  const last = status.value?.outbox.last_seq ?? 0;
  const now = new Date(status.value?.clock.now ?? Date.now());
  const schedule = await attempt(`v1/schedule?to=${new Date(now.getTime() + 28 * 86_400_000).toISOString().slice(0, 10)}&limit=100`, signal);
  const triggers = await attempt(`v1/triggers?after=${Math.max(0, last - 5000)}&limit=5000`, signal);
  const or = (answer, title, make) => box.append(...(answer.value ? make(answer.value) : [h("div", { class: "card w6" }, h("h3", null, title), missing(answer.error))]));
  or(triggers, t("campaigns.rules"), sent);
  or(uplift, t("campaigns.uplift"), uplifts);
  or(schedule, t("campaigns.planned"), planned);
  if (status.value?.decisions) box.append(decisions(status.value.decisions));
  box.append(backtest());
}

/** What became of everything that was due, by reason. */
const decisions = (counts) => bars({ title: t("campaigns.reasons"), lead: t("campaigns.reasonsmore"), file: "decision-reasons", span: "w6", name: "name", value: "n", valueLabel: t("count"),
  rows: Object.entries(counts).map(([name, n]) => ({ name, n })).filter((one) => one.n > 0).sort((a, b) => b.n - a.n) });

/** `report.json` of `roost backtest`, opened from the reader's own disk: nothing of it leaves the page. */
function backtest() {
  const shown = h("div", { class: "grid" });
  const said = h("p", { class: "lead", role: "status" });
  const input = h("input", { type: "file", accept: ".json,application/json", onchange: async () => {
    shown.replaceChildren();
    said.textContent = "";
    try {
      const report = JSON.parse(await input.files[0].text());
      shown.replaceChildren(...report.configurations.flatMap(configuration), ...(report.difference ? [difference(report)] : []));
      said.textContent = t("campaigns.opened", { files: report.files.join(", "), until: report.until ?? "–" });
    } catch (error) { said.textContent = t("campaigns.noreport", { detail: error.message }); }
  } });
  return h("div", { class: "card" }, h("h3", null, t("campaigns.backtest")), h("p", { class: "lead" }, t("campaigns.backtestmore")),
    h("label", null, t("campaigns.open"), " ", input), said, shown);
}

function configuration({ configuration: name, triggers, messages, repurchase, churn }) {
  const rules = triggers.rules.map((r) => ({ ...r, ...r.groups }));
  const told = repurchase?.as_told ?? {};
  const figures = [
    [t("campaigns.all"), format.count(triggers.total)], [t("campaigns.messages"), messages?.mean === undefined ? null : t("campaigns.messagesmore", { mean: format.decimal(messages.mean), most: format.count(messages.most) })],
    [t("campaigns.dateerror"), told.mean_absolute_error_d === undefined ? null : t("campaigns.against", { own: format.decimal(told.mean_absolute_error_d), baseline: format.decimal(told.baseline_mean_absolute_error_d) })],
    [t("campaigns.coverage"), told.interval_coverage === undefined ? null : format.percent(told.interval_coverage)],
    [t("campaigns.churnauc"), churn?.roc_auc === undefined ? null : t("campaigns.against", { own: format.decimal(churn.roc_auc), baseline: format.decimal(churn.baseline_roc_auc) })],
  ];
  const parts = [
    bars({ title: `${t("campaigns.rules")}: ${name}`, lead: t("campaigns.followed", { window: triggers.followed_within }), file: "backtest-rules", span: "w6", rows: rules, name: "rule", value: "total", valueLabel: t("campaigns.all"),
      columns: [{ key: "rule", label: t("rule"), type: "words" }, { key: "total", label: t("campaigns.all"), type: "count" }, { key: "bought_within_share", label: t("campaigns.bought"), type: "percent" }] }),
    h("div", { class: "card w6" }, h("h3", null, `${t("campaigns.figures")}: ${name}`), pairs(figures)),
  ];
  if (churn?.deciles?.length) {
    parts.push(lines({ title: t("campaigns.churnactual"), file: "backtest-churn", span: "w6", type: "percent", x: "mean_score", numericX: true, xType: "percent", xLabel: t("models.predicted"), top: 1, diagonal: true,
      rows: [...churn.deciles].sort((a, b) => a.mean_score - b.mean_score), series: [{ key: "churned", label: t("models.observed") }] }));
  }
  return parts;
}

const difference = ({ difference: rows, configurations }) => h("div", { class: "card" }, h("h3", null, t("campaigns.difference")), table(t("campaigns.difference"), [
  { key: "rule", label: t("rule"), type: "words" }, { key: "first", label: configurations[0].configuration, type: "count" }, { key: "second", label: configurations[1].configuration, type: "count" },
  { key: "both", label: t("campaigns.both"), type: "count" }, { key: "only_first", label: t("campaigns.onlyfirst"), type: "count" }, { key: "only_second", label: t("campaigns.onlysecond"), type: "count" }], rows, true));

function sent({ triggers, oldest }) {
  const rules = new Map();
  const days = new Map();
  const groups = new Map();
  for (const one of triggers) {
    if (!one.rule) continue;
    const row = rules.get(one.rule) ?? { rule: one.rule, treated: 0, holdout: 0, stale: 0, all: 0 };
    row[one.group ?? "treated"] = (row[one.group ?? "treated"] ?? 0) + 1;
    row.all += 1;
    rules.set(one.rule, row);
    groups.set(one.group ?? "treated", (groups.get(one.group ?? "treated") ?? 0) + 1);
    const day = one.at?.slice(0, 10);
    if (day) days.set(day, (days.get(day) ?? 0) + 1);
  }
  const rows = [...rules.values()].sort((a, b) => b.all - a.all);
  return [
    bars({ title: t("campaigns.rules"), lead: t("campaigns.rulesmore", { n: format.count(triggers.length), oldest: format.count(oldest) }), file: "rules-sent", span: "w6", rows, name: "rule", value: "all",
      columns: [{ key: "rule", label: t("rule"), type: "words" }, { key: "all", label: t("campaigns.all"), type: "count" }, ...[...groups.keys()].map((key) => ({ key, label: t(`group.${key}`), type: "count" }))] }),
    bars({ title: t("campaigns.decisions"), lead: t("campaigns.decisionsmore"), file: "decisions", span: "w6", rows: [...groups].map(([group, n]) => ({ name: t(`group.${group}`), n })).sort((a, b) => b.n - a.n), nameType: "text", value: "n", valueLabel: t("campaigns.all") }),
    lines({ title: t("campaigns.daily"), file: "triggers-daily", span: "w6", x: "day", xType: "day", footType: "dayShort", xLabel: t("day"), rows: [...days].sort().slice(-120).map(([day, n]) => ({ day, n })), series: [{ key: "n", label: t("now.triggers") }] }),
  ];
}

/** Each rule against the held-out group: who buys, who comes back, what it earns. */
function uplifts(answer) {
  const of = (one, key) => ({ value: one[key]?.difference, low: one[key]?.interval?.[0], high: one[key]?.interval?.[1], p: one[key]?.p });
  const rows = (answer.rules ?? []).map((r) => ({ rule: r.rule, ...of(r, "purchase"), treated: r.treated.count, held: r.held_out.count, visits: r.return_visit?.difference, revenue: r.revenue?.difference, always: r.purchase?.always_valid_p, months: r.months, cautions: r.cautions }));
  const compared = rows.filter((r) => Number.isFinite(r.value));
  const columns = [{ key: "rule", label: t("rule"), type: "words" }, { key: "value", label: t("campaigns.upliftname"), type: "percent" }, { key: "low", label: t("low"), type: "percent" }, { key: "high", label: t("high"), type: "percent" }, { key: "p", label: "p", type: "p" }, { key: "always", label: t("campaigns.alwaysvalid"), type: "p" },
    { key: "treated", label: t("group.treated"), type: "count" }, { key: "held", label: t("group.holdout"), type: "count" }, { key: "visits", label: t("campaigns.visits"), type: "percent" }, { key: "revenue", label: t("campaigns.revenue"), type: "money" }];
  const parts = [bars({ title: t("campaigns.uplift"), lead: t("campaigns.upliftmore", { window: answer.window ?? "–" }), file: "uplift", span: "w6", rows: compared, name: "rule", value: "value", low: "low", high: "high", type: "percent", none: t("campaigns.nouplift"), columns })];
  parts.push(h("div", { class: "card w6" }, h("h3", null, t("campaigns.figures")), rows.length ? table(t("campaigns.figures"), columns, rows, true) : empty(t("nothing"), t("campaigns.nouplift")),
    [...new Set(rows.flatMap((r) => r.cautions ?? []))].slice(0, 4).map((caution) => h("p", { class: "lead" }, caution))));
  for (const r of compared.filter((one) => one.months?.length > 1).slice(0, 4)) {
    parts.push(lines({ title: `${t("campaigns.upliftname")}: ${format.words(r.rule)}`, lead: t("campaigns.overtime"), file: `uplift-${r.rule}`, span: "w6", x: "month", xType: "month", xLabel: t("month"), type: "percent", rows: r.months.map((m) => ({ month: m.month, ...of(m, "purchase") })), series: [{ key: "value", label: t("campaigns.upliftname"), low: "low", high: "high" }] }));
  }
  return parts;
}

/** What falls due in the coming weeks if nothing happens before: by day and rule, and one by one. */
function planned({ days, sends }) {
  const rules = [...new Set(days.flatMap((d) => Object.keys(d.rules)))];
  const rows = days.map((d) => ({ day: d.date, total: d.total, held: d.held_out, ...d.rules }));
  return [
    lines({ title: t("campaigns.planned"), lead: t("campaigns.plannedmore"), file: "planned", span: "w6", x: "day", xType: "day", footType: "dayShort", xLabel: t("day"), none: t("campaigns.noplan"), rows, series: [{ key: "total", label: t("campaigns.due") }, { key: "held", label: t("group.holdout") }],
      columns: [{ key: "day", label: t("day"), type: "day" }, { key: "total", label: t("campaigns.due"), type: "count" }, { key: "held", label: t("group.holdout"), type: "count" }, ...rules.map((rule) => ({ key: rule, label: format.words(rule), type: "count" }))] }),
    h("div", { class: "card w6" }, h("h3", null, t("campaigns.next")), sends.length ? table(t("campaigns.next"), [{ key: "due", label: t("time"), type: "time" }, { key: "rule", label: t("rule"), type: "words" }, { key: "user", label: t("customer"), cell: (r) => (r.user !== undefined ? userLink(r.user) : "–") }, { key: "why", label: t("why"), cell: (r) => whyText(r.why) || format.text(r.message) }], sends.slice(0, 100), true) : empty(t("nothing"), t("campaigns.noplan"))),
  ];
}
