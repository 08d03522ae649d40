/** Locations from an attribute: which value means which location. */

import * as api from "../api.js";
import { h, replace } from "../dom.js";
import { count } from "../format.js";
import { action, check, input, select, table } from "../parts/ui.js";
import { ATTRIBUTES } from "./filters.js";

export function ruleEditor(base, kept, locations) {
  const on = check("Also put people where an attribute says that they are", kept !== null, "Beside the groups; reads the whole directory. Counts where members of groups are recipients.");
  const attribute = select(ATTRIBUTES, kept?.attribute ?? "officeLocation", { "aria-label": "Attribute" });
  const list = h("div", {});
  const troubles = h("div", {});
  const options = [["", "No location"], ...locations.map((each) => [each.id, each.name])];
  let rows = (kept?.places ?? []).map((each) => row(each.value, each.location, null));

  function row(value, location, people) {
    const text = input({ value, "aria-label": "Value" });
    const where = select(options, location ?? "", { "aria-label": `Location of ${value}` });
    return { cells: [text, people === null ? "" : count(people, "person", "people"), where], value: () => ({ value: text.value.trim(), location: where.value }) };
  }
  const show = () => replace(list, rows.length > 0 && table("Values and locations", ["Value", "People", "Location"], rows.map((each) => each.cells)));
  const load = async () => {
    const { values } = await api.get(`${base}/attribute-values?attribute=${attribute.value}`);
    const known = new Set(rows.map((each) => each.value().value.toLowerCase()));
    rows = [...rows, ...values.filter((each) => !known.has(each.value.toLowerCase())).map((each) => row(each.value, each.location, each.people))];
    show();
  };
  show();
  const details = h("div", { class: "stack indent" }, h("div", { class: "row" }, attribute, action("List the values that people have", load, troubles, { small: true })), troubles, list);
  const follow = () => (details.hidden = !on.box.checked);
  on.box.addEventListener("change", follow);
  follow();
  return {
    element: h("div", {}, on.element, details),
    value: () => {
      const places = rows.map((each) => each.value()).filter((each) => each.value && each.location);
      return on.box.checked && places.length ? { attribute: attribute.value, places } : null;
    },
  };
}
