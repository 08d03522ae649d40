/** The form for the four credentials, with where to find each of them. */

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
  objectId: ["Object ID", "Enterprise applications → your app → Overview → Object ID. Do not use the object ID under App registrations."],
};
const SECRET = "App registrations → your app → Certificates & secrets → New client secret → copy the Value, not the Secret ID.";

/** Creates the form. `entries()` returns the entered values; `accept(entries)` fills in the values that a report suggests. */
export function credentials(sso) {
  const ids = Object.fromEntries(Object.keys(WHERE).map((name) => [name, input({ name, onchange: tidy(id) })]));
  const value = input({ name: "clientSecret", type: "password", autocomplete: "new-password", onchange: tidy(secret) });
  const signIn = input({ name: "signIn", value: sso?.clientId ?? "", onchange: tidy(id) });
  const cloud = select(CLOUDS, "global", { name: "cloud" });
  const login = input({ name: "loginEndpoint", placeholder: "https://login.microsoftonline.com" });
  const graph = input({ name: "graphEndpoint", placeholder: "https://graph.microsoft.com" });
  const users = check("Also read SSO users (people assigned to your sign-in application)", false, "Requires the permission Application.Read.All.");
  const element = h(
    "div",
    { class: "stack" },
    h(
      "fieldset",
      { class: "card" },
      h("legend", {}, "1. Sign-in application"),
      field("Application ID of your sign-in application", signIn, "The enterprise application that your people use to sign in to the mailroom. It can be the same application as in step 2."),
    ),
    h(
      "fieldset",
      { class: "card" },
      h("legend", {}, "2. Reading your directory"),
      Object.entries(WHERE).map(([name, [label, help]]) => field(label, ids[name], help)),
      field("Client secret", value, SECRET),
      field("Cloud", cloud),
      users.element,
      h("details", {}, h("summary", {}, "Other endpoints"), field("Login endpoint", login, "Leave empty unless your operator told you to fill it in."), field("Graph endpoint", graph)),
    ),
  );
  return {
    element,
    entries: () => ({
      signIn: id(signIn.value),
      body: filled({
        ...Object.fromEntries(Object.entries(ids).map(([name, box]) => [name, id(box.value)])),
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

/** Creates the form for a new secret. All other values stay unchanged. */
export function secretOnly(connection) {
  const value = input({ type: "password", autocomplete: "new-password", onchange: tidy(secret) });
  const unchanged = ["tenantId", "clientId", "objectId", "cloud", "loginEndpoint", "graphEndpoint"];
  return {
    element: field("New client secret", value, `${SECRET} The current secret stays in use until the new one has passed all checks.`),
    body: () => filled({ ...Object.fromEntries(unchanged.map((name) => [name, connection[name]])), clientSecret: secret(value.value) }),
  };
}

const tidy = (read) => (event) => (event.target.value = read(event.target.value));
const filled = (body) => Object.fromEntries(Object.entries(body).filter(([name, value]) => value !== "" || name in WHERE || name === "clientSecret"));
