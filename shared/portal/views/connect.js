/** Connect: the sign-in application, the directory's credentials, and the report on wrong ones. */

import * as api from "../api.js";
import { h, reloadView, replace } from "../dom.js";
import { clock, count, when, words } from "../format.js";
import { CONNECTION_TONES, credential } from "../labels.js";
import { dialog } from "../parts/dialog.js";
import { report } from "../parts/report.js";
import { persistently } from "../parts/retrying.js";
import { action, badge, button, card, notice, page, waiting } from "../parts/ui.js";
import { credentials, secretOnly } from "./credentials.js";
import { disconnect } from "./disconnect.js";

export async function connect({ tenant, left }) {
  const base = api.at("tenants", tenant);
  const [connection, sso] = await Promise.all([api.get(`${base}/connection`), getOrNull(`${base}/sso`)]);
  return connection.state === "off" ? setUp(base, sso, left) : connected(base, connection);
}

async function getOrNull(path) {
  try {
    return await api.get(path);
  } catch (error) {
    if (error.status === 404) return null;
    throw error;
  }
}

/** Stores credentials. While the refusal of a new one can pass, shows in `result` when it is tried again. */
function store(base, body, result, left, reassurance = null) {
  const stopped = new AbortController();
  left.addEventListener("abort", () => stopped.abort(), { once: true });
  const show = ({ checks }, next, last) => {
    const { detail, fix } = checks.find((check) => check.status === "fail");
    const times = `A new credential can take a few minutes to work. It is tried again at ${clock(next)}, and until ${clock(last)}. Keep this page open.`;
    const stop = button("Stop trying", () => stopped.abort(), { small: true });
    replace(result, notice("warning", "Microsoft does not accept the credential yet", times, reassurance && h("p", {}, reassurance), h("p", {}, detail), h("p", { class: "fix" }, fix), stop));
  };
  return persistently(() => api.put(`${base}/connection`, body), show, stopped.signal);
}

function setUp(base, sso, left) {
  const result = h("div", { class: "stack", "aria-live": "polite" });
  const form = credentials(sso);
  const check = async () => {
    replace(result, waiting("Checking with Microsoft"));
    try {
      const { signIn, body } = form.entries();
      if (signIn) await api.put(`${base}/sso`, { clientId: signIn });
      const stored = await store(base, body, result, left);
      replace(result, report(stored.report, form.accept), notice("success", "The directory is connected."));
      replace(submit, nextSteps());
    } catch (error) {
      if (!error.body?.report) {
        replace(result);
        throw error;
      }
      replace(result, report(error.body.report, (entries) => (form.accept(entries), check())));
    }
    result.scrollIntoView({ block: "nearest" });
  };
  const troubles = h("div", {});
  const submit = h("div", { class: "row" }, action("Check and connect", check, troubles, { primary: true }));
  return page(
    "Connect your directory",
    "Enter four values from the Microsoft Entra admin center. Recipient Sync only reads your directory and never changes it.",
    h("form", { class: "stack", onsubmit: (event) => event.preventDefault() }, form.element, submit),
    troubles,
    result,
  );
}

const nextSteps = () =>
  h("p", {}, "Next: choose ", h("a", { href: location.hash.replace("connect", "preferences") }, "who becomes a recipient"), ".");

function connected(base, connection) {
  const result = h("div", { class: "stack", "aria-live": "polite" });
  const validate = async () => {
    replace(result, waiting("Checking with Microsoft"));
    const fresh = await api.post(`${base}/connection/validate`);
    replace(result, report(fresh, () => renew()));
  };
  const renew = () => {
    const form = secretOnly(connection);
    const result = h("div", { "aria-live": "polite" });
    const closed = new AbortController();
    const box = dialog("Replace the client secret", h("div", { class: "stack" }, form.element, result), {
      label: "Check and replace",
      done: async () => {
        replace(result);
        try {
          await store(base, form.body(), result, closed.signal, "The current secret stays in use until the new one works.");
        } catch (error) {
          if (error.body?.report) replace(result, report(error.body.report, () => {}));
          throw error;
        }
        reloadView();
      },
    });
    box.addEventListener("close", () => closed.abort());
  };
  return page(
    "Directory connection",
    null,
    connection.reason && notice(connection.state === "failing" ? "warning" : "error", connection.reason.title, connection.reason.detail, h("p", { class: "fix" }, connection.reason.fix)),
    card(null, facts(connection)),
    h(
      "div",
      { class: "row" },
      action("Check again", validate, result, { primary: true }),
      connection.credential === "secret" && button("Replace secret", renew),
      button("Disconnect", () => disconnect(base)),
    ),
    result,
  );
}

function facts(connection) {
  const days = connection.secretDaysLeft;
  const rows = [
    ["State", badge(words(connection.state), CONNECTION_TONES[connection.state])],
    ["Connected since", when(connection.connectedAt)],
    ["Directory (tenant) ID", h("span", { class: "code" }, connection.tenantId)],
    ["Application (client) ID", h("span", { class: "code" }, connection.clientId)],
    ["Object ID", h("span", { class: "code" }, connection.objectId)],
    ["Credential", credential(connection.credential)],
    days !== null && days !== undefined && ["Secret expires", badge(days < 0 ? "expired" : `in ${count(days, "day")}`, days <= 30 ? "warning" : "neutral")],
  ];
  return h("dl", { class: "facts" }, rows.filter(Boolean).map(([name, value]) => h("div", {}, h("dt", {}, name), h("dd", {}, value))));
}
