/** A large file goes up in parts, is started with its hash, and is followed to its end. */

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";

const LOCATION = "tenants/contoso/locations/desk";
const SIZE = 8 * 1024 * 1024 + 5;

globalThis.sessionStorage = { getItem: () => "key", setItem: () => {}, removeItem: () => {} };
globalThis.document = { baseURI: "https://sync.example/api/" };

/** Answers each request with the next of the states that the import goes through. */
function serve(states) {
  const requests = [];
  globalThis.fetch = async (address, { method, body }) => {
    const path = address.replace(/^\/api\//, "");
    requests.push([method, path, body]);
    let answer = {};
    if (method === "POST" && path.includes("/imports?")) answer = { id: "i1" };
    else if (path.endsWith("/start")) answer = { id: "r1" };
    else if (path.endsWith("/runs/r1")) answer = { counts: { created: 2 } };
    else if (method === "GET") answer = states.shift();
    return new Response(JSON.stringify(answer), { headers: { "content-type": "application/json" } });
  };
  return requests;
}

const done = { state: "done", rows: 2, held: 0, heldDigest: null, problem: null, problems: [] };
const { isTooLarge, uploadImport } = await import("../../../shared/portal/parts/upload.js");

test("the parts are the file, and the report is that of a small import", async () => {
  const requests = serve([done]);
  const file = new Blob([new Uint8Array(SIZE).fill(65)]);
  const told = [];
  const report = await uploadImport(LOCATION, file, { query: "mode=overwrite", approve: "d", progress: (text) => told.push(text) });
  assert.deepEqual(report, { ...done, counts: { created: 2 }, refused: [] });
  const [created, first, second, start] = requests;
  assert.deepEqual(created.slice(0, 2), ["POST", `${LOCATION}/imports?mode=overwrite`]);
  assert.deepEqual([first[1], first[2].size], [`${LOCATION}/imports/i1/parts/1`, 8 * 1024 * 1024]);
  assert.deepEqual([second[1], second[2].size], [`${LOCATION}/imports/i1/parts/2`, 5]);
  const sha256 = createHash("sha256").update("A".repeat(SIZE)).digest("hex");
  assert.deepEqual(JSON.parse(start[2]), { parts: 2, sha256, approve: "d" });
  assert.equal(requests.at(-1)[1], "tenants/contoso/runs/r1");
  assert.equal(told.length, 3);
});

test("an import that failed is an error with its rows", async () => {
  serve([{ ...done, state: "failed", problem: { code: "rows_refused", detail: "1 row is wrong." }, problems: [{ line: 2 }] }]);
  const options = { query: "mode=merge", approve: "", progress: () => {} };
  await assert.rejects(uploadImport(LOCATION, new Blob(["x"]), options), (error) => {
    assert.deepEqual([error.code, error.body.problems], ["rows_refused", [{ line: 2 }]]);
    return true;
  });
});

test("only a file that is too large is uploaded", () => {
  assert.deepEqual(["too_many_rows", "file_too_large", "rows_refused"].map((code) => isTooLarge({ code })), [true, true, false]);
});
