/** One recipient: explains why the person is a recipient, and edits the details. */

import * as api from "../api.js";
import { h, replace } from "../dom.js";
import { reason } from "../labels.js";
import { dialog } from "../parts/dialog.js";
import { badge, check, field, input, problem, waiting } from "../parts/ui.js";
import { readEditable } from "../person_fields.js";

export async function why(base, user, name) {
  const content = h("div", { class: "stack" }, waiting("Checking the directory"));
  dialog(`Why is ${name} a recipient?`, content, { wide: true });
  try {
    const answer = await api.get(`${base}/explain?user=${encodeURIComponent(user)}`);
    const remark = answer.inDirectory === null ? "The directory cannot be reached at the moment. This is the result of the last sync." : answer.inDirectory ? null : "This person was not found in the directory.";
    replace(content, remark && h("p", {}, remark), h("ul", { class: "plain explained" }, answer.locations.map(explained)));
  } catch (error) {
    replace(content, problem(error));
  }
}

const explained = (answer) =>
  h(
    "li",
    {},
    h("p", { class: "row tight" }, h("strong", {}, answer.location), badge(answer.in ? "Recipient" : "Not a recipient", answer.in ? "success" : "neutral"), badge(reason(answer.reason))),
    h("p", {}, answer.detail),
    answer.paths.map((path) => h("p", { class: "help" }, path.map((step) => step.displayName).join(" → "))),
  );

export async function edit(path, { id }, reload) {
  const own = `${path}/${encodeURIComponent(id)}`;
  const [recipient, fields] = await Promise.all([api.get(own), readEditable()]);
  const inputs = Object.fromEntries(fields.map(([name]) => [name, input({ name, value: recipient[name] ?? "" })]));
  const active = check("Active", recipient.status === "active", "If you clear this, syncs will not reactivate the recipient.", { name: "active" });
  const was = active.box.checked;
  const form = h("div", { class: "stack" }, active.element, h("div", { class: "grid" }, fields.map(([name, label]) => field(label, inputs[name]))));
  dialog(`Edit ${recipient.displayName ?? recipient.id}`, form, {
    label: "Save",
    wide: true,
    done: async () => {
      const changed = fields.map(([name]) => name).filter((name) => inputs[name].value.trim() !== (recipient[name] ?? ""));
      const body = Object.fromEntries(changed.map((name) => [name, inputs[name].value.trim() || null]));
      if (active.box.checked !== was) body.active = active.box.checked;
      if (Object.keys(body).length) await api.patch(own, body);
      reload();
    },
  });
}
