/** Filters by attribute: which people to include or to exclude. */

import { h, replace } from "../dom.js";
import { button, input, select } from "../parts/ui.js";

export function filterEditor(kept, attributes) {
  const list = h("div", { class: "stack" });
  let rows = [];
  const show = () => replace(list, rows.map((row) => row.element));
  const add = (filter = { attribute: "department", values: [], keep: true }) => {
    const attribute = select(attributes, filter.attribute, { "aria-label": "Attribute" });
    const keep = select([["yes", "is one of"], ["no", "is not one of"]], filter.keep ? "yes" : "no", { "aria-label": "Condition" });
    const values = input({ value: filter.values.join(", "), "aria-label": "Values" });
    const row = {
      value: () => ({ attribute: attribute.value, keep: keep.value === "yes", values: values.value.split(",").map((text) => text.trim()).filter(Boolean) }),
    };
    const drop = button("Remove", () => ((rows = rows.filter((other) => other !== row)), show()), { small: true });
    row.element = h("div", { class: "row" }, attribute, keep, h("div", { class: "grow" }, values), drop);
    rows.push(row);
    show();
  };
  kept.forEach(add);
  return {
    value: () => rows.map((row) => row.value()).filter((filter) => filter.values.length),
    element: h(
      "details",
      { open: kept.length > 0 },
      h("summary", {}, "Filters"),
      h("p", { class: "help" }, "Only people who match all filters become recipients. Separate values with commas. A value that ends with * matches everything that starts with it."),
      list,
      button("Add filter", () => add(), { small: true }),
    ),
  };
}
