/** The header of every view: the current tenant, the menu and "Sign out". */

import { h } from "../dom.js";
import { forgetKey, hasKey, signOut } from "../session.js";

export function header(me, tenant, current, views) {
  const out = hasKey()
    ? h("a", { href: "#/", class: "quiet", onclick: leave }, "Sign out")
    : me && h("a", { href: signOut, class: "quiet" }, "Sign out");
  return h(
    "div",
    {},
    h(
      "div",
      { class: "bar" },
      h("a", { href: "#/", class: "brand" }, h("img", { src: "portal/icon.svg", alt: "", width: 24, height: 24 }), "Recipient Sync"),
      tenant && h("span", { class: "tenant" }, tenant),
      h("span", { class: "grow" }),
      out,
    ),
    tenant &&
      h(
        "nav",
        { "aria-label": tenant },
        Object.entries(views).map(([name, { title }]) =>
          h("a", { href: `#/t/${tenant}/${name}`, "aria-current": name === current ? "page" : null }, title),
        ),
      ),
  );
}

function leave() {
  forgetKey();
  location.reload();
}
