/** Overview: every tenant and how it is. */

import * as api from "../api.js";
import { h, replace } from "../dom.js";
import { count, number, slug, when, words } from "../format.js";
import { dialog } from "../parts/dialog.js";
import { badge, button, empty, field, input, page, problem, select, table } from "../parts/ui.js";

const TONES = { on: "success", off: "neutral", failing: "warning", "needs attention": "danger" };
const SORTS = [
  ["name", "Name"],
  ["state", "State"],
  ["lastSuccessAt", "Last success"],
  ["secretDaysLeft", "Secret ends"],
];

export async function overview({ me }) {
  if (!me.operator) return mine(me.tenants);
  const rows = h("div", { "aria-live": "polite" });
  const search = input({ type: "search", placeholder: "Search", "aria-label": "Search tenants", oninput: later(() => load()) });
  const sort = select(SORTS, "name", { "aria-label": "Sort by", onchange: () => load() });
  let asked = 0;
  const load = async (cursor = null, before = []) => {
    const mine = ++asked;
    try {
      const found = await page_(search.value, sort.value, cursor);
      if (mine !== asked) return;
      const all = [...before, ...found.tenants];
      replace(rows, shown(all, search.value), found.cursor && button("Show more", () => load(found.cursor, all)));
    } catch (error) {
      replace(rows, problem(error));
    }
  };
  await load();
  return page(
    "Tenants",
    null,
    h("div", { class: "row" }, search, h("label", { class: "inline" }, "Sort by ", sort), h("span", { class: "grow" }), h("a", { href: "#/messages" }, "Messages and events"), button("Add tenant", add, { primary: true })),
    rows,
  );
}

function page_(search, sort, cursor) {
  const query = new URLSearchParams({ search, sort, limit: 100, ...(cursor ? { cursor } : {}) });
  return api.get(`overview?${query}`);
}

const link = (each) => h("a", { href: `#/t/${each.id}/${each.connection?.state === "off" ? "connect" : "fetch"}` }, each.name);

function shown(tenants, word) {
  if (!tenants.length) return empty(word ? "No tenant is called that." : "There is no tenant yet. Add the first one.");
  const heads = ["Tenant", "Connection", "Last success", "Recipients", "Needs you"];
  return table(
    "Tenants",
    heads,
    tenants.map((each) => [
      [link(each), h("div", { class: "help" }, each.id)],
      each.connection ? badge(words(each.connection.state), TONES[each.connection.state]) : "",
      when(each.lastSuccessAt),
      number(each.recipients),
      h("div", { class: "row tight" }, needs(each)),
    ]),
  );
}

function needs(each) {
  return [
    each.heldRun && h("a", { href: `#/t/${each.id}/fetch/${each.heldRun}` }, badge("Held run", "warning")),
    each.secretDaysLeft !== null && each.secretDaysLeft !== undefined && each.secretDaysLeft <= 30 && badge(each.secretDaysLeft < 0 ? "Secret has ended" : `Secret ends in ${each.secretDaysLeft} days`, each.secretDaysLeft <= 7 ? "danger" : "warning"),
    each.poison > 0 && h("a", { href: "#/messages" }, badge(count(each.poison, "failed message"), "danger")),
  ];
}

function mine(tenants) {
  if (!tenants.length) return page("Tenants", null, empty("You are signed in, but no tenant is yours. Ask your operator to grant you one."));
  return page("Your tenants", null, h("ul", { class: "links" }, tenants.map((each) => h("li", {}, link(each)))));
}

function add() {
  const name = input({ name: "name", oninput: () => (key.value = slug(name.value)) });
  const key = input({ name: "id" });
  dialog("Add a tenant", h("div", {}, field("Name", name), field("ID", key, "a–z, 0–9 and hyphens; it never changes.")), {
    label: "Add",
    done: async () => {
      await api.put(api.at("tenants", key.value), { name: name.value });
      location.hash = `#/t/${key.value}/connect`;
    },
  });
}

function later(work) {
  let timer;
  return () => {
    clearTimeout(timer);
    timer = setTimeout(work, 250);
  };
}
