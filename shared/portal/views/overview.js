/** Overview: all tenants with the state of their connection and sync. */

import * as api from "../api.js";
import { h, replace } from "../dom.js";
import { count, number, slug, when, words } from "../format.js";
import { CONNECTION_TONES } from "../labels.js";
import { dialog } from "../parts/dialog.js";
import { badge, button, empty, field, input, page, problem, select, table } from "../parts/ui.js";

const SORTS = [
  ["name", "Name"],
  ["state", "State"],
  ["lastSuccessAt", "Last success"],
  ["secretDaysLeft", "Secret expires"],
];

export async function overview({ me }) {
  if (!me.operator) return ownTenants(me.tenants);
  const rows = h("div", { class: "stack", "aria-live": "polite" });
  const search = input({ type: "search", placeholder: "Search", "aria-label": "Search tenants", oninput: later(() => load()) });
  const sort = select(SORTS, "name", { "aria-label": "Sort by", onchange: () => load() });
  let searches = 0;
  const load = async (cursor = null, before = []) => {
    const current = ++searches;
    try {
      const batch = await findTenants(search.value, sort.value, cursor);
      if (current !== searches) return;
      const all = [...before, ...batch.tenants];
      replace(rows, shown(all, search.value), batch.cursor && button("Show more", () => load(batch.cursor, all)));
    } catch (error) {
      replace(rows, problem(error));
    }
  };
  await load();
  return page(
    "Tenants",
    null,
    h("div", { class: "row" }, search, h("label", { class: "inline" }, "Sort by ", sort), h("span", { class: "grow" }), h("a", { href: "#/messages" }, "Failed messages"), button("Add tenant", add, { primary: true })),
    rows,
  );
}

function findTenants(search, sort, cursor) {
  const query = new URLSearchParams({ search, sort, limit: 100, ...(cursor ? { cursor } : {}) });
  return api.get(`overview?${query}`);
}

const link = (tenant) => h("a", { href: `#/t/${tenant.id}/${tenant.connection?.state === "off" ? "connect" : "fetch"}` }, tenant.name);

function shown(tenants, word) {
  if (!tenants.length) return empty(word ? "No matches." : "No tenants yet. Add the first one.");
  const heads = ["Tenant", "Connection", "Last success", "Recipients", "Action needed"];
  return table(
    "Tenants",
    heads,
    tenants.map((tenant) => [
      [link(tenant), h("div", { class: "help" }, tenant.id)],
      tenant.connection ? badge(words(tenant.connection.state), CONNECTION_TONES[tenant.connection.state]) : "",
      h("span", { class: "nowrap" }, when(tenant.lastSuccessAt)),
      number(tenant.recipients),
      actions(tenant).map((action) => h("div", {}, action)),
    ]),
  );
}

function actions({ id, heldRun, secretDaysLeft: days = null, poison }) {
  return [
    heldRun && h("a", { href: `#/t/${id}/fetch/${heldRun}` }, badge("Approval needed", "warning")),
    days !== null && days <= 30 && badge(days < 0 ? "Secret expired" : `Secret expires in ${count(days, "day")}`, days <= 7 ? "danger" : "warning"),
    poison > 0 && h("a", { href: "#/messages" }, badge(count(poison, "failed message"), "danger")),
  ].filter(Boolean);
}

function ownTenants(tenants) {
  if (!tenants.length) return page("Tenants", null, empty("You are signed in, but you do not have access to a tenant. Ask your operator for access."));
  return page("Your tenants", null, h("ul", { class: "links" }, tenants.map((tenant) => h("li", {}, link(tenant)))));
}

function add() {
  const name = input({ name: "name", oninput: () => (key.value = slug(name.value)) });
  const key = input({ name: "id" });
  dialog("Add a tenant", h("div", { class: "stack" }, field("Name", name), field("ID", key, "Use a–z, 0–9 and hyphens. You cannot change it later.")), {
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
