/** History: every run with its changes, their reasons and who started it. */

import * as api from "../api.js";
import { h, replace } from "../dom.js";
import { count, number, when, words } from "../format.js";
import { concern, RUN_TONES, runState, startedBy } from "../labels.js";
import { changes } from "../parts/changes.js";
import { chart } from "../parts/chart.js";
import { dialog } from "../parts/dialog.js";
import { action, badge, button, card, empty, notice, page, table } from "../parts/ui.js";

const KINDS = { sync: "Sync", import: "CSV import", edit: "Edit", undo: "Undo" };

export async function history({ tenant, rest }) {
  const base = api.at("tenants", tenant);
  return rest[0] ? one(base, tenant, rest[0]) : all(base, tenant);
}

async function all(base, tenant) {
  const first = await api.get(`${base}/runs`);
  const rows = h("div", { class: "stack" });
  const troubles = h("div", {});
  const show = (runs, cursor) =>
    replace(
      rows,
      runs.length ? table("Runs", ["When", "Type", "Started by", "Added", "Changed", "Deactivated", "Result"], runs.map((run) => cells(tenant, run))) : empty("No runs yet."),
      cursor &&
        action(
          "Show more",
          async () => {
            const more = await api.get(`${base}/runs?cursor=${encodeURIComponent(cursor)}`);
            show([...runs, ...more.runs], more.cursor);
          },
          troubles,
        ),
    );
  show(first.runs, first.cursor);
  return page("History", null, chart(first.runs), rows, troubles);
}

const link = (tenant, run) => h("a", { class: "nowrap", href: `#/t/${tenant}/history/${run.id}` }, when(run.requestedAt));
const type = (run) => `${KINDS[run.kind] ?? words(run.kind)}${run.preview ? " (preview)" : ""}`;

const cells = (tenant, run) => [
  link(tenant, run),
  type(run),
  startedBy(run.requestedBy),
  number(run.counts.created),
  number(run.counts.updated + run.counts.reactivated),
  number(run.counts.deactivated),
  badge(runState(run.state), RUN_TONES[run.state] ?? "info"),
];

async function one(base, tenant, id) {
  const run = await api.get(`${base}/runs/${encodeURIComponent(id)}`);
  const undo = () =>
    dialog("Undo this run?", h("p", {}, "The changes of this run are reverted, except where a newer change exists. Recipients that it created are deactivated."), {
      label: "Undo",
      done: async () => {
        const done = await api.post(`${base}/runs/${encodeURIComponent(id)}/undo`);
        location.hash = `#/t/${tenant}/history/${done.id}`;
      },
    });
  const invalid = Object.values(run.locations).reduce((sum, report) => sum + report.invalidAddresses, 0);
  const changed = run.counts.created + run.counts.updated + run.counts.deactivated + run.counts.reactivated;
  return page(
    type(run),
    `${when(run.requestedAt)} · started by: ${startedBy(run.requestedBy)}`,
    h("p", {}, h("a", { href: `#/t/${tenant}/history` }, "← All runs")),
    h("p", { class: "row tight" }, badge(runState(run.state), RUN_TONES[run.state] ?? "info"), !run.preview && changed > 0 && button("Undo", undo, { small: true }), run.kind === "sync" && run.state === "held" && h("a", { href: `#/t/${tenant}/fetch/${id}` }, "Approve or reject")),
    run.problems.map((problem) => notice("warning", concern(problem), problem.detail)),
    invalid > 0 && notice("info", `${count(invalid, "e-mail address", "e-mail addresses")} in the directory ${invalid === 1 ? "is" : "are"} not valid.`, "Kept as in the directory, and not used to find the recipients of files. Correct them in the directory."),
    Object.keys(run.locations).length > 0 && card("Locations", perLocation(run)),
    card("Changes", await changes(base, id)),
  );
}

const perLocation = (run) =>
  table(
    "Locations",
    ["Location", "Recipients", "Added", "Changed", "Deactivated", "Pending"],
    Object.entries(run.locations).map(([name, report]) => [
      name,
      number(report.active),
      number(report.counts.created),
      number(report.counts.updated + report.counts.reactivated),
      number(report.counts.deactivated),
      number(report.held),
    ]),
  );
