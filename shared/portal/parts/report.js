/** A validation report as a checklist: what passed, what failed, and what to do about it. */

import { h } from "../dom.js";
import { words } from "../format.js";
import { button, notice } from "./ui.js";

const MARKS = { pass: "✓", fail: "✕", warn: "!", skip: "–" };
const SAID = { pass: "Passed", fail: "Failed", warn: "Look at this", skip: "Not checked" };
const FIELDS = { tenantId: "Directory ID", clientId: "Application ID", objectId: "Object ID" };

/** `accept` takes entries that the report suggests. */
export function report(found, accept) {
  const failed = found.checks.filter((each) => each.status === "fail");
  const title = found.ok
    ? "Everything that is needed works."
    : failed.every((each) => each.retry)
      ? "Some checks could not be made just now."
      : `${failed.length} of ${found.checks.length} checks failed.`;
  return h(
    "div",
    { class: "report" },
    notice(found.ok ? "success" : failed.every((each) => each.retry) ? "warning" : "error", title),
    h("ul", { class: "checks" }, [...found.checks].sort(byUrgency).map((each) => item(each, accept))),
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
      h("strong", {}, h("span", { class: "hidden" }, `${SAID[check.status]}: `), check.title),
      check.status !== "pass" && check.detail && h("p", {}, check.detail),
      check.status !== "pass" && check.fix && h("p", { class: "fix" }, check.fix),
      check.link && h("p", {}, h("a", { href: check.link, target: "_blank", rel: "noopener noreferrer" }, linkText(check))),
      check.suggestion && suggestion(check.suggestion, accept),
    ),
  );
}

const linkText = (check) => (check.link.includes("adminconsent") ? "Grant admin consent (opens Microsoft)" : "Open Microsoft’s page");

function suggestion(entries, accept) {
  const names = Object.entries(entries).filter(([name]) => name in FIELDS);
  return h(
    "div",
    { class: "suggestion" },
    h("dl", {}, names.map(([name, value]) => [h("dt", {}, FIELDS[name] ?? words(name)), h("dd", { class: "code" }, value)])),
    button("Use these", () => accept(entries), { small: true }),
  );
}
