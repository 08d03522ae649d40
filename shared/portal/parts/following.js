/** Following a run until it ends, without asking more often than helps. */

import * as api from "../api.js";

export const ENDS = new Set(["done", "held", "failed", "superseded"]);
const FIRST_MS = 700;
const LONGEST_MS = 5000;

/** Calls `seen` with the run each time it was asked for, until it has ended or the view was left. Returns its end. */
export async function follow(base, id, seen, left) {
  let wait = FIRST_MS;
  while (!left.aborted) {
    if (!document.hidden) {
      const run = await api.get(`${base}/runs/${id}`);
      if (left.aborted) return null;
      seen(run);
      if (ENDS.has(run.state)) return run;
    }
    await new Promise((next) => setTimeout(next, wait));
    wait = Math.min(wait * 1.3, LONGEST_MS);
  }
  return null;
}

/** The end of a run that nobody needs to watch. */
export const finished = (base, run, left) => follow(base, run.id, () => {}, left);
