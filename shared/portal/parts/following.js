/** Polls a run until it ends, with increasing intervals. */

import * as api from "../api.js";

export const ENDS = new Set(["done", "held", "failed", "superseded"]);
const FIRST_MS = 700;
const LONGEST_MS = 5000;

/** Calls `seen` with every polled state of the run. Returns the ended run, or null if the user leaves the view first. */
export async function follow(base, id, seen, left) {
  let wait = FIRST_MS;
  while (!left.aborted) {
    if (!document.hidden) {
      const run = await api.get(`${base}/runs/${encodeURIComponent(id)}`);
      if (left.aborted) return null;
      seen(run);
      if (ENDS.has(run.state)) return run;
    }
    await new Promise((next) => setTimeout(next, wait));
    wait = Math.min(wait * 1.3, LONGEST_MS);
  }
  return null;
}

/** Waits for the end of a run without showing its progress. */
export const finished = (base, run, left) => follow(base, run.id, () => {}, left);
