/**
 * Builds an element. Strings become text, never markup; `null` and `false` are left out.
 * `on...` properties are listeners, `value`, `checked` and the like are set as properties, the rest as attributes.
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

/** Says something to those who do not see that it changed. */
export function announce(text) {
  document.getElementById("live").textContent = text;
}

/** Shows the present view anew, with what is true by now. */
export const again = () => window.dispatchEvent(new HashChangeEvent("hashchange"));
