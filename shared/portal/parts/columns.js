/** Columns of a CSV file: shows what each means and lets people correct it. The location remembers the choices. */

import * as api from "../api.js";
import { h, replace } from "../dom.js";
import { count } from "../format.js";
import { readEditable } from "../person_fields.js";
import { action, select } from "./ui.js";

const NOT_USED = ["", "Not used"];
const STATE = ["active", "Account in use"];

/** The columns of files for a location. `changed` is called when a person has chosen another field. */
export async function columnChoice(location, changed) {
  const path = `${location}/columns`;
  const [{ columns: remembered }, editable] = await Promise.all([api.get(path), readEditable()]);
  const fields = [NOT_USED, ...editable, STATE];
  const label = (name) => fields.find(([field]) => field === (name ?? ""))?.[1] ?? name;
  const [memory, element, troubles] = [h("div", { class: "stack tight" }), h("div", {}), h("div", {})];
  let chosen = {};

  const forget = async () => {
    await api.put(path, { columns: {} });
    for (const name of Object.keys(remembered)) delete remembered[name];
    replace(memory);
    changed();
  };
  if (Object.keys(remembered).length > 0) {
    const list = Object.entries(remembered).map(([name, field]) => `${name} → ${label(field)}`);
    replace(memory, h("p", { class: "help" }, `Columns chosen for earlier files: ${list.join(", ")}`), h("div", { class: "row" }, action("Forget these choices", forget, troubles, { small: true })), troubles);
  }

  const line = ({ name, field = "", nearest = null }) => {
    const choice = select(fields, field, {
      "aria-label": `Column ${name}`,
      onchange: () => {
        chosen[name] = choice.value || null;
        changed();
      },
    });
    return h("li", {}, h("div", {}, h("strong", {}, name), nearest && h("p", { class: "help" }, `Did you mean ${label(nearest)}?`)), choice);
  };

  return {
    memory,
    element,
    /** The fields of columns to send; null for those that the location remembers. */
    given: () => (Object.keys(chosen).length > 0 ? { ...remembered, ...chosen } : null),
    /** Shows the columns of an answer. Problems with them are shown open. */
    show: ({ usedColumns, unusedColumns }, { open = false } = {}) => {
      const title = `Columns: ${count(usedColumns.length, "column")} used, ${unusedColumns.length} not used`;
      const lines = [...unusedColumns, ...usedColumns].map(line);
      const help = h("p", { class: "help" }, "Choose another field if a column means something else. Your choices are remembered once the file is imported.");
      replace(element, h("details", { open }, h("summary", {}, title), help, h("ul", { class: "plain columns" }, lines)));
    },
    /** Forgets the choices, for another file. */
    reset: () => {
      chosen = {};
      replace(element);
    },
  };
}
