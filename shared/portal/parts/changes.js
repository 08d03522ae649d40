/** Lists the changes of a run with their reasons. */

import * as api from "../api.js";
import { h, replace } from "../dom.js";
import { number, words } from "../format.js";
import { reason } from "../labels.js";
import { badge, button, empty, input, select, table } from "./ui.js";

const TONES = { created: "success", updated: "info", reactivated: "success", deactivated: "danger", skipped: "neutral" };
const KINDS = [["", "All changes"], ...Object.keys(TONES).map((kind) => [kind, words(kind)])];
/** Rows added to the list per press of "Show more". */
const PAGE_ROWS = 200;
/** Upper bound of changes loaded into the browser. */
const MAX_ROWS = 20_000;

/** Loads the changes of a run, page by page. */
async function load(base, run) {
  const rows = [];
  let cursor = null;
  do {
    const page = await api.get(`${base}/runs/${encodeURIComponent(run)}/changes${cursor ? `?cursor=${encodeURIComponent(cursor)}` : ""}`);
    rows.push(...page.changes);
    cursor = page.cursor ?? null;
  } while (cursor && rows.length < MAX_ROWS);
  return rows;
}

export async function changes(base, run, kind = "") {
  const rows = await load(base, run);
  if (!rows.length) return empty("No changes.");
  const list = h("div", { class: "stack", "aria-live": "polite" });
  const search = input({ type: "search", placeholder: "Name or ID", "aria-label": "Search changes", oninput: () => show() });
  const only = select(KINDS, kind, { "aria-label": "Kind of change", onchange: () => show() });
  const show = (limit = PAGE_ROWS) => {
    const word = search.value.toLowerCase();
    const matches = rows.filter((change) => (!only.value || change.kind === only.value) && `${change.displayName} ${change.objectId} ${change.recipient}`.toLowerCase().includes(word));
    replace(
      list,
      matches.length ? table("Changes", ["Person", "Location", "Change", "Reason"], matches.slice(0, limit).map(cells)) : empty("No matches."),
      matches.length > limit && button(`Show more (${number(matches.length - limit)} left)`, () => show(limit + PAGE_ROWS)),
    );
  };
  show();
  return h("div", { class: "stack" }, h("div", { class: "row" }, search, only), list);
}

const cells = (change) => [
  change.displayName ?? h("span", { class: "code" }, change.objectId ?? change.recipient),
  change.location,
  [badge(change.held ? "Would be deactivated" : words(change.kind), TONES[change.kind]), change.fields.length > 0 && h("div", { class: "help" }, change.fields.map(words).join(", "))],
  reason(change.reason),
];
