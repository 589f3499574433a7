// Plots in SVG. Each has values on hover and by arrow keys, a table behind it, and downloads.

import { announce, h, s, save } from "./dom.js";
import { by } from "./format.js";
import { csv, empty, table } from "./table.js";
import { t } from "./text.js";

const round = (v) => Math.round(v * 100) / 100;

/** Round steps that cover a range: about `wanted` of them. */
export function ticks(low, high, wanted = 5) {
  if (!(high > low)) return [low];
  const raw = (high - low) / wanted;
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 2.5, 5, 10].map((m) => m * power).find((v) => v >= raw) ?? 10 * power;
  const out = [];
  for (let v = Math.ceil(low / step) * step; v <= high + step * 1e-9; v += step) out.push(Math.abs(v) < step * 1e-9 ? 0 : v);
  return out;
}

/**
 * The frame around every plot.
 *
 * @param options.title, lead, file: what it shows; name of downloads.
 * @param options.columns, rows: the table behind it.
 * @param options.key: names of series, coloured in this order.
 * @param draw (width) → {height, nodes, points: [{x, y, text, node}], cursor}: drawn again at every width.
 */
export function plot(options, draw) {
  const { title, lead, columns, rows, key } = options;
  const heading = h("div", null, h(options.level ?? "h3", null, title), lead ? h("p", { class: "lead" }, lead) : null);
  if (!rows.length) return h("figure", { class: `card ${options.span ?? ""}` }, h("figcaption", null, heading), empty(t("nothing"), options.none));
  const tip = h("div", { class: "tip", hidden: true });
  const box = h("div", { class: "plot" });
  const values = h("div", { hidden: true }, table(title, columns, rows, true));
  const tools = toolbar(options, values, box);
  const figure = h("figure", { class: `card ${options.span ?? ""}` }, h("figcaption", null, heading, tools),
    key?.length > 1 ? h("ul", { class: "key" }, key.map((name, i) => h("li", { class: `c${(i % 8) + 1}` }, name))) : null, box, values);
  let drawn = 0;
  const render = (width) => {
    if (width < 40 || Math.abs(width - drawn) < 2) return;
    drawn = width;
    const picture = draw(width);
    const svg = s("svg", { viewBox: `0 0 ${round(width)} ${round(picture.height)}`, tabindex: "0", role: "img", "aria-label": `${title}. ${t("plot.hint")}` }, picture.nodes);
    box.replaceChildren(svg, tip);
    hover(svg, picture, width, tip, box);
  };
  new ResizeObserver(() => render(box.clientWidth)).observe(box);
  return figure;
}

function toolbar({ title, file, columns, rows }, values, box) {
  const name = `roost-${file}`;
  const toggle = h("button", {
    type: "button", "aria-expanded": "false", "aria-label": `${t("table")}: ${title}`, onclick: () => {
      values.hidden = !values.hidden;
      toggle.setAttribute("aria-expanded", String(!values.hidden));
    },
  }, t("table"));
  return h("div", { class: "tools-small" }, toggle,
    h("button", { type: "button", "aria-label": `CSV: ${title}`, onclick: () => save(`${name}.csv`, "text/csv;charset=utf-8", csv(columns, rows)) }, "CSV"),
    h("button", { type: "button", "aria-label": `SVG: ${title}`, onclick: () => save(`${name}.svg`, "image/svg+xml", standalone(box.querySelector("svg"))) }, "SVG"));
}

/** The picture with its colours in it, so that it looks the same elsewhere. */
function standalone(svg) {
  const copy = svg.cloneNode(true);
  const from = [svg, ...svg.querySelectorAll("*")];
  const to = [copy, ...copy.querySelectorAll("*")];
  const kept = ["fill", "stroke", "stroke-width", "stroke-dasharray", "opacity", "fill-opacity", "font-family", "font-size", "font-weight", "text-anchor"];
  from.forEach((node, i) => {
    const style = getComputedStyle(node);
    for (const name of kept) if (style.getPropertyValue(name)) to[i].setAttribute(name, style.getPropertyValue(name));
    to[i].removeAttribute("class");
  });
  copy.setAttribute("xmlns", "http://www.w3.org/2000/svg");
  copy.removeAttribute("tabindex");
  return `${new XMLSerializer().serializeToString(copy)}\n`;
}

