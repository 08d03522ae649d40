/**
 * Creates an element. Strings become text, never markup; `null` and `false` are skipped.
 * `on...` properties become listeners, those in `PROPERTIES` are set as properties, all others as attributes.
 */
const PROPERTIES = new Set(["value", "checked", "disabled", "selected", "open", "indeterminate"]);

export function h(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  append(element, children);
  for (const [name, value] of Object.entries(properties)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (PROPERTIES.has(name)) element[name] = value;
    else element.setAttribute(name, value === true ? "" : String(value));
  }
  return element;
}

export function append(element, children) {
  for (const child of children.flat(Infinity)) {
    if (child === null || child === undefined || child === false) continue;
    element.append(child instanceof Node ? child : String(child));
  }
  return element;
}

export function replace(element, ...children) {
  element.replaceChildren();
  return append(element, children);
}

/** Announces a change to screen readers. */
export function announce(text) {
  document.getElementById("live").textContent = text;
}

/** Reloads the current view with fresh data. */
export const reloadView = () => window.dispatchEvent(new HashChangeEvent("hashchange"));
