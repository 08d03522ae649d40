/** Modal dialogs: the browser's own, which trap the focus and close with Escape. */

import { h, replace } from "../dom.js";
import { action, button } from "./ui.js";

const TEXT_FIELDS = "input:is([type=text], [type=password], [type=email])";

/** Opens a dialog. Its main button, or Enter in a text field, calls `done` and then closes it. */
export function dialog(title, content, { label = null, done = null, wide = false } = {}) {
  const troubles = h("div", {});
  const heading = h("h2", { id: "dialog-title" }, title);
  const box = h("dialog", { "aria-labelledby": "dialog-title", class: wide ? "wide" : "" });
  const finish = async () => {
    await done();
    box.close();
  };
  const main = done && action(label, finish, troubles, { primary: true });
  replace(
    box,
    heading,
    h("div", { class: "dialog-body" }, content),
    troubles,
    h(
      "div",
      { class: "row end" },
      button(done ? "Cancel" : "Close", () => box.close()),
      main,
    ),
  );
  if (main) box.addEventListener("keydown", (event) => event.key === "Enter" && event.target.matches(TEXT_FIELDS) && main.click());
  box.addEventListener("close", () => box.remove());
  document.body.append(box);
  box.showModal();
  return box;
}