/** Values under the pointer, and under a cursor moved by the arrow keys. */
function hover(svg, { points, height, cursor }, width, tip, box) {
  if (!points?.length) return;
  const line = cursor ? s("line", { class: "cursor", y1: cursor[0], y2: cursor[1], visibility: "hidden" }) : null;
  if (line) svg.append(line);
  let at = -1;
  const show = (index, speaks) => {
    points[at]?.node?.classList.remove("mark-on");
    at = index;
    const point = points[at];
    tip.hidden = !point;
    line?.setAttribute("visibility", point ? "visible" : "hidden");
    if (!point) return;
    point.node?.classList.add("mark-on");
    if (line) { line.setAttribute("x1", point.x); line.setAttribute("x2", point.x); }
    tip.textContent = point.text;
    const scale = box.clientWidth / width;
    const left = Math.min(Math.max(point.x * scale - tip.offsetWidth / 2, 0), Math.max(0, box.clientWidth - tip.offsetWidth));
    const above = point.y * scale - tip.offsetHeight - 10;
    tip.style.left = `${left}px`;
    tip.style.top = `${above < -20 ? point.y * scale + 14 : above}px`;
    if (speaks) announce(point.text.replaceAll("\n", ", "));
  };
  svg.addEventListener("pointermove", (event) => {
    const area = svg.getBoundingClientRect();
    const x = ((event.clientX - area.left) / area.width) * width;
    const y = ((event.clientY - area.top) / area.height) * height;
    const far = (point) => (cursor ? Math.abs(point.x - x) : Math.hypot(point.x - x, point.y - y));
    let best = 0;
    points.forEach((point, i) => { if (far(point) < far(points[best])) best = i; });
    show(best, false);
  });
  svg.addEventListener("pointerleave", () => show(-1, false));
  svg.addEventListener("blur", () => show(-1, false));
  svg.addEventListener("keydown", (event) => {
    const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1, PageDown: 10, PageUp: -10 }[event.key];
    const to = event.key === "Home" ? 0 : event.key === "End" ? points.length - 1 : event.key === "Escape" ? -1 : step ? Math.min(Math.max(at + step, 0), points.length - 1) : null;
    if (to === null) return;
    event.preventDefault();
    show(to, true);
  });
}

function axes({ left, right, top, bottom }, low, high, y, format) {
  return ticks(low, high, 4).map((v) => [
    s("line", { class: v === 0 ? "axis" : "gridline", x1: left, x2: right, y1: round(y(v)), y2: round(y(v)) }),
    s("text", { x: left - 6, y: round(y(v)) + 4, "text-anchor": "end" }, by[format](v)),
  ]);
}

/** Labels under the x axis, as many as fit. */
function feet(labels, x, y, width) {
  const longest = Math.max(...labels.map((l) => l.length), 1);
  const room = Math.max(1, Math.floor(width / (longest * 6.4 + 14)));
  const step = Math.max(1, Math.ceil(labels.length / room));
  // Where every second would be left out, they stand on two lines instead.
  if (step === 2) return labels.map((label, i) => s("text", { x: round(x(i)), y: y + (i % 2) * 13, "text-anchor": "middle" }, label));
  return labels.map((label, i) => (i % step ? null : s("text", { x: round(x(i)), y, "text-anchor": "middle" }, label)));
}

/**
 * Lines over an ordered axis.
 *
 * @param options.x key of the axis, xType; `series`: `{key, label, low, high, dashed}`; type: format of values;
 *   diagonal: whether a line of equality is drawn, for probabilities against shares.
 */
