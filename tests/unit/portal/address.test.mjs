/** The part of an address after `#`, also as a person may have typed it. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { isPlain, parts } from "../../../shared/portal/address.js";

test("parts are decoded", () => {
  assert.deepEqual(parts("#/t/contoso%20ag/fetch/1"), ["t", "contoso ag", "fetch", "1"]);
  assert.deepEqual(parts("#/t/contoso/fetch///"), ["t", "contoso", "fetch"]);
  for (const empty of ["", "#", "#/", "#//"]) assert.deepEqual(parts(empty), [""]);
});

test("a part that is not a valid encoding stays as it is", () => {
  for (const text of ["%zz", "%", "%E0%A4%A", "%ff"]) {
    assert.deepEqual(parts(`#/${text}`), [text]);
    assert.deepEqual(parts(`#/t/${text}/fetch`), ["t", text, "fetch"]);
  }
});

test("a path that a browser would change is not plain", () => {
  for (const path of ["tenants/..", "tenants/../runs", "tenants/%2E%2e/runs", "tenants/.", "a/.%2e/b?c"]) assert.equal(isPlain(path), false, path);
  for (const path of ["me", "tenants/a..b/runs", "tenants/..a", "tenants/%2E%2E%2Fx/runs", "explain?user=../..", "tenants/a%2F..%2Fb"]) assert.equal(isPlain(path), true, path);
});
