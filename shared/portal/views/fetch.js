/** Fetch directory: a sync on demand, its progress, and what became of it. */

import * as api from "../api.js";
import { again, announce, h, replace } from "../dom.js";
import { count, duration, number, secondsLeft, when, words } from "../format.js";
import { changes } from "../parts/changes.js";
import { ENDS, follow } from "../parts/following.js";
import { action, badge, card, check, notice, page, problem } from "../parts/ui.js";

export async function fetchDirectory({ tenant, rest, left }) {
  const base = api.at("tenants", tenant);
  const { runs } = await api.get(`${base}/runs`);
  const syncs = runs.filter((each) => each.kind === "sync");
  const chosen = rest[0] ?? syncs.find((each) => !ENDS.has(each.state))?.id ?? syncs.find((each) => !each.preview)?.id;
  const shown = h("div", { class: "stack" });
  const troubles = h("div", {});
  const full = check("Read everything anew", false, "Otherwise only what has changed since the last sync.", { name: "full" });
  const start = (preview) => async () => {
    const run = await api.post(`${base}/runs`, { mode: full.box.checked ? "full" : "incremental", preview });
    location.hash = `#/t/${tenant}/fetch/${run.id}`;
  };
  if (chosen) watch(base, tenant, chosen, shown, left);
  else replace(shown, notice("info", "This directory has not been read yet."));
  return page(
    "Fetch directory",
    "It is read by itself on a schedule; this reads it now.",
    card(null, full.element, h("div", { class: "row" }, action("Fetch directory", start(false), troubles, { primary: true }), action("Preview", start(true), troubles)), troubles),
    shown,
  );
}

async function watch(base, tenant, id, shown, left) {
  const opened = performance.now();
  try {
    const run = await follow(base, id, (now) => replace(shown, ENDS.has(now.state) ? ended(base, tenant, now) : running(now, opened)), left);
    if (run) announce(`${words(run.state)}. ${said(run)}`);
    if (run?.state === "held") shown.append(card("Whose deactivation waits", await changes(base, id, "deactivated")));
  } catch (error) {
    replace(shown, problem(error));
  }
}

const STEPS = { planning: "Getting ready", fetching: "Reading the directory", reconciling: "Writing recipients", retiring: "Asking about those who have left" };

function running(run, opened) {
  const progress = run.progress ?? { fetched: 0, sources: 0, reconciled: 0, locations: 0, people: 0, written: 0 };
  const [done, all] = [progress.fetched + progress.reconciled, progress.sources + progress.locations];
  const elapsed = (Date.now() - new Date(run.requestedAt)) / 1000;
  const rate = elapsed > 0 ? progress.written / elapsed : 0;
  const rest = secondsLeft(done, all, (performance.now() - opened) / 1000 > 1 ? elapsed : 0);
  return card(
    run.preview ? "Preview under way" : "Sync under way",
    h("p", {}, `${STEPS[run.state] ?? words(run.state)} …`),
    h("progress", { max: all || 1, value: all ? done : undefined, "aria-label": "Jobs done" }),
    h("dl", { class: "figures" }, [
      figure("Jobs", `${number(done)} of ${number(all)}`),
      figure("People read", number(progress.people)),
      figure("Recipients written", number(progress.written)),
      figure("A second", number(Math.round(rate))),
      figure("Time left", rest === null ? "–" : duration(rest)),
    ]),
  );
}

const figure = (name, value) => h("div", {}, h("dt", {}, name), h("dd", {}, value));
const TONES = { done: "success", held: "warning", failed: "danger", superseded: "neutral" };

function ended(base, tenant, run) {
  const troubles = h("div", {});
  const leaving = Object.values(run.locations).reduce((sum, each) => sum + each.held, 0);
  const decide = (what, body) => async () => {
    await api.post(`${base}/runs/${run.id}/${what}`, body);
    location.hash = `#/t/${tenant}/fetch/${run.id}`;
    again();
  };
  return card(
    run.preview ? "Preview" : "Last sync",
    h("p", { class: "row tight" }, badge(words(run.state), TONES[run.state]), h("span", {}, `${when(run.finishedAt)}, in ${duration(run.seconds)}`)),
    run.state === "held" &&
      notice(
        "warning",
        `${count(leaving, "person", "people")} would be deactivated, and that is more than the guard lets pass.`,
        "Everything else is written. Look at the list below, then decide.",
        h("div", { class: "row" }, action("Approve", decide("approve", { digest: run.heldDigest }), troubles, { primary: true }), action("Reject", decide("reject"), troubles)),
        troubles,
      ),
    h("p", {}, said(run)),
    run.problems.filter((each) => each.code !== "guard").map((each) => notice("warning", each.concerns, each.detail)),
    h("p", {}, h("a", { href: `#/t/${tenant}/history/${run.id}` }, run.preview ? "Who it would concern" : "Every change, with its reason")),
  );
}

const said = (run) =>
  `${number(run.counts.created)} added, ${number(run.counts.updated)} changed, ${number(run.counts.reactivated)} back again, ${number(run.counts.deactivated)} deactivated, ${number(run.counts.skipped)} skipped.`;
