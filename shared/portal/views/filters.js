/** Filters by attribute: whom to keep, or to leave out. */

import { h, replace } from "../dom.js";
import { button, input, select } from "../parts/ui.js";

export const ATTRIBUTES = [
  ["department", "Department"],
  ["officeLocation", "Office"],
  ["jobTitle", "Job title"],
  ["companyName", "Company"],
  ["employeeType", "Employee type"],
  ["employeeId", "Employee ID"],
  ["userPrincipalName", "User principal name"],
];

export function filterEditor(kept) {
  const list = h("div", { class: "stack" });
  let rows = [];
  const show = () => replace(list, rows.map((each) => each.element));
  const add = (filter = { attribute: "department", values: [], keep: true }) => {
    const attribute = select(ATTRIBUTES, filter.attribute, { "aria-label": "Attribute" });
    const keep = select([["yes", "is one of"], ["no", "is none of"]], filter.keep ? "yes" : "no", { "aria-label": "Whether to keep" });
    const values = input({ value: filter.values.join(", "), "aria-label": "Values" });
    const row = {
      value: () => ({ attribute: attribute.value, keep: keep.value === "yes", values: values.value.split(",").map((each) => each.trim()).filter(Boolean) }),
    };
    const drop = button("Remove", () => ((rows = rows.filter((each) => each !== row)), show()), { small: true });
    row.element = h("div", { class: "row" }, attribute, keep, h("div", { class: "grow" }, values), drop);
    rows.push(row);
    show();
  };
  kept.forEach(add);
  return {
    value: () => rows.map((each) => each.value()).filter((each) => each.values.length),
    element: h(
      "details",
      { open: kept.length > 0 },
      h("summary", {}, "Filters"),
      h("p", { class: "help" }, "All of them have to fit. Separate values by commas; one that ends with * stands for whatever begins like it."),
      list,
      button("Add a filter", () => add(), { small: true }),
    ),
  };
}
