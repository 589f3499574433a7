// Tables: what is behind every plot, and lists of their own.

import { h } from "./dom.js";
import { by, isNumeric } from "./format.js";
import { t } from "./text.js";

/**
 * @param columns `{key, label, type, cell}`: type is a name in `format.by`; cell makes an element of a row.
 * @param rows objects; the first column heads its row.
 */
export function table(caption, columns, rows, hidesCaption = false) {
  const cell = (column, row) => (column.cell ? column.cell(row) : by[column.type ?? "text"](row[column.key]));
  const kind = (column) => (isNumeric(column.type) ? "n" : ["time", "day", "month"].includes(column.type) ? "t" : null);
  const head = h("tr", null, columns.map((c) => h("th", { scope: "col", class: kind(c) }, c.label)));
  const body = rows.map((row) =>
    h("tr", null, columns.map((c, place) =>
      place === 0 ? h("th", { scope: "row", class: kind(c) }, cell(c, row)) : h("td", { class: kind(c) }, cell(c, row)))));
  return h("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": caption },
    h("table", null, h("caption", { class: hidesCaption ? "unseen" : null }, caption), h("thead", null, head), h("tbody", null, body)));
}

/** Comma-separated values as RFC 4180 has them; a text that a spreadsheet would run is quoted by an apostrophe. */
export function csv(columns, rows) {
  const field = (value) => {
    if (value === null || value === undefined) return "";
    if (typeof value === "number") return String(value);
    const text = /^[=+\-@\t\r]/.test(value) ? `'${value}` : String(value);
    return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
  };
  const lines = [columns.map((c) => c.key), ...rows.map((row) => columns.map((c) => row[c.key]))];
  return lines.map((line) => line.map(field).join(",")).join("\r\n") + "\r\n";
}

/** A list of names and values beside each other. */
export const pairs = (entries) =>
  h("dl", { class: "pairs" }, entries.filter(([, v]) => v !== null && v !== undefined && v !== "").map(([k, v]) => [h("dt", null, k), h("dd", null, v)]));

/** Figures in a row: `[label, value, more, isLong]`. */
export const stats = (entries) =>
  h("dl", { class: "stats" }, entries.map(([label, value, more, isLong]) =>
    h("div", null, h("dt", null, label), h("dd", { class: isLong ? "long" : null }, value), more ? h("dd", { class: "more" }, more) : null)));

export const empty = (title, detail) => h("div", { class: "empty" }, h("strong", null, title), detail ?? "");

/** What to show for an answer that did not come: what is missing, in words. */
export function missing(error) {
  if (error.status === 404 || error.status === 501) return empty(t("missing.title"), t("missing.detail", { path: `/${error.path}`, detail: error.message }));
  return empty(t("failed.title"), t("failed.detail", { path: `/${error.path ?? ""}`, detail: error.message }));
}
