/** Locations and the directory groups that are mapped to them. */

import * as api from "../api.js";
import { again, h } from "../dom.js";
import { count, slug } from "../format.js";
import { dialog } from "../parts/dialog.js";
import { badge, button, card, empty, field, input, notice, page } from "../parts/ui.js";
import { groupPicker } from "./group_picker.js";

export async function locations({ tenant }) {
  const base = api.at("tenants", tenant);
  const [{ locations: found }, kept] = await Promise.all([api.get(`${base}/mapping`), api.get(`${base}/preferences`)]);
  return page(
    "Locations and groups",
    "A location is a place with a mailroom. The members of the groups that are mapped to it are its recipients.",
    kept.mode === "full" && notice("info", "Everybody is a recipient at every location.", "Groups count when you choose “Members of groups” in the preferences."),
    h("div", { class: "row end" }, button("Add location", () => edit(base), { primary: true })),
    found.length ? h("div", { class: "grid" }, found.map((each) => place(base, each))) : empty("There is no location yet. Add the first one."),
  );
}

function place(base, found) {
  const groups = found.groups.length ? h("ul", { class: "plain groups" }, found.groups.map(group)) : h("p", { class: "help" }, "No group is mapped here.");
  return card(
    found.name,
    h("p", { class: "help" }, found.id),
    groups,
    h(
      "div",
      { class: "row tight" },
      button("Edit groups", () => map(base, found), { small: true, "aria-label": `Edit groups of ${found.name}` }),
      button("Rename", () => edit(base, found), { small: true, "aria-label": `Rename ${found.name}` }),
      button("Remove", () => remove(base, found), { small: true, "aria-label": `Remove ${found.name}` }),
    ),
  );
}

const group = (each) =>
  h(
    "li",
    {},
    h("span", {}, each.displayName ?? h("span", { class: "code" }, each.id)),
    each.members !== null && h("span", { class: "help" }, ` ${count(each.members, "person", "people")}`),
    " ",
    !each.transitive && badge("direct members only"),
    each.problem && h("p", { class: "trouble" }, each.problem.detail),
  );

function edit(base, found = null) {
  const name = input({ value: found?.name ?? "", name: "name" });
  const key = input({ name: "id" });
  if (!found) name.addEventListener("input", () => (key.value = slug(name.value)));
  const form = h("div", {}, field("Name", name), !found && field("ID", key, "a–z, 0–9 and hyphens; it never changes."));
  dialog(found ? `Rename ${found.name}` : "Add a location", form, {
    label: "Save",
    done: async () => {
      const path = `${base}/locations/${encodeURIComponent(found?.id ?? key.value)}`;
      if (found) await api.get(path);
      await api.put(path, { name: name.value });
      again();
    },
  });
}

function remove(base, found) {
  dialog(`Remove ${found.name}?`, h("p", {}, "Its recipients are erased with it, at once. Their history stays readable in the runs."), {
    label: "Remove",
    done: async () => {
      await api.remove(`${base}/locations/${encodeURIComponent(found.id)}`);
      again();
    },
  });
}

async function map(base, found) {
  const path = `${base}/locations/${encodeURIComponent(found.id)}/groups`;
  const kept = (await api.get(path)).groups;
  const names = new Map(found.groups.map((each) => [each.id, each.displayName]));
  const picker = groupPicker(base, kept.map((each) => ({ ...each, displayName: names.get(each.id) })));
  dialog(`Groups of ${found.name}`, picker.element, {
    label: "Save",
    wide: true,
    done: async () => {
      await api.put(path, { groups: picker.value() });
      again();
    },
  });
}
