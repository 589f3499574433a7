// Numbers and times, everywhere the same. Times are shown in UTC, as the status port gives them.

import { language, readable } from "./text.js";

const made = new Map();
function intl(kind, options) {
  const key = language() + kind + JSON.stringify(options);
  if (!made.has(key)) made.set(key, new Intl[kind](language(), options));
  return made.get(key);
}
const number = (value, options) =>
  value === null || value === undefined || Number.isNaN(value) ? "–" : intl("NumberFormat", options).format(value);
const date = (value, options) => {
  if (!value) return "–";
  const time = new Date(String(value).length === 7 ? `${value}-01` : value);
  return Number.isNaN(time.getTime()) ? String(value) : intl("DateTimeFormat", { timeZone: "UTC", ...options }).format(time);
};

export const count = (v) => number(v, { maximumFractionDigits: Number.isInteger(v) || Math.abs(v) >= 1000 ? 0 : 1 });
export const short = (v) =>
  Math.abs(v) >= 10_000 ? number(v, { notation: "compact", maximumFractionDigits: 1 })
    : Number.isInteger(v) ? count(v) : number(v, { maximumSignificantDigits: Math.abs(v) >= 100 ? 4 : 3 });
export const percent = (v) =>
  number(v, { style: "percent", maximumFractionDigits: Math.abs(v) < 0.1 ? 2 : 1 });
export const change = (v) => number(v, { style: "percent", maximumFractionDigits: 1, signDisplay: "exceptZero" });
export const money = (v) => number(v, { maximumFractionDigits: Math.abs(v) < 1000 ? 2 : 0 });
export const decimal = (v) => number(v, { maximumSignificantDigits: 4 });
export const signed = (v) => number(v, { maximumSignificantDigits: 3, signDisplay: "exceptZero" });
export const p = (v) => (v === null || v === undefined ? "–" : v < 0.0001 ? "< 0.0001" : number(v, { maximumSignificantDigits: 2 }));
export const day = (v) => date(v, { year: "numeric", month: "short", day: "numeric" });
export const dayShort = (v) => date(v, { month: "short", day: "numeric" });
export const month = (v) => date(v, { year: "numeric", month: "short" });
export const time = (v) =>
  date(v, { year: "numeric", month: "short", day: "numeric", hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
export const clock = (v) => date(v, { hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" });
const months = ["January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December"];
/** A month that the daemon names in English. */
export const monthNamed = (name) => (months.includes(name) ? date(new Date(Date.UTC(2024, months.indexOf(name))).toISOString(), { month: "long" }) : text(name));
/** 1 = Monday … 7 = Sunday. */
export const weekday = (number) => date(`2024-01-0${number}`, { weekday: "short" });
export const days = (v) => number(v, { style: "unit", unit: "day", unitDisplay: "long", maximumFractionDigits: 1 });
export const text = (v) => (v === null || v === undefined || v === "" ? "–" : String(v));

export const words = readable;

export function bytes(v) {
  const units = ["byte", "kilobyte", "megabyte", "gigabyte", "terabyte"];
  let place = 0;
  while (Math.abs(v) >= 1000 && place < units.length - 1) { v /= 1000; place += 1; }
  return number(v, { style: "unit", unit: units[place], unitDisplay: "short", maximumFractionDigits: place ? 1 : 0 });
}

export function span(seconds) {
  for (const [unit, length] of [["day", 86400], ["hour", 3600], ["minute", 60]]) {
    if (seconds >= length) {
      return number(seconds / length, { style: "unit", unit, unitDisplay: "long", maximumFractionDigits: 1 });
    }
  }
  return number(seconds, { style: "unit", unit: "second", unitDisplay: "long", maximumFractionDigits: 0 });
}

export const by = { count, short, percent, money, decimal, signed, p, day, dayShort, month, time, weekday, days, text, words };
export const isNumeric = (type) => !["text", "words", "day", "month", "time", "weekday", "dayShort"].includes(type ?? "text");
