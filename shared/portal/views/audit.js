/** Audit log: who changed or exported what, and how it ended. */

import * as api from "../api.js";
import { h, replace } from "../dom.js";
import { moment, words } from "../format.js";
import { entryPoint, startedBy } from "../labels.js";
import { action, badge, empty, page, table } from "../parts/ui.js";

const COLUMNS = ["When", "By", "From", "What", "Fields", "Result"];

export async function audit({ tenant }) {
  const path = `${api.at("tenants", tenant)}/audit`;
  const first = await api.get(path);
  const rows = h("div", { class: "stack" });
  const troubles = h("div", {});
  const show = (entries, cursor) =>
    replace(
      rows,
      entries.length ? table("Audit log", COLUMNS, entries.map(cells)) : empty("No entries yet."),
      cursor &&
        action(
          "Show more",
          async () => {
            const more = await api.get(`${path}?cursor=${encodeURIComponent(cursor)}`);
            show([...entries, ...more.entries], more.cursor);
          },
          troubles,
        ),
    );
  show(first.entries, first.cursor);
  const download = action("Download newest 1,000 as CSV", () => api.download(`${path}?limit=1000`, `${tenant}-audit.csv`), troubles);
  return page("Audit log", "Changes, exports and refusals, newest first. Syncs on schedule are in the history.", h("p", {}, download), troubles, rows);
}

const cells = (entry) => [
  h("span", { class: "nowrap" }, moment(entry.at, "medium")),
  by(entry.actor),
  entryPoint(entry.entryPoint),
  about(entry),
  entry.fields.map(words).join(", "),
  result(entry),
];

/** The caller. Several admins are told apart by the object ID of each. */
const by = (actor) => [startedBy(actor), actor.startsWith("person:") && h("div", { class: "help" }, `Object ID ${actor.split(":").at(-1)}`)];

const about = ({ action: done, subject }) => [words(done), Object.entries(subject).map(([kind, id]) => h("div", { class: "help" }, `${words(kind)} ${id}`))];

const result = ({ status, code }) => {
  if (status === null) return badge("Not known", "warning");
  return status < 400 ? badge("Done", "success") : [badge(status < 500 ? "Refused" : "Failed", "danger"), code && h("div", { class: "help" }, words(code))];
};
