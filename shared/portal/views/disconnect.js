/** Disconnect: what is erased and what stays, said before and after. */

import * as api from "../api.js";
import { again, h } from "../dom.js";
import { words } from "../format.js";
import { dialog } from "../parts/dialog.js";

export function disconnect(base) {
  const content = h(
    "div",
    {},
    h("p", {}, "Erased at once: the secret, and the IDs of your directory and application. Connecting again needs them entered again."),
    h("p", {}, "Kept: recipients, their history, locations, mapped groups and preferences. Nobody is deactivated."),
  );
  dialog("Disconnect the directory?", content, {
    label: "Disconnect",
    done: async () => {
      const done = await api.remove(`${base}/connection`);
      const box = dialog(
        "The directory is disconnected",
        h("div", {}, h("p", {}, `Erased: ${list(done.erased)}.`), h("p", {}, `Kept: ${list(done.kept)}.`)),
      );
      box.addEventListener("close", () => again());
    },
  });
}

const NAMES = { tenantId: "directory ID", clientId: "application ID", objectId: "object ID" };
const list = (codes) => codes.map((each) => NAMES[each] ?? words(each).toLowerCase()).join(", ");
