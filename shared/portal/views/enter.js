/** Where nobody is signed in: how to get in. */

import { h } from "../dom.js";
import { card, button, field, input, page, problem } from "../parts/ui.js";
import { forgetKey, hasKey, signIn, useKey } from "../session.js";

export function enter(error, begin) {
  const refused = hasKey();
  forgetKey();
  const key = input({ type: "password", name: "key" });
  const go = () => {
    if (!key.value.trim()) return key.focus();
    useKey(key.value);
    return begin();
  };
  const form = h(
    "form",
    { onsubmit: (event) => (event.preventDefault(), go()) },
    field("Function key", key, "Kept in this tab only, and forgotten when it is closed."),
    button("Use the key", go),
  );
  return page(
    "Welcome to Recipient Sync",
    "It turns your Microsoft Entra ID directory into the people whom parcels can be addressed to.",
    refused && problem({ message: "The key was not accepted.", fix: "Copy it again." }),
    !refused && error.status !== 401 && problem(error),
    card("Sign in", h("p", {}, "Use your work account."), h("p", {}, h("a", { class: "cta", href: signIn }, "Sign in with Microsoft"))),
    h("details", { class: "card", open: refused }, h("summary", {}, "I operate this app and have its function key"), form),
  );
}