export function lines(options) {
  const { rows, series, x: axis, xType = "text", type = "count" } = options;
  const columns = options.columns ?? [{ key: axis, label: options.xLabel ?? axis, type: xType }, ...series.flatMap((one) => [
    { key: one.key, label: one.label, type }, ...(one.low ? [{ key: one.low, label: `${one.label} ${t("low")}`, type }, { key: one.high, label: `${one.label} ${t("high")}`, type }] : [])])];
  return plot({ ...options, columns, key: series.map((one) => one.label) }, (width) => {
    const area = { left: 52, right: width - 14, top: 10, bottom: (options.height ?? 220) - 36 };
    const all = rows.flatMap((row) => series.flatMap((one) => [row[one.key], row[one.low], row[one.high]])).filter((v) => Number.isFinite(v));
    const low = options.fromZero === false ? Math.min(...all) : Math.min(0, ...all);
    const high = Math.max(low + 1e-9, options.top ?? 0, ...all);
    const y = (v) => area.bottom - ((v - low) / (high - low)) * (area.bottom - area.top);
    // Against a line of equality both axes run from 0 to 1.
    const [first, last] = options.diagonal ? [0, 1] : [rows[0][axis], rows.at(-1)[axis]];
    const at = options.numericX
      ? (i) => area.left + ((rows[i][axis] - first) / ((last - first) || 1)) * (area.right - area.left)
      : (i) => (rows.length === 1 ? (area.left + area.right) / 2 : area.left + (i / (rows.length - 1)) * (area.right - area.left));
    const drawn = series.map((one, n) => {
      const c = `c${(n % 8) + 1}`;
      const band = one.low ? s("path", { class: `band ${c}`, d: bandPath(rows, one, at, y) }) : null;
      const path = s("path", { class: `line ${c}${one.dashed ? " dashed" : ""}`, d: linePath(rows, one.key, at, y) });
      const dots = rows.length <= 40 && !one.dashed ? rows.map((row, i) => (Number.isFinite(row[one.key]) ? s("circle", { class: `dotmark ${c}`, cx: round(at(i)), cy: round(y(row[one.key])), r: 3 }) : null)) : null;
      return [band, path, dots];
    });
    const points = rows.map((row, i) => ({
      x: at(i), y: Math.min(...series.map((one) => (Number.isFinite(row[one.key]) ? y(row[one.key]) : area.bottom))),
      text: [by[xType](row[axis]), ...series.filter((one) => row[one.key] !== null && row[one.key] !== undefined).map((one) => `${one.label}: ${by[type](row[one.key])}${one.low && Number.isFinite(row[one.low]) ? ` (${by[type](row[one.low])} – ${by[type](row[one.high])})` : ""}`)].join("\n"),
    }));
    const diagonal = options.diagonal ? s("line", { class: "ref", x1: area.left, y1: y(0), x2: area.right, y2: y(1) }) : null;
    const labels = rows.map((row) => by[options.footType ?? xType](row[axis]));
    return { height: options.height ?? 220, cursor: [area.top, area.bottom], points, nodes: [axes(area, low, high, y, type === "money" || type === "count" ? "short" : type), diagonal, drawn, feet(labels, at, area.bottom + 18, area.right - area.left)] };
  });
}

function linePath(rows, key, at, y) {
  let pen = false;
  return rows.map((row, i) => {
    if (!Number.isFinite(row[key])) { pen = false; return ""; }
    const step = `${pen ? "L" : "M"}${round(at(i))} ${round(y(row[key]))}`;
    pen = true;
    return step;
  }).join("");
}

function bandPath(rows, { low, high }, at, y) {
  const inside = rows.map((row, i) => [i, row]).filter(([, row]) => Number.isFinite(row[low]) && Number.isFinite(row[high]));
  if (!inside.length) return "";
  const over = inside.map(([i, row]) => `${round(at(i))} ${round(y(row[high]))}`);
  const under = inside.reverse().map(([i, row]) => `${round(at(i))} ${round(y(row[low]))}`);
  return `M${[...over, ...under].join("L")}Z`;
}

/** Bars lying on their side, a name each; with whiskers where low and high are given; below zero too. */
export function bars(options) {
  const { rows, name = "name", value, low, high, type = "count" } = options;
  const columns = options.columns ?? [{ key: name, label: options.nameLabel ?? t("name"), type: options.nameType ?? "words" }, { key: value, label: options.valueLabel ?? t("value"), type },
    ...(low ? [{ key: low, label: t("low"), type }, { key: high, label: t("high"), type }] : [])];
  return plot({ ...options, columns }, (width) => {
    const label = by[options.nameType ?? "words"];
    const row = options.rowHeight ?? 26;
    const left = Math.min(width * 0.42, 12 + 6.6 * Math.max(...rows.map((r) => breadth(label(r[name])))));
    const right = width - 62;
    const ends = rows.flatMap((r) => [r[value], r[low], r[high]]).filter((v) => Number.isFinite(v));
    const from = Math.min(0, ...ends);
    const to = Math.max(from + 1e-9, 0, ...ends);
    const x = (v) => left + ((v - from) / (to - from)) * (right - left);
    const points = [];
    const nodes = rows.map((r, i) => {
      const y = i * row + 4;
      const v = r[value] ?? 0;
      const bar = s("rect", { class: `fill ${v < 0 ? "neg" : `c${options.colours ? (i % 8) + 1 : 1}`}`, x: round(Math.min(x(0), x(v))), y, width: Math.max(1, round(Math.abs(x(v) - x(0)))), height: row - 10, rx: 3 });
      const whisker = Number.isFinite(r[low]) && Number.isFinite(r[high]) ? s("path", { class: "whisker", d: `M${round(x(r[low]))} ${y + row / 2 - 5}H${round(x(r[high]))}m0 -4v8M${round(x(r[low]))} ${y + row / 2 - 9}v8` }) : null;
      points.push({ x: x(Math.max(v, 0)), y: y + 4, node: bar, text: [label(r[name]), ...columns.slice(1).map((c) => `${c.label}: ${by[c.type ?? "text"](r[c.key])}`)].join("\n") });
      const end = Math.max(x(0), x(v), Number.isFinite(r[high]) ? x(r[high]) : 0);
      return [s("text", { class: "name", x: left - 8, y: y + row / 2 - 1, "text-anchor": "end" }, clipped(label(r[name]), left)), bar, whisker,
        s("text", { class: "value", x: round(end) + 7, y: y + row / 2 - 1 }, by[type === "count" || type === "money" ? "short" : type](r[value]))];
    });
    const zero = from < 0 ? s("line", { class: "zero", x1: x(0), x2: x(0), y1: 0, y2: rows.length * row }) : null;
    return { height: rows.length * row + 4, points, nodes: [zero, nodes] };
  });
}

