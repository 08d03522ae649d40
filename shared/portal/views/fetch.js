/** Fetch directory: starts a sync, shows its progress and its result. */

import * as api from "../api.js";
import { announce, h, reloadView, replace } from "../dom.js";
import { count, duration, number, secondsLeft, when } from "../format.js";
import { concern, RUN_TONES, runState } from "../labels.js";
import { changes } from "../parts/changes.js";
import { ENDS, follow } from "../parts/following.js";
import { action, badge, card, check, notice, page, problem, waiting } from "../parts/ui.js";

export async function fetchDirectory({ tenant, rest, left }) {
  const base = api.at("tenants", tenant);
  const { runs } = await api.get(`${base}/runs`);
  const syncs = runs.filter((run) => run.kind === "sync");
  const chosen = rest[0] ?? syncs.find((run) => !ENDS.has(run.state))?.id ?? syncs.find((run) => !run.preview)?.id;
  const result = h("div", { class: "stack" }, chosen && waiting("Loading"));
  const troubles = h("div", {});
  const full = check("Full sync (re-reads the whole directory)", false, "If cleared, the sync reads only what has changed since the last sync.", { name: "full" });
  const start = (preview) => async () => {
    const run = await api.post(`${base}/runs`, { mode: full.box.checked ? "full" : "incremental", preview });
    location.hash = `#/t/${tenant}/fetch/${run.id}`;
  };
  if (chosen) watch(base, tenant, chosen, result, left);
  else replace(result, notice("info", "This directory has not been synced yet."));
  return page(
    "Fetch directory",
    "Your directory syncs automatically. You can also sync it now.",
    card(null, full.element, h("div", { class: "row" }, action("Fetch directory", start(false), troubles, { primary: true }), action("Preview", start(true), troubles)), troubles),
    result,
  );
}

async function watch(base, tenant, id, result, left) {
  const opened = performance.now();
  try {
    const run = await follow(base, id, (now) => replace(result, ENDS.has(now.state) ? ended(base, tenant, now) : running(now, opened)), left);
    if (run) announce(`${runState(run.state)}. ${totals(run)}`);
    if (run?.state === "held") result.append(card("Pending deactivations", await changes(base, id, "deactivated")));
  } catch (error) {
    replace(result, problem(error));
  }
}

function running(run, opened) {
  const progress = run.progress ?? { fetched: 0, sources: 0, reconciled: 0, locations: 0, people: 0, written: 0 };
  const [done, all] = [progress.fetched + progress.reconciled, progress.sources + progress.locations];
  const elapsed = (Date.now() - new Date(run.requestedAt)) / 1000;
  const rate = elapsed > 0 ? progress.written / elapsed : 0;
  const rest = secondsLeft(done, all, (performance.now() - opened) / 1000 > 1 ? elapsed : 0);
  return card(
    run.preview ? "Preview in progress" : "Sync in progress",
    h("p", {}, `${runState(run.state)} …`),
    h("progress", { max: all || 1, value: all ? done : undefined, "aria-label": "Completed steps" }),
    h("dl", { class: "figures" }, [
      figure("Completed steps", `${number(done)} of ${number(all)}`),
      figure("People read", number(progress.people)),
      figure("Recipients written", number(progress.written)),
      figure("Recipients per second", number(Math.round(rate))),
      figure("Estimated time left", rest === null ? "–" : duration(rest)),
    ]),
  );
}

const figure = (name, value) => h("div", {}, h("dt", {}, name), h("dd", {}, value));

function ended(base, tenant, run) {
  const troubles = h("div", {});
  const leaving = Object.values(run.locations).reduce((sum, report) => sum + report.held, 0);
  const decide = (what, body) => async () => {
    await api.post(`${base}/runs/${run.id}/${what}`, body);
    location.hash = `#/t/${tenant}/fetch/${run.id}`;
    reloadView();
  };
  return card(
    run.preview ? "Preview" : "Last sync",
    h("p", { class: "row tight" }, badge(runState(run.state), RUN_TONES[run.state]), h("span", {}, `${when(run.finishedAt)}, took ${duration(run.seconds)}`)),
    run.state === "held" &&
      notice(
        "warning",
        `${count(leaving, "person", "people")} would be deactivated. This exceeds the deactivation limit.`,
        "All other changes are saved. Check the pending deactivations below, then approve or reject them.",
        h("div", { class: "row" }, action("Approve", decide("approve", { digest: run.heldDigest }), troubles, { primary: true }), action("Reject", decide("reject"), troubles)),
        troubles,
      ),
    h("p", {}, totals(run)),
    run.problems.filter((problem) => problem.code !== "guard").map((problem) => notice("warning", concern(problem), problem.detail)),
    !run.preview && run.problems.some((problem) => problem.properties?.length) && h("div", { class: "row" }, action("Accept as cleared", accept(base, tenant, run), troubles), troubles),
    h("p", {}, h("a", { href: `#/t/${tenant}/history/${run.id}` }, run.preview ? "Show who would be affected" : "All changes and their reasons")),
  );
}

/** Starts a sync that takes the properties which this one reports as withheld for cleared. */
const accept = (base, tenant, run) => async () => {
  const started = await api.post(`${base}/runs/${run.id}/accept`);
  location.hash = `#/t/${tenant}/fetch/${started.id}`;
};

const totals = (run) =>
  `${number(run.counts.created)} added, ${number(run.counts.updated)} changed, ${number(run.counts.reactivated)} reactivated, ${number(run.counts.deactivated)} deactivated, ${number(run.counts.skipped)} skipped.`;
