/** Repeats a request with a new credential, which some servers of the directory may not know yet. */

const FIRST_WAIT_S = 30;

/** Seconds for which a report's refusal can pass; 0 if it is final. Pure. */
export function retryFor(report) {
  const failed = (report?.checks ?? []).filter((check) => check.status === "fail");
  return failed.length === 1 ? (failed[0].retryForSeconds ?? 0) : 0;
}

/** The waits between the attempts within that time, in seconds. Pure. */
export function waits(seconds) {
  const found = [];
  for (let wait = FIRST_WAIT_S, used = wait; used <= seconds; wait *= 2, used += wait) found.push(wait);
  return found;
}

/** Returns the result of `attempt`. While its refusal can pass, calls `waiting(report, next, last)` with the times of the
 *  next and the last attempt, and tries again. Throws the refusal if it is final, or once `stopped` is aborted. */
export async function persistently(attempt, waiting, stopped) {
  let remaining = null;
  for (;;) {
    try {
      return await attempt();
    } catch (error) {
      remaining ??= waits(retryFor(error.body?.report));
      if (!remaining.length || !retryFor(error.body?.report) || stopped.aborted) throw error;
      const after = (seconds) => new Date(Date.now() + seconds * 1000);
      waiting(error.body.report, after(remaining[0]), after(remaining.reduce((sum, wait) => sum + wait)));
      await pause(remaining.shift(), stopped);
      if (stopped.aborted) throw error;
    }
  }
}

const pause = (seconds, stopped) =>
  new Promise((done) => {
    const timer = setTimeout(done, seconds * 1000);
    stopped.addEventListener("abort", () => (clearTimeout(timer), done()), { once: true });
  });
