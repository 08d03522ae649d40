/** SSO users: people assigned to the sign-in application, and the product users created from them. */

import * as api from "../api.js";
import { h, reloadView } from "../dom.js";
import { words } from "../format.js";
import { reason } from "../labels.js";
import { dialog } from "../parts/dialog.js";
import { badge, button, card, empty, field, page, select, table } from "../parts/ui.js";

const ROLES = [
  ["viewer", "Viewer: sees parcels"],
  ["mailroom", "Mailroom: handles parcels"],
  ["administrator", "Administrator: manages all settings"],
];

export async function ssoUsers({ tenant }) {
  const base = api.at("tenants", tenant);
  const { users } = await api.get(`${base}/users`);
  let people;
  try {
    people = (await api.get(`${base}/sso-users`)).users;
  } catch (error) {
    if (error.code !== "sso_users_off") throw error;
    return page("SSO users", null, empty("SSO users are turned off.", h("a", { href: `#/t/${tenant}/preferences` }, "Turn them on in the preferences")), productUsers(users));
  }
  const roles = new Map(users.map(({ objectId, role }) => [objectId, role]));
  return page(
    "SSO users",
    "People assigned to your sign-in application. You choose who becomes a user, and with which role.",
    people.length
      ? table("SSO users", ["Name", "E-mail", "Assigned", "User"], people.map((person) => cells(base, person, roles)))
      : empty("No people are assigned to the sign-in application. Assign people or groups to it in the Entra admin center."),
    productUsers(users),
  );
}

const cells = (base, person, roles) => [
  person.displayName ?? person.userPrincipalName,
  person.mail ?? "",
  person.via.map((way) => h("div", {}, way === "direct" ? "Directly" : ["Through the group with ID ", h("span", { class: "code" }, way)])),
  roles.has(person.objectId) ? badge(words(roles.get(person.objectId)), "success") : person.included ? button("Create user", () => make(base, person), { small: true, "aria-label": `Create user ${person.displayName}` }) : [badge("Not possible"), h("div", { class: "help" }, reason(person.reason))],
];

const productUsers = (users) => users.length > 0 && card("Users", table("Users", ["Name", "E-mail", "Role"], users.map((user) => [user.displayName ?? "", user.mail, words(user.role)])));

function make(base, person) {
  const role = select(ROLES, "viewer", { name: "role" });
  dialog(`Create a user for ${person.displayName ?? person.mail}`, field("Role", role), {
    label: "Create user",
    done: async () => {
      await api.post(`${base}/users`, { objectId: person.objectId, role: role.value });
      reloadView();
    },
  });
}
