/** Location rule: maps values of an attribute to locations. */

import * as api from "../api.js";
import { h, replace } from "../dom.js";
import { count } from "../format.js";
import { action, check, input, select, table } from "../parts/ui.js";

export function ruleEditor(base, rule, locations, attributes) {
  const on = check("Also assign locations by attribute", rule !== null, "Only in “Members of groups” mode. Requires reading the whole directory.");
  const attribute = select(attributes, rule?.attribute ?? "officeLocation", { "aria-label": "Attribute" });
  const list = h("div", {});
  const troubles = h("div", {});
  const options = [["", "No location"], ...locations.map((place) => [place.id, place.name])];
  let rows = (rule?.entries ?? []).map((entry) => row(entry.value, entry.location, null));

  function row(value, location, people) {
    const text = input({ value, "aria-label": "Value" });
    const where = select(options, location ?? "", { "aria-label": `Location of ${value}` });
    return { cells: [text, people === null ? "" : count(people, "person", "people"), where], value: () => ({ value: text.value.trim(), location: where.value }) };
  }
  const show = () => replace(list, rows.length > 0 && table("Values and locations", ["Value", "People", "Location"], rows.map((row) => row.cells)));
  const load = async () => {
    const { values } = await api.get(`${base}/attribute-values?attribute=${attribute.value}`);
    const listed = new Set(rows.map((row) => row.value().value.toLowerCase()));
    rows = [...rows, ...values.filter((entry) => !listed.has(entry.value.toLowerCase())).map((entry) => row(entry.value, entry.location, entry.people))];
    show();
  };
  show();
  const details = h("div", { class: "stack indent" }, h("div", { class: "row" }, attribute, action("Load values from the directory", load, troubles, { small: true })), troubles, list);
  const follow = () => (details.hidden = !on.box.checked);
  on.box.addEventListener("change", follow);
  follow();
  return {
    element: h("div", {}, on.element, details),
    value: () => {
      const entries = rows.map((row) => row.value()).filter((entry) => entry.value && entry.location);
      return on.box.checked && entries.length ? { attribute: attribute.value, entries } : null;
    },
  };
}
