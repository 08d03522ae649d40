/** The sign-in page: with a work account, or with a key. */

import { h, replace } from "../dom.js";
import { card, button, field, input, page, problem } from "../parts/ui.js";
import { accepts, forgetKey, hasKey, hasSignIn, signIn, useKey } from "../session.js";

const withMicrosoft = () => [h("p", {}, "Use your work account."), h("p", {}, h("a", { class: "cta", href: signIn }, "Sign in with Microsoft"))];
const withoutMicrosoft = () => [h("p", {}, "Signing in with Microsoft is not set up for this app. Ask your operator to set it up.")];

export async function enter(error, begin) {
  const refused = hasKey();
  const offered = error.code !== "sign_in_off" && (await hasSignIn());
  forgetKey();
  const key = input({ type: "password", name: "key" });
  const refusal = h("div", { "aria-live": "polite" });
  const submit = () => {
    if (!key.value.trim()) return key.focus();
    if (!accepts(key.value.trim(), location.hostname)) {
      return replace(refusal, problem({ message: "This is not a named key.", fix: "Create a named key with the scopes that you need, and enter that one. The function key does not belong in a browser." }));
    }
    useKey(key.value);
    return begin();
  };
  const form = h(
    "form",
    { onsubmit: (event) => (event.preventDefault(), submit()) },
    field("Key", key, "Stored in this browser tab only, until you close the tab."),
    button("Sign in with the key", submit),
    refusal,
  );
  return page(
    "Welcome to Recipient Sync",
    "Recipient Sync keeps the recipients of your mailrooms up to date from your Microsoft Entra ID directory.",
    refused && problem({ message: "The key was not accepted.", fix: "Check that you copied the whole key, and that it has not ended, then try again." }),
    !refused && error.status !== 401 && problem(error),
    card("Sign in", ...(offered ? withMicrosoft() : withoutMicrosoft())),
    h("details", { class: "card", open: refused }, h("summary", {}, "I operate this app and have a key"), form),
  );
}
