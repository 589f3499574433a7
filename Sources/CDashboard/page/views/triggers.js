// Triggers as a list, newest first, each with its why.

import { h } from "../dom.js";
import * as format from "../format.js";
import { t } from "../text.js";

const quiet = { holdout: "plain", stale: "plain", treated: "" };

export const userLink = (id) => h("a", { class: "id", href: `#/customers/${encodeURIComponent(id)}` }, id);

export const whyText = (why) => (why ?? []).slice(0, 3).map((r) => `${format.words(r.feature)} ${format.decimal(r.value)}`).join(" · ");

export function triggerList(triggers) {
  return h("ul", { class: "stream" }, triggers.map((one) =>
    h("li", null,
      h("span", { class: "when" }, one.at ? format.time(one.at) : `№ ${one.seq}`),
      h("div", null,
        h("strong", null, format.words(one.type)), " ",
        one.user !== undefined ? userLink(one.user) : null, " ",
        one.group && one.group !== "treated" ? h("span", { class: `tag ${quiet[one.group] ?? ""}` }, t(`group.${one.group}`)) : null, " ",
        one.from || one.to ? h("span", null, `${format.words(one.from)} → ${format.words(one.to)}`) : null,
        one.score !== undefined ? h("span", { class: "when" }, ` ${t("score")} ${format.decimal(one.score)}`) : null,
        one.message ? h("p", null, one.message) : null,
        one.why?.length ? h("p", { class: "why" }, whyText(one.why)) : null))));
}
