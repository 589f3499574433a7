// The page: which view, in which language, in which light; and what comes in while it is open.

import { follow, get, onUnauthorized } from "./api.js";
import { announce, h } from "./dom.js";
import * as format from "./format.js";
import { missing } from "./table.js";
import { language, setLanguage, t } from "./text.js";
import * as acquisition from "./views/acquisition.js";
import * as campaigns from "./views/campaigns.js";
import * as customers from "./views/customers.js";
import * as models from "./views/models.js";
import * as now from "./views/now.js";
import * as products from "./views/products.js";
import * as retention from "./views/retention.js";
import * as segments from "./views/segments.js";

const views = { now, segments, customers, acquisition, retention, models, products, campaigns };
const main = document.getElementById("main");
const store = { get: (k) => { try { return localStorage.getItem(k); } catch { return null; } }, set: (k, v) => { try { localStorage.setItem(k, v); } catch { /* A browser that keeps nothing still shows everything. */ } } };
let leaving = new AbortController();
let listeners = [];

/** `#/customers/ID?item=…` → view, path, parameters. */
function place() {
  const [path, query] = location.hash.replace(/^#\/?/, "").split("?");
  const [name, ...rest] = path.split("/");
  let id = rest.join("/");
  try { id = decodeURIComponent(id); } catch { /* A stray percent sign is part of the id. */ }
  return { name: views[name] ? name : "now", path: id || null, parameters: new URLSearchParams(query ?? "") };
}

async function show(focuses) {
  leaving.abort();
  leaving = new AbortController();
  listeners = [];
  const { signal } = leaving;
  const { name, path, parameters } = place();
  const page = h("article", null, h("div", { class: "heading" }, h("div", null, h("h1", null, t(`view.${name}`)), h("p", { class: "lead" }, t(`view.${name}.lead`))), h("div", { class: "tools" })));
  main.replaceChildren(page);
  main.setAttribute("aria-busy", "true");
  document.title = `${t(`view.${name}`)} · Roost`;
  navigation(name);
  if (focuses) { main.focus(); announce(t(`view.${name}`)); scrollTo(0, 0); }
  const go = (changes) => {
    for (const [key, value] of Object.entries(changes)) { if (value === null) parameters.delete(key); else parameters.set(key, value); }
    const query = parameters.toString();
    history.replaceState(null, "", `#/${name}${path ? `/${encodeURIComponent(path)}` : ""}${query ? `?${query}` : ""}`);
    show(false);
  };
  try {
    await views[name].show(page, { signal, path, parameters, go, reload: () => show(false), onLive: (listener) => { if (!signal.aborted) listeners.push(listener); } });
  } catch (error) {
    if (error.name === "AbortError") return;
    page.append(h("div", { class: "card" }, missing(error)));
  }
  if (!signal.aborted) main.setAttribute("aria-busy", "false");
  if (!signal.aborted) main.dataset.shown = name;
}

function navigation(current) {
  const nav = document.getElementById("views");
  nav.setAttribute("aria-label", t("views"));
  nav.replaceChildren(h("ul", null, Object.keys(views).map((name) => h("li", null, h("a", { href: `#/${name}`, "aria-current": name === current ? "page" : null }, t(`view.${name}`))))));
}

// Language and light.

const dark = matchMedia("(prefers-color-scheme: dark)");
const theme = () => store.get("roost.theme") ?? (dark.matches ? "dark" : "light");
function light() {
  document.documentElement.dataset.theme = theme();
  const button = document.getElementById("theme");
  button.textContent = t(theme() === "dark" ? "light" : "dark");
}
function words() {
  document.documentElement.lang = language();
  document.getElementById("skip").textContent = t("skip");
  const button = document.getElementById("language");
  button.textContent = language() === "ko" ? "English" : "한국어";
  button.lang = language() === "ko" ? "en" : "ko";
  light();
}
dark.addEventListener("change", light);
document.getElementById("theme").addEventListener("click", () => { store.set("roost.theme", theme() === "dark" ? "light" : "dark"); light(); });
document.getElementById("language").addEventListener("click", () => { setLanguage(language() === "ko" ? "en" : "ko"); words(); show(false); });
document.getElementById("skip").addEventListener("click", (event) => { event.preventDefault(); main.focus(); });

// A port with a token asks for it once.

onUnauthorized((wasWrong) => new Promise((resolve) => {
  const field = h("input", { type: "password", id: "token", autocomplete: "off" });
  main.replaceChildren(h("form", { class: "find", onsubmit: (event) => { event.preventDefault(); resolve(field.value); show(false); } },
    h("div", null, h("h1", null, t("token.title")), h("p", { class: "lead" }, t(wasWrong ? "token.wrong" : "token.lead")), h("label", { for: "token" }, t("token.label")), field), h("button", { class: "button primary", type: "submit" }, t("token.go"))));
  field.focus();
}));

// What comes in while the page is open: the stream of the daemon, or asking again where there is none.

const clock = document.getElementById("clock");
function told(state, time) {
  clock.replaceChildren(h("span", { class: `dot ${state}` }), t(`clock.${state}`, { time: time ? format.time(time) : "" }));
}
const tell = (name, data) => { for (const listener of listeners) listener(name, data); };
const pause = (ms) => new Promise((resolve) => { setTimeout(resolve, ms); });
const visible = () => (document.hidden ? new Promise((resolve) => { document.addEventListener("visibilitychange", resolve, { once: true }); }) : null);

async function poll() {
  try {
    const status = await get("v1/status");
    told("live", status.clock.now);
    tell("tick", status);
  } catch { told("lost"); }
}

async function listen() {
  let streams = true;
  for (;;) {
    await visible();
    if (streams) {
      const hidden = new AbortController();
      const stop = () => { if (document.hidden) hidden.abort(); };
      document.addEventListener("visibilitychange", stop);
      try {
        await poll();
        await follow((name, data) => { if (name === "rates") told("live", data.at); tell(name, data); }, hidden.signal);
      } catch (error) {
        if (error.status === 404 || error.status === 501) streams = false;
        else if (error.name !== "AbortError") told("lost");
      }
      document.removeEventListener("visibilitychange", stop);
      await pause(1000);
    } else {
      await poll();
      await pause(5000);
    }
  }
}

addEventListener("hashchange", () => show(true));
words();
show(false);
listen();
