/** Audit log: who changed or exported what, and how it ended. */

import * as api from "../api.js";
import { h, replace } from "../dom.js";
import { when, words } from "../format.js";
import { entryPoint, startedBy } from "../labels.js";
import { action, badge, empty, page, table } from "../parts/ui.js";

const COLUMNS = ["When", "By", "From", "What", "Fields", "Result"];

export async function audit({ tenant }) {
  const path = `${api.at("tenants", tenant)}/audit`;
  const first = await api.get(path);
  const rows = h("div", {});
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
  when(entry.at),
  h("span", { title: entry.actor }, startedBy(entry.actor)),
  entryPoint(entry.entryPoint),
  about(entry),
  entry.fields.join(", "),
  result(entry),
];

const about = ({ action: done, subject }) => {
  const where = Object.entries(subject).map(([kind, id]) => `${kind} ${id}`);
  return where.length ? `${words(done)} (${where.join(", ")})` : words(done);
};

const result = ({ status, code }) => {
  if (status === null) return badge("Not known", "warning");
  return status < 400 ? badge("Done", "success") : badge(words(code ?? `Refused (${status})`), "danger");
};
