/** SSO users: who may sign in, through what, and who of them is a user of the product. */

import * as api from "../api.js";
import { again, h } from "../dom.js";
import { words } from "../format.js";
import { dialog } from "../parts/dialog.js";
import { badge, button, card, empty, field, page, select, table } from "../parts/ui.js";

const ROLES = [
  ["viewer", "Viewer: looks at parcels"],
  ["mailroom", "Mailroom: handles parcels"],
  ["administrator", "Administrator: sets everything up"],
];

export async function users({ tenant }) {
  const base = api.at("tenants", tenant);
  const made = (await api.get(`${base}/users`)).users;
  let found;
  try {
    found = (await api.get(`${base}/sso-users`)).users;
  } catch (error) {
    if (error.code !== "sso_users_off") throw error;
    return page("SSO users", null, empty("SSO users are switched off.", h("a", { href: `#/t/${tenant}/preferences` }, "Switch them on in the preferences")), known(made));
  }
  const roles = new Map(made.map((each) => [each.objectId, each.role]));
  return page(
    "SSO users",
    "Who is assigned to your sign-in application, and who of them is a user here. Nobody becomes one automatically.",
    found.length
      ? table("SSO users", ["Name", "Address", "Through", "User here"], found.map((each) => cells(base, each, roles)))
      : empty("Nobody is assigned to the sign-in application. Assign people or groups to it in the Entra admin center."),
    known(made),
  );
}

const cells = (base, each, roles) => [
  each.displayName ?? each.userPrincipalName,
  each.mail ?? "",
  each.via.map((way) => h("div", {}, way === "direct" ? "Directly" : ["Group ", h("span", { class: "code" }, way)])),
  roles.has(each.objectId) ? badge(words(roles.get(each.objectId)), "success") : each.included ? button("Create user", () => make(base, each), { small: true, "aria-label": `Create user ${each.displayName}` }) : [badge("Not possible"), h("div", { class: "help" }, words(each.reason))],
];

const known = (made) => made.length > 0 && card("Users here", table("Users", ["Name", "Address", "Role"], made.map((each) => [each.displayName ?? "", each.mail, words(each.role)])));

function make(base, person) {
  const role = select(ROLES, "viewer", { name: "role" });
  dialog(`Create a user for ${person.displayName ?? person.mail}`, field("Role", role), {
    label: "Create user",
    done: async () => {
      await api.post(`${base}/users`, { objectId: person.objectId, role: role.value });
      again();
    },
  });
}
