/** Recipients of a location: found, explained, edited, imported and exported. */

import * as api from "../api.js";
import { h, replace } from "../dom.js";
import { words } from "../format.js";
import { action, badge, button, empty, input, page, problem, select, table } from "../parts/ui.js";
import { importFile } from "./csv_import.js";
import { edit, why } from "./recipient.js";

const STATES = [["", "Active or not"], ["active", "Active"], ["deactivated_by_sync", "Deactivated by a sync"], ["deactivated_by_hand", "Deactivated by hand"]];
const ORIGINS = [["", "Any origin"], ["directory", "Directory"], ["csv", "CSV"], ["manual", "By hand"]];
const PAUSE_MS = 250;

export async function recipients({ tenant, rest }) {
  const base = api.at("tenants", tenant);
  const { locations } = await api.get(`${base}/locations`);
  if (!locations.length) return page("Recipients", null, empty("There is no location yet.", h("a", { href: `#/t/${tenant}/locations` }, "Add one")));
  const here = rest[0] ?? locations[0].id;
  const path = `${base}/locations/${encodeURIComponent(here)}/recipients`;
  const rows = h("div", { "aria-live": "polite" });
  const troubles = h("div", {});
  const where = select(locations.map((each) => [each.id, each.name]), here, { "aria-label": "Location", onchange: () => (location.hash = `#/t/${tenant}/recipients/${where.value}`) });
  const search = input({ type: "search", placeholder: "Name or address", "aria-label": "Search recipients", oninput: () => later() });
  const status = select(STATES, "active", { "aria-label": "State", onchange: () => load() });
  const origin = select(ORIGINS, "", { "aria-label": "Origin", onchange: () => load() });
  let timer;
  let asked = 0;
  const later = () => {
    clearTimeout(timer);
    timer = setTimeout(load, PAUSE_MS);
  };
  const query = (more = {}) => new URLSearchParams(Object.entries({ search: search.value.trim(), status: status.value, origin: origin.value, ...more }).filter(([, value]) => value));
  async function load(cursor = null, before = []) {
    const mine = ++asked;
    try {
      const found = await api.get(`${path}?${query({ limit: 100, ...(cursor ? { cursor } : {}) })}`);
      if (mine !== asked) return;
      const all = [...before, ...found.recipients];
      replace(rows, all.length ? shown(base, path, all, load) : empty("Nobody is like that."), found.cursor && button("Show more", () => load(found.cursor, all)));
    } catch (error) {
      if (mine === asked) replace(rows, problem(error));
    }
  }
  await load();
  const name = `${tenant}-${here}.csv`;
  return page(
    "Recipients",
    null,
    h("div", { class: "row" }, where, search, status, origin),
    h("div", { class: "row end" }, button("Import CSV", () => importFile(path, load)), action("Export CSV", () => api.download(`${path}?${query()}`, name), troubles)),
    troubles,
    rows,
  );
}

const shown = (base, path, all, reload) =>
  table(
    "Recipients",
    ["Name", "Address", "Department", "Origin", "State", "Actions"],
    all.map((each) => {
      const name = each.displayName ?? each.mail ?? each.id;
      return [
        name,
        each.mail ?? "",
        each.department ?? "",
        words(each.origin),
        each.status === "active" ? badge("Active", "success") : [badge(words(each.status)), each.reason && h("div", { class: "help" }, words(each.reason))],
        h(
          "div",
          { class: "row tight" },
          button("Why?", () => why(base, each.objectId ?? each.mail ?? each.id, name), { small: true, "aria-label": `Why is ${name} here?` }),
          button("Edit", () => edit(path, each, () => reload()), { small: true, "aria-label": `Edit ${name}` }),
        ),
      ];
    }),
  );
