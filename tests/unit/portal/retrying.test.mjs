/** A new credential is tried again for minutes, before it counts as wrong. */

import assert from "node:assert/strict";
import { mock, test } from "node:test";

import { persistently, retryFor, waits } from "../../../shared/portal/parts/retrying.js";

const report = (...checks) => ({ checks: [{ status: "pass" }, ...checks] });
const NEW = report({ status: "fail", retryForSeconds: 450 });
const refusal = (body) => Object.assign(new Error("refused"), { body: { report: body } });

test("only a credential that is the only fault can become known", () => {
  assert.equal(retryFor(NEW), 450);
  assert.equal(retryFor(report({ status: "fail" })), 0);
  assert.equal(retryFor(report({ status: "fail", retryForSeconds: 450 }, { status: "fail" })), 0);
  assert.equal(retryFor(undefined), 0);
});

test("waits double and end in time", () => {
  assert.deepEqual(waits(450), [30, 60, 120, 240]);
  assert.deepEqual(waits(449), [30, 60, 120]);
  assert.deepEqual(waits(0), []);
});

/** Lets `persistently` run to its end on a clock of its own; returns its outcome, and the waits between attempts. */
async function run(outcomes, stopAfter = Infinity) {
  mock.timers.enable({ apis: ["setTimeout", "Date"] });
  const stopped = new AbortController();
  const times = [];
  const attempt = async () => {
    times.push(Date.now() / 1000);
    if (times.length > stopAfter) stopped.abort();
    const outcome = outcomes.shift();
    if (outcome instanceof Error) throw outcome;
    return outcome;
  };
  const shown = [];
  let result;
  persistently(attempt, (_, next, last) => shown.push([next / 1000, last / 1000]), stopped.signal).then(
    (value) => (result = value),
    (error) => (result = error),
  );
  for (let round = 0; round < 1000 && result === undefined; round++) {
    await Promise.resolve();
    if (round % 10 === 9) mock.timers.tick(30_000);
  }
  mock.timers.reset();
  return { result, times, shown };
}

test("a credential that becomes known is stored", async () => {
  const { result, times, shown } = await run([refusal(NEW), refusal(NEW), "stored"]);
  assert.equal(result, "stored");
  assert.deepEqual(times, [0, 30, 90]);
  assert.deepEqual(shown, [[30, 450], [90, 450]]);
});

test("one that stays unknown is refused in the end", async () => {
  const { result, times } = await run(Array.from({ length: 9 }, () => refusal(NEW)));
  assert.equal(result.message, "refused");
  assert.deepEqual(times, [0, 30, 90, 210, 450]);
});

test("another refusal is final, and so is being stopped", async () => {
  assert.equal((await run([refusal(report({ status: "fail" }))])).times.length, 1);
  assert.equal((await run([refusal(NEW), refusal(report({ status: "fail" }))])).times.length, 2);
  assert.equal((await run([refusal(NEW), refusal(NEW), refusal(NEW)], 1)).times.length, 2);
});
