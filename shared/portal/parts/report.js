/** Shows a validation report as a checklist, with the fix for every failed check. */

import { h } from "../dom.js";
import { words } from "../format.js";
import { button, notice } from "./ui.js";

const MARKS = { pass: "✓", fail: "✕", warn: "!", skip: "–" };
const STATUSES = { pass: "Passed", fail: "Failed", warn: "Warning", skip: "Not checked" };
const FIELDS = { tenantId: "Directory ID", clientId: "Application ID", objectId: "Object ID" };

/** `accept` is called with the values that the report suggests. */
export function report({ ok, checks }, accept) {
  const failed = checks.filter((check) => check.status === "fail");
  const canRetry = failed.every((check) => check.retry);
  const title = ok
    ? "All required checks passed."
    : canRetry
      ? "Some checks could not be completed. Try again in a few minutes."
      : `${failed.length} of ${checks.length} checks failed.`;
  return h(
    "div",
    { class: "report" },
    notice(ok ? "success" : canRetry ? "warning" : "error", title),
    h("ul", { class: "checks" }, [...checks].sort(byUrgency).map((check) => item(check, accept))),
  );
}

const ORDER = ["fail", "warn", "pass", "skip"];
const byUrgency = (one, other) => ORDER.indexOf(one.status) - ORDER.indexOf(other.status);

function item(check, accept) {
  return h(
    "li",
    { class: check.status },
    h("span", { class: "mark", "aria-hidden": "true" }, MARKS[check.status]),
    h(
      "div",
      {},
      h("strong", {}, h("span", { class: "hidden" }, `${STATUSES[check.status]}: `), check.title),
      check.status !== "pass" && check.detail && h("p", {}, check.detail),
      check.status !== "pass" && check.fix && h("p", { class: "fix" }, check.fix),
      check.link && h("p", {}, h("a", { href: check.link, target: "_blank", rel: "noopener noreferrer" }, linkText(check))),
      check.suggestion && suggestion(check.suggestion, accept),
    ),
  );
}

const linkText = (check) => (check.link.includes("adminconsent") ? "Grant admin consent (opens Microsoft)" : "Open the page at Microsoft");

function suggestion(entries, accept) {
  const names = Object.entries(entries).filter(([name]) => name in FIELDS);
  return h(
    "div",
    { class: "suggestion" },
    h("dl", {}, names.map(([name, value]) => [h("dt", {}, FIELDS[name] ?? words(name)), h("dd", { class: "code" }, value)])),
    button("Use these values", () => accept(entries), { small: true }),
  );
}
