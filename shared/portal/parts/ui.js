/** Building blocks of all views. */

import { h, replace } from "../dom.js";

export const page = (title, lead, ...children) =>
  h("div", { class: "page" }, h("h1", {}, title), lead && h("p", { class: "lead" }, lead), children);

export const card = (title, ...children) => h("section", { class: "card" }, title && h("h2", {}, title), children);

export function button(label, onclick, { primary = false, small = false, ...rest } = {}) {
  const size = small ? { size: "small" } : {};
  return h("fluent-button", { appearance: primary ? "primary" : null, type: "button", onclick, ...size, ...rest }, label);
}

/** A button that is disabled while its work runs, and shows an error in the element `where`. */
export function action(label, work, where, options = {}) {
  const pressed = button(
    label,
    async () => {
      if (pressed.disabled) return;
      pressed.disabled = true;
      pressed.setAttribute("aria-disabled", "true"); // the component does not show this to everything that looks for it
      replace(where);
      try {
        await work();
      } catch (error) {
        replace(where, problem(error));
      } finally {
        pressed.disabled = false;
        pressed.removeAttribute("aria-disabled");
      }
    },
    options,
  );
  return pressed;
}

let fields = 0;

/** An input with its label and its help text, linked for screen readers. */
export function field(label, input, help = null, more = null) {
  input.id ||= `field-${++fields}`;
  const described = help ? `${input.id}-help` : null;
  if (described) input.setAttribute("aria-describedby", described);
  return h(
    "div",
    { class: "field" },
    h("label", { for: input.id }, label),
    input,
    help && h("p", { class: "help", id: described }, help),
    more,
  );
}

export const input = (properties = {}) => h("input", { type: "text", autocomplete: "off", spellcheck: "false", ...properties });

export const select = (options, value, properties = {}) =>
  h(
    "select",
    properties,
    options.map(([key, label]) => h("option", { value: key, selected: key === value }, label)),
  );

/** A checkbox with its label and help text. */
export function check(label, checked, help = null, properties = {}) {
  const box = h("input", { type: "checkbox", checked, ...properties });
  box.id ||= `field-${++fields}`;
  const described = help ? `${box.id}-help` : null;
  if (described) box.setAttribute("aria-describedby", described);
  const element = h(
    "div",
    { class: "check" },
    box,
    h("div", {}, h("label", { for: box.id }, label), help && h("p", { class: "help", id: described }, help)),
  );
  return { element, box };
}

/** A notice: `info`, `success`, `warning` or `error`. */
export const notice = (intent, title, text = null, ...children) =>
  h(
    "div",
    { class: `notice ${intent}`, role: intent === "error" ? "alert" : "status" },
    h("strong", {}, title),
    text && h("p", {}, text),
    children,
  );

export function problem(error) {
  if (error.status === 412) {
    const reload = button("Reload", () => location.reload(), { small: true });
    return notice("warning", "Another admin changed this while you were editing.", "Your change was not saved.", reload);
  }
  return notice("error", error.message, error.fix ?? null);
}

export const waiting = (label) => h("div", { class: "waiting" }, h("fluent-spinner", { "aria-hidden": "true" }), h("span", {}, `${label} …`));

export const badge = (text, tone = "neutral") => h("span", { class: `badge ${tone}` }, text);

export const empty = (text, ...children) => h("div", { class: "empty" }, h("p", {}, text), children);

/** A table that scrolls horizontally if it is too wide; on a telephone, its rows are blocks. `rows` are lists of cells.
 *  The roles are those of the elements, which a browser forgets when they are shown as blocks. */
export function table(caption, heads, rows) {
  return h(
    "div",
    { class: "table", tabindex: 0, role: "region", "aria-label": caption },
    h(
      "table",
      { role: "table" },
      h("caption", { class: "hidden" }, caption),
      h("thead", { role: "rowgroup" }, h("tr", { role: "row" }, heads.map((head) => h("th", { scope: "col", role: "columnheader" }, head)))),
      h("tbody", { role: "rowgroup" }, rows.map((cells) => h("tr", { role: "row" }, cells.map((cell, at) => h("td", { role: "cell", "data-column": heads[at] }, cell))))),
    ),
  );
}