/** Of a text, in Latin letters: those of Korean are wider. */
const breadth = (text) => [...text].reduce((n, ch) => n + (ch > "\u2fff" ? 1.7 : 1), 0);

const clipped = (text, width) => {
  const room = Math.max(4, Math.floor((width - 12) / 6.4));
  return text.length > room ? `${text.slice(0, room - 1)}…` : text;
};

/**
 * Cells in rows and columns, darker for more.
 *
 * @param options.across, down: names; value(i, j): number or null; type; sign: whether below zero has its own colour.
 */
export function heat(options) {
  const { across, down, value, type = "count" } = options;
  const [acrossType, downType] = [options.acrossType ?? "text", options.downType ?? "text"];
  const columns = [{ key: "row", label: options.downLabel ?? "", type: downType }, { key: "column", label: options.acrossLabel ?? "", type: acrossType }, { key: "value", label: options.valueLabel ?? t("value"), type }];
  const rows = down.flatMap((d, i) => across.map((a, j) => ({ row: d, column: a, value: value(i, j) })).filter((r) => r.value !== null && r.value !== undefined));
  return plot({ ...options, columns, rows }, (width) => {
    const left = Math.min(width * 0.34, 14 + 6.6 * Math.max(...down.map((d) => breadth(by[downType](d)))));
    const cell = (width - left - 4) / across.length;
    const tall = Math.max(16, Math.min(options.cellHeight ?? 26, cell * 1.4));
    const most = Math.max(1e-12, ...rows.map((r) => Math.abs(r.value)));
    const least = options.fromLeast ? Math.min(...rows.map((r) => r.value)) : 0;
    const points = [];
    const nodes = down.map((d, i) => [
      s("text", { class: "name", x: left - 8, y: i * tall + tall / 2 + 4, "text-anchor": "end" }, clipped(by[downType](d), left)),
      across.map((a, j) => {
        const v = value(i, j);
        if (v === null || v === undefined) return null;
        const strength = options.fromLeast ? (v - least) / Math.max(1e-12, most - least) : Math.abs(v) / most;
        const node = s("rect", { class: v < 0 ? "neg" : "cell", x: round(left + j * cell) + 0.5, y: i * tall + 0.5, width: Math.max(1, round(cell) - 1.5), height: tall - 1.5, rx: 2 });
        node.style.setProperty("--strength", round(strength ** 0.8));
        points.push({ x: left + (j + 0.5) * cell, y: i * tall + tall / 2, node, text: `${by[downType](d)} · ${by[acrossType](a)}\n${by[type](v)}` });
        const fits = across.length <= 16 && by[type](v).length * 6.2 < cell - 4;
        return [node, fits ? s("text", { x: round(left + (j + 0.5) * cell), y: i * tall + tall / 2 + 4, "text-anchor": "middle", class: "value" }, by[type](v)) : null];
      })]);
    const labels = across.map((a) => by[acrossType](a));
    return { height: down.length * tall + 36, points, nodes: [nodes, feet(labels, (j) => left + (j + 0.5) * cell, down.length * tall + 16, width - left)] };
  });
}

