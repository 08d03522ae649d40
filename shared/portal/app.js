/** The page: loads the signed-in user, maps the address to a view and shows it below the header. */

import { parts } from "./address.js";
import * as api from "./api.js";
import { announce, h, replace } from "./dom.js";
import { header } from "./parts/header.js";
import { paused } from "./parts/paused.js";
import { problem, waiting } from "./parts/ui.js";
import { audit } from "./views/audit.js";
import { connect } from "./views/connect.js";
import { enter } from "./views/enter.js";
import { fetchDirectory } from "./views/fetch.js";
import { history } from "./views/history.js";
import { locations } from "./views/locations.js";
import { messages } from "./views/messages.js";
import { overview } from "./views/overview.js";
import { preferences } from "./views/preferences.js";
import { recipients } from "./views/recipients.js";
import { ssoUsers } from "./views/users.js";

/** Views of one tenant, by their name in the address and in menu order. */
export const VIEWS = {
  connect: { title: "Connect", view: connect },
  preferences: { title: "Preferences", view: preferences },
  locations: { title: "Locations and groups", view: locations },
  fetch: { title: "Fetch directory", view: fetchDirectory },
  recipients: { title: "Recipients", view: recipients },
  users: { title: "SSO users", view: ssoUsers },
  history: { title: "History", view: history },
  audit: { title: "Audit log", view: audit },
};

/** Views that do not belong to one tenant. */
const GLOBAL_VIEWS = {
  "": { title: "Tenants", view: overview },
  messages: { title: "Failed messages", view: messages },
};

const main = document.getElementById("main");
let me = null;
/** Number of navigations so far. A view that finishes loading after the next navigation is discarded. */
let navigations = 0;

/** `#/t/contoso/fetch/123` -> { tenant: "contoso", name: "fetch", rest: ["123"] }; `#/messages` -> { name: "messages" } */
function address() {
  const [kind, tenant, name = "connect", ...rest] = parts(location.hash);
  return kind === "t" && tenant && Object.hasOwn(VIEWS, name) ? { tenant, name, rest } : { tenant: null, name: Object.hasOwn(GLOBAL_VIEWS, kind) ? kind : "", rest: [] };
}

async function show() {
  const navigation = ++navigations;
  const { tenant, name, rest } = address();
  const leaving = new AbortController();
  window.addEventListener("hashchange", () => leaving.abort(), { once: true });
  replace(document.getElementById("header"), header(me, tenant, name, VIEWS));
  document.querySelector("nav [aria-current]")?.scrollIntoView({ block: "nearest", inline: "center" });
  replace(main, waiting("Loading"));
  showBanner(tenant, navigation);
  const { title, view } = tenant ? VIEWS[name] : GLOBAL_VIEWS[name];
  document.title = `${title} – Recipient Sync`;
  try {
    const content = await view({ tenant, rest, me, left: leaving.signal });
    if (navigation !== navigations) return;
    replace(main, content);
    announce(title);
    main.focus({ preventScroll: true });
  } catch (error) {
    if (error instanceof api.Problem && error.status === 401) return begin();
    if (navigation === navigations) replace(main, h("div", { class: "page" }, h("h1", {}, title), problem(error)));
  }
}

/** Shows whether changes are paused. A view does not wait for it, and does not fail with it. */
async function showBanner(tenant, navigation) {
  const shown = await paused(tenant, me).catch(() => null);
  if (navigation === navigations) replace(document.getElementById("banner"), shown);
}

async function begin() {
  replace(main, waiting("Loading"));
  try {
    me = await api.get("me");
  } catch (error) {
    me = null;
    replace(document.getElementById("header"), header(null, null, null, VIEWS));
    replace(main, await enter(error, begin));
    return;
  }
  if (!address().tenant && !me.operator && me.tenants.length === 1) {
    location.replace(`#/t/${me.tenants[0].id}/connect`);
  }
  await show();
}

window.addEventListener("hashchange", () => (me ? show() : begin()));
await begin();
