/** The four entries and where to find them. */

import { h } from "../dom.js";
import { id, secret } from "../pasted.js";
import { check, field, input, select } from "../parts/ui.js";

const CLOUDS = [
  ["global", "Microsoft (worldwide)"],
  ["usgov", "US Government (GCC High, L4)"],
  ["usgov-dod", "US Government (DoD, L5)"],
  ["china", "China (21Vianet)"],
];
const WHERE = {
  tenantId: ["Directory (tenant) ID", "Entra admin center → Overview → Properties → Tenant ID."],
  clientId: ["Application (client) ID", "Enterprise applications → your app → Overview → Application ID."],
  objectId: ["Object ID", "On the same page: Enterprise applications → your app → Overview → Object ID. Not the one under App registrations."],
};
const SECRET = "App registrations → your app → Certificates & secrets → New client secret → copy its Value, not its Secret ID.";

/** The form: `entries()` gives what was entered, `accept(entries)` takes what a report suggests. */
export function credentials(sso) {
  const ids = Object.fromEntries(Object.keys(WHERE).map((name) => [name, input({ name, onchange: tidy(id) })]));
  const value = input({ name: "clientSecret", type: "password", autocomplete: "new-password", onchange: tidy(secret) });
  const signIn = input({ name: "signIn", value: sso?.clientId ?? "", onchange: tidy(id) });
  const cloud = select(CLOUDS, "global", { name: "cloud" });
  const login = input({ name: "loginEndpoint", placeholder: "https://login.microsoftonline.com" });
  const graph = input({ name: "graphEndpoint", placeholder: "https://graph.microsoft.com" });
  const users = check("Also read who may sign in (SSO users)", false, "Needs the permission Application.Read.All.");
  const element = h(
    "div",
    { class: "stack" },
    h(
      "fieldset",
      { class: "card" },
      h("legend", {}, "1. Sign-in application"),
      field("Application ID of your sign-in application", signIn, "The enterprise application with which your people sign in to the mailroom. It may be the same application as below."),
    ),
    h(
      "fieldset",
      { class: "card" },
      h("legend", {}, "2. Reading your directory"),
      Object.entries(WHERE).map(([name, [label, help]]) => field(label, ids[name], help)),
      field("Client secret", value, SECRET),
      field("Cloud", cloud),
      users.element,
      h("details", {}, h("summary", {}, "Other endpoints"), field("Login endpoint", login, "Leave empty unless your operator told you otherwise."), field("Graph endpoint", graph)),
    ),
  );
  return {
    element,
    entries: () => ({
      signIn: id(signIn.value),
      body: filled({
        ...Object.fromEntries(Object.entries(ids).map(([name, each]) => [name, id(each.value)])),
        clientSecret: secret(value.value),
        cloud: cloud.value,
        loginEndpoint: login.value.trim(),
        graphEndpoint: graph.value.trim(),
        ssoUsers: users.box.checked,
      }),
    }),
    accept: (suggested) => {
      for (const [name, text] of Object.entries(suggested)) if (ids[name]) ids[name].value = text;
    },
  };
}

/** Only the secret: everything else stays as it is. */
export function secretOnly(connection) {
  const value = input({ type: "password", autocomplete: "new-password", onchange: tidy(secret) });
  const kept = ["tenantId", "clientId", "objectId", "cloud", "loginEndpoint", "graphEndpoint"];
  return {
    element: field("New client secret", value, `${SECRET} The present one goes on working until this one has passed every check.`),
    body: () => filled({ ...Object.fromEntries(kept.map((name) => [name, connection[name]])), clientSecret: secret(value.value) }),
  };
}

const tidy = (read) => (event) => (event.target.value = read(event.target.value));
const filled = (body) => Object.fromEntries(Object.entries(body).filter(([name, value]) => value !== "" || name in WHERE || name === "clientSecret"));