/** Columns beside each other over ranges `{from, to, count}`, as many as there are; further columns stand in the table. */
export function histogram(options) {
  const { rows } = options;
  const columns = [{ key: "from", label: t("from"), type: "decimal" }, { key: "to", label: t("to"), type: "decimal" }, { key: "count", label: t("count"), type: "count" }, ...(options.further ?? [])];
  return plot({ ...options, columns }, (width) => {
    const area = { left: 52, right: width - 14, top: 10, bottom: 184 };
    const most = Math.max(1, ...rows.map((r) => r.count));
    const step = (area.right - area.left) / rows.length;
    const y = (v) => area.bottom - (v / most) * (area.bottom - area.top);
    const points = [];
    const columnsDrawn = rows.map((r, i) => {
      const node = s("rect", { class: "fill c1", x: round(area.left + i * step + 0.5), y: round(y(r.count)), width: Math.max(1, round(step - 1.5)), height: round(Math.max(0.5, area.bottom - y(r.count))), rx: 1.5 });
      points.push({ x: area.left + (i + 0.5) * step, y: y(r.count), node, text: `${by.decimal(r.from)} – ${by.decimal(r.to)}\n${by.count(r.count)}` });
      return node;
    });
    return { height: 220, points, nodes: [axes(area, 0, most, y, "short"), columnsDrawn, feet(rows.map((r) => by.short(r.from)), (i) => area.left + i * step, area.bottom + 18, area.right - area.left)] };
  });
}

/**
 * Stretches of time beside each other, a row for each of `what`. `rows`: `{what, name, since, until, isNow}`, in the order
 * of time; an end that is not known is null, and what begins nobody knows when is drawn faint, as far as it may reach.
 *
 * @param options.from, to: ends of the axis.
 */
export function spans(options) {
  const { rows, from, to } = options;
  const columns = [{ key: "what", label: t("name"), type: "words" }, { key: "name", label: t("segment"), type: "words" }, { key: "since", label: t("from"), type: "time" },
    { key: "until", label: t("to"), type: "time", cell: (r) => (r.isNow ? t("plot.now") : by.time(r.until)) }];
  const names = [...new Set(rows.map((r) => r.name))];
  return plot({ ...options, columns, key: names.map(by.words) }, (width) => {
    const subjects = [...new Set(rows.map((r) => r.what))];
    const [begin, end] = [Date.parse(from), Date.parse(to)];
    const left = Math.min(width * 0.34, 14 + 6.6 * Math.max(...subjects.map((what) => breadth(by.words(what)))));
    const right = width - 14;
    const x = (at) => left + ((Math.min(Math.max(at, begin), end) - begin) / ((end - begin) || 1)) * (right - left);
    const tall = 38;
    const points = [];
    const nodes = subjects.map((what, i) => {
      const y = i * tall + 4;
      const own = rows.filter((r) => r.what === what);
      return [s("text", { class: "name", x: round(left - 8), y: y + 12, "text-anchor": "end" }, clipped(by.words(what), left)), own.map((r, n) => {
        const since = Date.parse(r.since ?? own[n - 1]?.since ?? from);
        const until = r.isNow ? end : r.until ? Date.parse(r.until) : since;
        const [a, b] = [Math.min(x(since), right - 3), x(until)];
        const node = s("rect", { class: `${r.since ? "fill" : "band"} c${(names.indexOf(r.name) % 8) + 1}`, x: round(a), y, width: round(Math.max(3, b - a)), height: 16, rx: 2 });
        const label = by.words(r.name);
        points.push({ x: (a + Math.max(b, a + 3)) / 2, y: y + 8, node, text: `${by.words(what)}: ${label}\n${by.time(r.since)} – ${columns[3].cell(r)}` });
        return [node, breadth(label) * 6.8 < b - a ? s("text", { class: "value", x: round((a + b) / 2), y: y + 29, "text-anchor": "middle" }, label) : null];
      })];
    });
    const marks = [0.125, 0.375, 0.625, 0.875];
    const labels = marks.map((part) => by.day(new Date(begin + part * (end - begin)).toISOString()));
    return { height: subjects.length * tall + 40, points, nodes: [nodes, feet(labels, (i) => left + marks[i] * (right - left), subjects.length * tall + 18, right - left)] };
  });
}

