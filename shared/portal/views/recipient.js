/** One recipient: why they are here, and what a person may change. */

import * as api from "../api.js";
import { h, replace } from "../dom.js";
import { words } from "../format.js";
import { dialog } from "../parts/dialog.js";
import { badge, check, field, input, problem, waiting } from "../parts/ui.js";

const FIELDS = ["displayName", "givenName", "surname", "mail", "mobilePhone", "businessPhone", "department", "jobTitle", "officeLocation", "employeeId", "employeeType", "companyName", "managerName", "managerMail"];
const LABELS = { displayName: "Name", givenName: "Given name", surname: "Surname", mail: "E-mail", mobilePhone: "Mobile phone", businessPhone: "Business phone", jobTitle: "Title", officeLocation: "Office", employeeId: "Employee ID", employeeType: "Employee type", companyName: "Company", managerName: "Manager", managerMail: "Manager’s e-mail" };

export async function why(base, user, name) {
  const content = h("div", {}, waiting("Asking the directory"));
  dialog(`Why is ${name} where they are?`, content, { wide: true });
  try {
    const found = await api.get(`${base}/explain?user=${encodeURIComponent(user)}`);
    const known = found.inDirectory === null ? "The directory could not be asked just now." : found.inDirectory ? null : "The directory has no such user.";
    replace(content, known && h("p", {}, known), h("ul", { class: "plain explained" }, found.locations.map(explained)));
  } catch (error) {
    replace(content, problem(error));
  }
}

const explained = (each) =>
  h(
    "li",
    {},
    h("p", { class: "row tight" }, h("strong", {}, each.location), badge(each.in ? "Recipient" : "No recipient", each.in ? "success" : "neutral"), badge(words(each.reason))),
    h("p", {}, each.detail),
    each.paths.map((path) => h("p", { class: "help" }, path.map((step) => step.displayName).join(" → "))),
  );

export async function edit(path, shown, reload) {
  const own = `${path}/${encodeURIComponent(shown.id)}`;
  const recipient = await api.get(own);
  const inputs = Object.fromEntries(FIELDS.map((name) => [name, input({ name, value: recipient[name] ?? "" })]));
  const active = check("Parcels can be addressed to them", recipient.status === "active", "Taken away here, it stays so until somebody ticks it again; no sync does.", { name: "active" });
  const was = active.box.checked;
  const form = h("div", {}, active.element, h("div", { class: "grid" }, FIELDS.map((name) => field(LABELS[name] ?? words(name), inputs[name]))));
  dialog(`Edit ${recipient.displayName ?? recipient.id}`, form, {
    label: "Save",
    wide: true,
    done: async () => {
      const changed = FIELDS.filter((name) => inputs[name].value.trim() !== (recipient[name] ?? ""));
      const body = Object.fromEntries(changed.map((name) => [name, inputs[name].value.trim() || null]));
      if (active.box.checked !== was) body.active = active.box.checked;
      if (Object.keys(body).length) await api.patch(own, body);
      reload();
    },
  });
}
