/** Disconnect: shows before and after what is erased and what is kept. */

import * as api from "../api.js";
import { h, reloadView } from "../dom.js";
import { words } from "../format.js";
import { dialog } from "../parts/dialog.js";

export function disconnect(base) {
  const content = h(
    "div",
    { class: "stack" },
    h("p", {}, "Erased immediately: the client secret and the IDs of your directory and application. To connect again, you need to enter them again."),
    h("p", {}, "Kept: recipients, their history, locations, mapped groups and preferences. No recipient is deactivated."),
  );
  dialog("Disconnect the directory?", content, {
    label: "Disconnect",
    done: async () => {
      const done = await api.remove(`${base}/connection`);
      const box = dialog(
        "The directory is disconnected",
        h("div", { class: "stack" }, h("p", {}, `Erased: ${list(done.erased)}.`), h("p", {}, `Kept: ${list(done.kept)}.`)),
      );
      box.addEventListener("close", () => reloadView());
    },
  });
}

const NAMES = { tenantId: "directory ID", clientId: "application ID", objectId: "object ID" };
const list = (codes) => codes.map((code) => NAMES[code] ?? words(code).toLowerCase()).join(", ");