/** What moves from the names on the left to the names on the right. `rows`: `{from, to, users}`. */
export function flow(options) {
  const rows = options.rows.filter((r) => r.users > 0);
  const columns = [{ key: "from", label: t("from"), type: "words" }, { key: "to", label: t("to"), type: "words" }, { key: "users", label: options.amount ?? t("users"), type: "count" }];
  return plot({ ...options, columns, rows }, (width) => {
    const total = rows.reduce((n, r) => n + r.users, 0);
    const names = [...new Set(rows.flatMap((r) => [r.from, r.to]))];
    const height = Math.max(180, names.length * 34);
    const [left, right] = [Math.min(130, width * 0.28), width - Math.min(130, width * 0.28)];
    const place = (key) => {
      let y = 6;
      const spare = (height - 12 - (names.length - 1) * 8) / total;
      return new Map(names.map((name) => {
        const size = rows.filter((r) => r[key] === name).reduce((n, r) => n + r.users, 0) * spare;
        const entry = [name, { y, size, used: 0 }];
        y += size + 8;
        return entry;
      }));
    };
    const [source, target] = [place("from"), place("to")];
    const scale = (height - 12 - (names.length - 1) * 8) / total;
    const points = [];
    const bands = [...rows].sort((a, b) => names.indexOf(a.from) - names.indexOf(b.from) || names.indexOf(a.to) - names.indexOf(b.to)).map((r) => {
      const [a, b, w] = [source.get(r.from), target.get(r.to), r.users * scale];
      const [y0, y1, middle] = [a.y + a.used, b.y + b.used, (left + right) / 2];
      a.used += w; b.used += w;
      const node = s("path", { class: `flow c${(names.indexOf(r.from) % 8) + 1}`, d: `M${left} ${round(y0)}C${middle} ${round(y0)} ${middle} ${round(y1)} ${right} ${round(y1)}V${round(y1 + Math.max(w, 0.7))}C${middle} ${round(y1 + w)} ${middle} ${round(y0 + w)} ${left} ${round(y0 + Math.max(w, 0.7))}Z` });
      points.push({ x: middle, y: (y0 + y1 + w) / 2, node, text: `${by.words(r.from)} → ${by.words(r.to)}\n${by.count(r.users)}` });
      return node;
    });
    const ends = (map, x, anchor, shift) => [...map].filter(([, e]) => e.size > 0).map(([name, e]) => [
      s("rect", { class: `fill c${(names.indexOf(name) % 8) + 1}`, x: anchor === "end" ? x - 5 : x, y: round(e.y), width: 5, height: Math.max(1, round(e.size)), rx: 1 }),
      s("text", { class: "name", x: x + shift, y: round(e.y + e.size / 2) + 4, "text-anchor": anchor }, clipped(by.words(name), left))]);
    return { height, points, nodes: [bands, ends(source, left, "end", -12), ends(target, right, "start", 12)] };
  });
}

/** Names on a circle with edges between them, as wide as their weight. `rows`: `{from, to, weight, text}`. */
export function network(options) {
  const { rows } = options;
  return plot({ ...options }, (width) => {
    const names = [...new Set(rows.flatMap((r) => [r.from, r.to]))];
    const height = Math.min(width, 420);
    const [cx, cy, radius] = [width / 2, height / 2, Math.max(40, Math.min(width / 2 - 110, height / 2 - 26))];
    const at = new Map(names.map((name, i) => {
      const angle = (i / names.length) * 2 * Math.PI - Math.PI / 2;
      return [name, { x: cx + radius * Math.cos(angle), y: cy + radius * Math.sin(angle), side: Math.cos(angle) }];
    }));
    const most = Math.max(...rows.map((r) => r.weight), 1e-9);
    const points = [];
    const edges = rows.map((r) => {
      const [a, b] = [at.get(r.from), at.get(r.to)];
      const node = s("path", { class: "edge", "stroke-width": round(0.8 + 7 * (r.weight / most)), d: `M${round(a.x)} ${round(a.y)}Q${round(cx)} ${round(cy)} ${round(b.x)} ${round(b.y)}` });
      points.push({ x: (a.x + b.x + 2 * cx) / 4, y: (a.y + b.y + 2 * cy) / 4, node, text: r.text });
      return node;
    });
    const dots = [...at].map(([name, p]) => [s("circle", { class: "dotmark c1", cx: round(p.x), cy: round(p.y), r: 5 }),
      s("text", { class: "name", x: round(p.x + (p.side < -0.05 ? -10 : p.side > 0.05 ? 10 : 0)), y: round(p.y + (Math.abs(p.side) <= 0.05 ? (p.y < cy ? -10 : 20) : 4)), "text-anchor": p.side < -0.05 ? "end" : p.side > 0.05 ? "start" : "middle" }, clipped(name, 120))]);
    return { height, points, nodes: [edges, dots] };
  });
}
