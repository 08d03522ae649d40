/** Picks groups from a directory of any size; the search runs on the server. */

import * as api from "../api.js";
import { announce, h, replace } from "../dom.js";
import { count } from "../format.js";
import { button, check, field, input, problem } from "../parts/ui.js";

const PAUSE_MS = 250;

export function groupPicker(base, mapped) {
  const chosen = new Map(mapped.map((group) => [group.id, { ...group }]));
  const list = h("div", { class: "scrolled" });
  const results = h("div", {});
  const search = input({ type: "search", name: "group", oninput: () => later() });
  let timer;
  let searches = 0;

  const later = () => {
    clearTimeout(timer);
    timer = setTimeout(look, PAUSE_MS);
  };
  async function look() {
    const current = ++searches;
    try {
      const { groups } = await api.get(`${base}/groups?search=${encodeURIComponent(search.value.trim())}`);
      if (current !== searches) return;
      announce(count(groups.length, "group") + " found");
      replace(results, groups.length ? h("ul", { class: "plain results" }, groups.map(result)) : h("p", { class: "help" }, "No matches."));
    } catch (error) {
      if (current === searches) replace(results, problem(error));
    }
  }
  const result = (group) =>
    h(
      "li",
      {},
      h("span", { class: "grow" }, group.displayName, group.hiddenMembership && h("span", { class: "help" }, " (hidden membership)")),
      chosen.has(group.id)
        ? h("span", { class: "help" }, "Added")
        : button("Add", () => (chosen.set(group.id, { ...group, transitive: true }), show(), look()), { small: true, "aria-label": `Add ${group.displayName}` }),
    );
  function show() {
    const rows = [...chosen.values()].map((group) => {
      const name = group.displayName ?? `Group with ID ${group.id}`;
      const nested = check("Include nested groups", group.transitive, null, { onchange: (event) => (group.transitive = event.target.checked), "aria-label": `Include nested groups of ${name}` });
      return h("li", {}, h("span", { class: "grow" }, name), nested.element, button("Remove", () => (chosen.delete(group.id), show()), { small: true, "aria-label": `Remove ${name}` }));
    });
    replace(list, rows.length ? h("ul", { class: "plain results" }, rows) : h("p", { class: "help" }, "No groups mapped yet."));
  }
  show();
  look();
  return {
    element: h("div", { class: "stack" }, h("h3", {}, "Mapped groups"), list, field("Find a group", search, "Enter the start of the name, or the object ID."), results),
    value: () => [...chosen.values()].map(({ id, transitive }) => ({ id, transitive })),
  };
}
