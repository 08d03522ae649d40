/** Chooses groups out of a directory of any size: the server searches. */

import * as api from "../api.js";
import { announce, h, replace } from "../dom.js";
import { count } from "../format.js";
import { button, check, field, input, problem } from "../parts/ui.js";

const PAUSE_MS = 250;

export function groupPicker(base, kept) {
  const chosen = new Map(kept.map((each) => [each.id, { ...each }]));
  const list = h("div", {});
  const results = h("div", {});
  const search = input({ type: "search", name: "group", oninput: () => later() });
  let timer;
  let asked = 0;

  const later = () => {
    clearTimeout(timer);
    timer = setTimeout(look, PAUSE_MS);
  };
  async function look() {
    const mine = ++asked;
    try {
      const { groups } = await api.get(`${base}/groups?search=${encodeURIComponent(search.value.trim())}`);
      if (mine !== asked) return;
      announce(count(groups.length, "group") + " found");
      replace(results, groups.length ? h("ul", { class: "plain results" }, groups.map(found)) : h("p", { class: "help" }, "No group’s name begins like that."));
    } catch (error) {
      if (mine === asked) replace(results, problem(error));
    }
  }
  const found = (group) =>
    h(
      "li",
      {},
      h("span", { class: "grow" }, group.displayName, group.hiddenMembership && h("span", { class: "help" }, " (hides its members)")),
      chosen.has(group.id)
        ? h("span", { class: "help" }, "Added")
        : button("Add", () => (chosen.set(group.id, { ...group, transitive: true }), show(), look()), { small: true, "aria-label": `Add ${group.displayName}` }),
    );
  function show() {
    const rows = [...chosen.values()].map((group) => {
      const name = group.displayName ?? group.id;
      const nested = check("Nested groups count", group.transitive, null, { onchange: (event) => (group.transitive = event.target.checked), "aria-label": `Nested groups of ${name} count` });
      return h("li", {}, h("span", { class: "grow" }, name), nested.element, button("Remove", () => (chosen.delete(group.id), show()), { small: true, "aria-label": `Remove ${name}` }));
    });
    replace(list, rows.length ? h("ul", { class: "plain results" }, rows) : h("p", { class: "help" }, "None yet."));
  }
  show();
  look();
  return {
    element: h("div", { class: "stack" }, h("h3", {}, "Mapped here"), list, field("Find a group", search, "The beginning of its name, or its object ID."), results),
    value: () => [...chosen.values()].map(({ id, transitive }) => ({ id, transitive })),
  };
}
