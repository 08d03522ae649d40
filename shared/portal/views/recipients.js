/** Recipients of a location: search, explain, edit, import and export. */

import * as api from "../api.js";
import { announce, h, replace } from "../dom.js";
import { count, words } from "../format.js";
import { reason } from "../labels.js";
import { searchOn } from "../parts/searching.js";
import { action, badge, button, empty, input, page, problem, select, table, waiting } from "../parts/ui.js";
import { importFile } from "./csv_import.js";
import { edit, why } from "./recipient.js";

const STATES = [["", "Any state"], ["active", "Active"], ["deactivated_by_sync", "Deactivated by a sync"], ["deactivated_manually", "Deactivated manually"]];
const ORIGINS = [["", "Any origin"], ["directory", "Directory"], ["csv", "CSV"], ["manual", "Manual"]];
const PAUSE_MS = 250;
/** Rows added to the list per press of "Show more". */
const PAGE_ROWS = 100;

export async function recipients({ tenant, rest }) {
  const base = api.at("tenants", tenant);
  const { locations } = await api.get(`${base}/locations`);
  if (!locations.length) return page("Recipients", null, empty("No locations yet.", h("a", { href: `#/t/${tenant}/locations` }, "Add one")));
  const here = rest[0] ?? locations[0].id;
  const path = `${base}/locations/${encodeURIComponent(here)}/recipients`;
  const rows = h("div", { class: "stack" });
  const progress = h("div", {});
  const troubles = h("div", {});
  const where = select(locations.map(({ id, name }) => [id, name]), here, { "aria-label": "Location", onchange: () => (location.hash = `#/t/${tenant}/recipients/${where.value}`) });
  const search = input({ type: "search", placeholder: "Name or address", "aria-label": "Search recipients", oninput: () => later() });
  const status = select(STATES, "active", { "aria-label": "State", onchange: () => load() });
  const origin = select(ORIGINS, "", { "aria-label": "Origin", onchange: () => load() });
  let timer;
  let searches = 0;
  const later = () => {
    clearTimeout(timer);
    timer = setTimeout(load, PAUSE_MS);
  };
  const query = (more = {}) => new URLSearchParams(Object.entries({ search: search.value.trim(), status: status.value, origin: origin.value, ...more }).filter(([, value]) => value));
  async function load(cursor = null, before = []) {
    const current = ++searches;
    const next = (position) => api.get(`${path}?${query({ limit: PAGE_ROWS, ...(position ? { cursor: position } : {}) })}`);
    let listed = null;
    const show = (all, searched, position) => {
      if (current !== searches) return false;
      if (all.length !== listed) replace(rows, all.length > 0 && shown(base, path, all, load)); // keeps the focus in a list that stays
      listed = all.length;
      const ended = !position || all.length >= before.length + PAGE_ROWS;
      if (!ended) replace(progress, waiting(`Searching: looked at ${count(searched, "recipient")} so far`));
      else replace(progress, position ? button("Show more", () => load(position, all)) : all.length === 0 && empty(noMatch()));
      announce(ended ? `${count(all.length, "recipient")} found` : `Looked at ${count(searched, "recipient")}`);
    };
    try {
      await searchOn(next, PAGE_ROWS, show, cursor, before);
    } catch (error) {
      if (current === searches) replace(progress, problem(error));
    }
  }
  const noMatch = () => (search.value.trim() || origin.value || status.value !== "active" ? "No matches." : "This location has no active recipients. A sync or a CSV file adds them.");
  await Promise.race([load(), new Promise((done) => setTimeout(done, PAUSE_MS))]); // a long search goes on in the page
  const name = `${tenant}-${here}.csv`;
  return page(
    "Recipients",
    null,
    h("div", { class: "row" }, where, search, status, origin),
    h("div", { class: "row end" }, action("Import CSV", () => importFile(path, load), troubles), action("Export CSV", () => api.download(`${path}?${query()}`, name, { whole: true }), troubles)),
    troubles,
    rows,
    progress,
  );
}

const shown = (base, path, all, reload) =>
  table(
    "Recipients",
    ["Name", "Address", "Department", "Origin", "State", "Actions"],
    all.map((recipient) => {
      const name = recipient.displayName ?? recipient.mail ?? recipient.id;
      return [
        name,
        recipient.mail ?? "",
        recipient.department ?? "",
        ORIGINS.find(([code]) => code === recipient.origin)?.[1] ?? words(recipient.origin),
        recipient.status === "active" ? badge("Active", "success") : [badge(STATES.find(([code]) => code === recipient.status)?.[1] ?? words(recipient.status)), recipient.reason && h("div", { class: "help" }, reason(recipient.reason))],
        h(
          "div",
          { class: "row tight nowrap" },
          button("Why?", () => why(base, recipient.objectId ?? recipient.mail ?? recipient.id, name), { small: true, "aria-label": `Why is ${name} a recipient?` }),
          button("Edit", () => edit(path, recipient, () => reload()), { small: true, "aria-label": `Edit ${name}` }),
        ),
      ];
    }),
  );
