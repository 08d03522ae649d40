/** Locations and the directory groups mapped to them. */

import * as api from "../api.js";
import { h, reloadView, replace } from "../dom.js";
import { count, slug, when } from "../format.js";
import { dialog } from "../parts/dialog.js";
import { action, badge, button, card, empty, field, input, notice, page } from "../parts/ui.js";
import { groupPicker } from "./group_picker.js";

/** More groups than this are listed on request, unless one of them has a problem. */
const MANY = 20;

export async function locations({ tenant }) {
  const base = api.at("tenants", tenant);
  const [{ locations: mapped }, { mode }] = await Promise.all([api.get(`${base}/mapping`), api.get(`${base}/preferences`)]);
  return page(
    "Locations and groups",
    "A location is a place with a mailroom. Members of the groups that you map to a location become its recipients.",
    mode === "full" && notice("info", "Every directory user is a recipient at every location.", "Mapped groups have no effect until you choose “Members of groups” in the preferences."),
    h("div", { class: "row end" }, button("Add location", () => edit(base), { primary: true })),
    mapped.length ? h("div", { class: "grid" }, mapped.map((place) => locationCard(base, tenant, place))) : empty("No locations yet. Add the first one."),
  );
}

function locationCard(base, tenant, place) {
  const groups = h("ul", { class: "plain groups" }, place.groups.map((mapped) => group(base, tenant, mapped)));
  const many = place.groups.length > MANY && h("details", { open: place.groups.some(({ problem }) => problem) }, h("summary", {}, count(place.groups.length, "group")), groups);
  return card(
    place.name,
    h("p", { class: "help" }, `ID: ${place.id}`),
    place.groups.length ? many || groups : h("p", { class: "help" }, "No groups mapped."),
    h(
      "div",
      { class: "row tight" },
      button("Edit groups", () => map(base, place), { small: true, "aria-label": `Edit groups of ${place.name}` }),
      button("Rename", () => edit(base, place), { small: true, "aria-label": `Rename ${place.name}` }),
      button("Remove", () => remove(base, place), { small: true, "aria-label": `Remove ${place.name}` }),
    ),
  );
}

const group = (base, tenant, { id, displayName, members, transitive, problem, refusedSince, canBeUnmapped }) =>
  h(
    "li",
    {},
    h("span", {}, displayName ?? ["Group with ID ", h("span", { class: "code" }, id)]),
    members !== null && h("span", { class: "help" }, ` ${count(members, "person", "people")}`),
    " ",
    !transitive && badge("direct members only"),
    problem && h("p", { class: "trouble" }, problem.detail),
    refusedSince && h("p", { class: "help" }, `Not read since ${when(refusedSince)}.`),
    canBeUnmapped && button("Unmap", () => unmap(base, tenant, id, displayName ?? id), { small: true, "aria-label": `Unmap ${displayName ?? id}` }),
  );

/** Offers to remove a group that is refused from all locations, or to preview what that would do. */
function unmap(base, tenant, id, name) {
  const start = async (preview) => {
    const run = await api.post(`${base}/unmapped-groups`, { group: id, preview });
    location.hash = `#/t/${tenant}/fetch/${run.id}`;
  };
  const troubles = h("div", {});
  const preview = async () => {
    await start(true);
    box.close();
  };
  const text = "The group is removed from all locations, and a sync starts. People who are in no other mapped group leave, within the deactivation limit.";
  const box = dialog(`Unmap ${name}?`, h("div", { class: "stack" }, h("p", {}, text), h("div", { class: "row" }, action("Preview", preview, troubles)), troubles), {
    label: "Unmap",
    done: () => start(false),
  });
}

function edit(base, place = null) {
  const name = input({ value: place?.name ?? "", name: "name" });
  const key = input({ name: "id" });
  if (!place) name.addEventListener("input", () => (key.value = slug(name.value)));
  const form = h("div", { class: "stack" }, field("Name", name), !place && field("ID", key, "Use a–z, 0–9 and hyphens. You cannot change it later."));
  dialog(place ? `Rename ${place.name}` : "Add a location", form, {
    label: "Save",
    done: async () => {
      const path = `${base}/locations/${encodeURIComponent(place?.id ?? key.value)}`;
      if (place) await api.get(path);
      await api.put(path, { name: name.value });
      reloadView();
    },
  });
}

function remove(base, place) {
  const progress = h("p", { class: "help", role: "status" });
  const text = h("p", {}, "The recipients of this location are erased immediately. Their changes stay visible in the history.");
  dialog(`Remove ${place.name}?`, h("div", { class: "stack" }, text, progress), {
    label: "Remove",
    done: async () => {
      const path = `${base}/locations/${encodeURIComponent(place.id)}`;
      let left = await api.remove(path);
      while (left) {
        replace(progress, `Erased ${count(left.rows, "row")} so far.`);
        left = await api.remove(path).catch(nothingLeft);
      }
      reloadView();
    },
  });
}

/** Another request, or the app itself, can have erased the rest of a large location. */
function nothingLeft(error) {
  if (error.status !== 404) throw error;
  return null;
}

async function map(base, place) {
  const path = `${base}/locations/${encodeURIComponent(place.id)}/groups`;
  const { groups } = await api.get(path);
  const names = new Map(place.groups.map(({ id, displayName }) => [id, displayName]));
  const picker = groupPicker(base, groups.map((group) => ({ ...group, displayName: names.get(group.id) })));
  dialog(`Groups of ${place.name}`, picker.element, {
    label: "Save",
    wide: true,
    done: async () => {
      await api.put(path, { groups: picker.value() });
      reloadView();
    },
  });
}
