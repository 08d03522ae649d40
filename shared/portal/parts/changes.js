/** Changes of a run, each with its reason. */

import * as api from "../api.js";
import { h, replace } from "../dom.js";
import { words } from "../format.js";
import { badge, button, empty, input, select, table } from "./ui.js";

const TONES = { created: "success", updated: "info", reactivated: "success", deactivated: "danger", skipped: "neutral" };
const KINDS = [["", "All changes"], ...Object.keys(TONES).map((kind) => [kind, words(kind)])];
const SHOWN = 200;

/** Every change, however many pages the API cuts them into. */
async function all(base, run) {
  const found = [];
  let cursor = null;
  do {
    const page = await api.get(`${base}/runs/${run}/changes${cursor ? `?cursor=${encodeURIComponent(cursor)}` : ""}`);
    found.push(...page.changes);
    cursor = page.cursor ?? null;
  } while (cursor && found.length < 20_000);
  return found;
}

export async function changes(base, run, kind = "") {
  const found = await all(base, run);
  if (!found.length) return empty("Nothing was changed.");
  const list = h("div", { "aria-live": "polite" });
  const search = input({ type: "search", placeholder: "Name or ID", "aria-label": "Search changes", oninput: () => show() });
  const only = select(KINDS, kind, { "aria-label": "Kind of change", onchange: () => show() });
  const show = (shown = SHOWN) => {
    const word = search.value.toLowerCase();
    const fit = found.filter((each) => (!only.value || each.kind === only.value) && `${each.displayName} ${each.objectId} ${each.recipient}`.toLowerCase().includes(word));
    replace(
      list,
      fit.length ? table("Changes", ["Person", "Location", "Change", "Reason"], fit.slice(0, shown).map(cells)) : empty("No change is like that."),
      fit.length > shown && button(`Show more of ${fit.length}`, () => show(shown + SHOWN)),
    );
  };
  show();
  return h("div", { class: "stack" }, h("div", { class: "row" }, search, only), list);
}

const cells = (each) => [
  each.displayName ?? h("span", { class: "code" }, each.objectId ?? each.recipient),
  each.location,
  [badge(each.held ? "Would be deactivated" : words(each.kind), TONES[each.kind]), each.fields.length > 0 && h("div", { class: "help" }, each.fields.map(words).join(", "))],
  words(each.reason),
];
