// A customer's segments and tiers over time, out of the moves that the outbox keeps as triggers.

import { attempt } from "../api.js";
import { spans } from "../plots.js";
import { t } from "../text.js";

const KINDS = ["segment_moved", "tier_changed"];
/** Triggers that are read of one customer, and stretches that are shown of one segmentation. */
export const MOST_READ = 1000;
const MOST_SHOWN = 100;

/**
 * @param user the customer's page.
 * @param triggers the customer's triggers by number, at most `MOST_READ`; where these may be cut short, the moves are
 *   asked for by themselves.
 */
export async function history(user, triggers, signal) {
  let read = triggers;
  if (read.length >= MOST_READ) {
    const answer = await attempt(`v1/triggers?user=${encodeURIComponent(user.user)}&type=${KINDS.join(",")}&limit=${MOST_READ}`, signal);
    read = answer.value?.triggers ?? read;
  }
  const moves = read.filter((one) => KINDS.includes(one.type) && one.from && one.to);
  const now = current(user);
  const segmentation = (move) => (move.type === "tier_changed" ? "tiers" : move.model?.split("@")[0] ?? "segments");
  const others = [...new Set([...Object.keys(now), ...moves.map(segmentation)])].filter((name) => !["segments", "tiers"].includes(name)).sort();
  const rows = ["segments", ...others, "tiers"].flatMap((what) =>
    stretches(moves.filter((move) => segmentation(move) === what), now[what]).slice(-MOST_SHOWN).map((one) => ({ what, ...one })));
  const to = [user.last_seen, ...moves.map(moment)].reduce((a, b) => (Date.parse(a) > Date.parse(b) ? a : b));
  return spans({ title: t("customers.history"), lead: t("customers.historymore"), none: t("customers.nohistory"), file: "segment-history", rows, from: user.first_seen, to });
}

/** Where the customer is now, by segmentation. */
const current = (user) => ({
  segments: user.segment?.name, tiers: user.tier?.name, ...Object.fromEntries(Object.entries(user.segments ?? {}).map(([name, m]) => [name, m.name])),
});

const moment = (move) => move.due ?? move.at;

/**
 * One stretch after another. A move tells where it came from: where that is not where the one before led to, what
 * lies between was not told, and when one ended and the other began is not known.
 */
export function stretches(moves, now) {
  const found = [];
  for (const move of moves) {
    if (found.at(-1)?.name !== move.from) found.push({ name: move.from, since: null, until: null });
    found.at(-1).until = moment(move);
    found.push({ name: move.to, since: moment(move), until: null });
  }
  if (now === undefined) return found;
  if (found.at(-1)?.name !== now) found.push({ name: now, since: null, until: null });
  found.at(-1).isNow = true;
  return found;
}
