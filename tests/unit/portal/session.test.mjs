/** Which keys the portal takes, and where it sends them. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { accepts, entryPointFor } from "../../../shared/portal/session.js";

const NAMED = "rsk_portal_abc";

test("the function key is taken on a laptop only, a named key everywhere", () => {
  for (const host of ["localhost", "127.0.0.1", "[::1]"]) {
    assert.equal(accepts("function-key", host), true);
    assert.equal(accepts(NAMED, host), true);
  }
  for (const host of ["app.azurewebsites.net", "localhost.example", "127.0.0.1.example", ""]) {
    assert.equal(accepts("function-key", host), false);
    assert.equal(accepts(NAMED, host), true);
  }
});

test("a key is sent in its own header, and never with cookies", () => {
  assert.deepEqual(entryPointFor(NAMED, "/api"), { base: "/api/signed-in", headers: { "x-api-key": NAMED }, credentials: "omit" });
  assert.deepEqual(entryPointFor("secret", "/api"), { base: "/api", headers: { "x-functions-key": "secret" }, credentials: "omit" });
  assert.deepEqual(entryPointFor(null, "/api"), { base: "/api/signed-in", headers: {}, credentials: "same-origin" });
});
