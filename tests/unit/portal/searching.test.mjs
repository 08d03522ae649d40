/** A search goes on by itself while its pages are empty, and says how far it has looked. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { searchOn } from "../../../shared/portal/parts/searching.js";

const page = (people, cursor) => ({ recipients: people, searched: 5000, cursor });

/** Returns what was shown, and the cursors that were asked for. */
async function run(pages, { enough = 2, stopAfter = Infinity, cursor = null, items = [] } = {}) {
  const [shown, asked] = [[], []];
  const load = async (at) => (asked.push(at), pages.shift());
  await searchOn(load, enough, (found, searched, next) => (shown.push([found.join(""), searched, next]), shown.length < stopAfter), cursor, items);
  return { shown, asked };
}

test("empty pages lead on to the end", async () => {
  const { shown, asked } = await run([page([], "b"), page(["x"], "c"), page([], null)]);
  assert.deepEqual(asked, [null, "b", "c"]);
  assert.deepEqual(shown, [["", 5000, "b"], ["x", 10000, "c"], ["x", 15000, null]]);
});

test("enough people end it until more are wanted", async () => {
  const first = await run([page(["x"], "b"), page(["y", "z"], "c")]);
  assert.deepEqual(first.shown.at(-1), ["xyz", 10000, "c"]);
  const more = await run([page(["a", "b"], "d")], { cursor: "c", items: ["x", "y", "z"] });
  assert.deepEqual(more.asked, ["c"]);
  assert.deepEqual(more.shown, [["xyzab", 5000, "d"]]);
});

test("another search stops it", async () => {
  const { asked } = await run([page([], "b"), page([], "c")], { stopAfter: 1 });
  assert.deepEqual(asked, [null]);
});
