/** History: what happened to recipients, when, by whom and why. */

import * as api from "../api.js";
import { h, replace } from "../dom.js";
import { number, when, words } from "../format.js";
import { changes } from "../parts/changes.js";
import { chart } from "../parts/chart.js";
import { dialog } from "../parts/dialog.js";
import { badge, button, card, empty, notice, page, table } from "../parts/ui.js";

const TONES = { done: "success", held: "warning", failed: "danger", superseded: "neutral" };
const BY = { api: "Back end", queue: "Queue message", schedule: "Schedule", pending: "Waiting request", configuration: "Changed settings" };
const KINDS = { sync: "Sync", import: "CSV import", edit: "Edit", undo: "Undo" };

export async function history({ tenant, rest }) {
  const base = api.at("tenants", tenant);
  return rest[0] ? one(base, tenant, rest[0]) : all(base, tenant);
}

async function all(base, tenant) {
  const found = await api.get(`${base}/runs`);
  const rows = h("div", {});
  const show = (runs, cursor) =>
    replace(
      rows,
      runs.length ? table("Runs", ["When", "What", "By", "Added", "Changed", "Deactivated", "Result"], runs.map((each) => cells(tenant, each))) : empty("Nothing has happened yet."),
      cursor &&
        button("Show more", async () => {
          const more = await api.get(`${base}/runs?cursor=${encodeURIComponent(cursor)}`);
          show([...runs, ...more.runs], more.cursor);
        }),
    );
  show(found.runs, found.cursor);
  return page("History", null, chart(found.runs), rows);
}

const link = (tenant, run) => h("a", { href: `#/t/${tenant}/history/${run.id}` }, when(run.requestedAt));
const who = (run) => BY[run.requestedBy] ?? (run.requestedBy.startsWith("person:") ? "A person" : run.requestedBy);
const what = (run) => `${KINDS[run.kind] ?? words(run.kind)}${run.preview ? " (preview)" : ""}`;

const cells = (tenant, run) => [
  link(tenant, run),
  what(run),
  who(run),
  number(run.counts.created),
  number(run.counts.updated + run.counts.reactivated),
  number(run.counts.deactivated),
  badge(words(run.state), TONES[run.state] ?? "info"),
];

async function one(base, tenant, id) {
  const run = await api.get(`${base}/runs/${id}`);
  const undo = () =>
    dialog("Undo this run?", h("p", {}, "What it has changed is put back, where nothing newer has changed it. Whoever it created is deactivated."), {
      label: "Undo",
      done: async () => {
        const done = await api.post(`${base}/runs/${id}/undo`);
        location.hash = `#/t/${tenant}/history/${done.id}`;
      },
    });
  const changed = run.counts.created + run.counts.updated + run.counts.deactivated + run.counts.reactivated;
  return page(
    what(run),
    `${when(run.requestedAt)}, ${who(run).toLowerCase()}.`,
    h("p", {}, h("a", { href: `#/t/${tenant}/history` }, "← All runs")),
    h("p", { class: "row tight" }, badge(words(run.state), TONES[run.state] ?? "info"), !run.preview && changed > 0 && button("Undo", undo, { small: true })),
    run.problems.map((each) => notice("warning", each.concerns, each.detail)),
    Object.keys(run.locations).length > 0 && card("Locations", perLocation(run)),
    card("Changes", await changes(base, id)),
  );
}

const perLocation = (run) =>
  table(
    "Locations",
    ["Location", "Recipients", "Added", "Changed", "Deactivated", "Waiting"],
    Object.entries(run.locations).map(([name, each]) => [
      name,
      number(each.active),
      number(each.counts.created),
      number(each.counts.updated + each.counts.reactivated),
      number(each.counts.deactivated),
      number(each.held),
    ]),
  );
