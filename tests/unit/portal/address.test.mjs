/** The part of an address after `#`, also as a person may have typed it. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { parts } from "../../../shared/portal/address.js";

test("parts are decoded", () => {
  assert.deepEqual(parts("#/t/contoso%20ag/fetch/1"), ["t", "contoso ag", "fetch", "1"]);
  assert.deepEqual(parts(""), [""]);
});

test("a part that is not a valid encoding stays as it is", () => {
  for (const text of ["%zz", "%", "%E0%A4%A", "%ff"]) {
    assert.deepEqual(parts(`#/${text}`), [text]);
    assert.deepEqual(parts(`#/t/${text}/fetch`), ["t", text, "fetch"]);
  }
});
