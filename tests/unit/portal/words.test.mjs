/** What people paste, and numbers and times as they read them. */

import assert from "node:assert/strict";
import { test } from "node:test";

import * as format from "../../../shared/portal/format.js";
import * as labels from "../../../shared/portal/labels.js";
import * as pasted from "../../../shared/portal/pasted.js";

const ID = "0f8fad5b-d9cb-469f-a165-70867728950e";
const OTHER = "7c9e6679-7425-40de-944b-e07fc1f90ae7";

test("an id is found in what was copied around it", () => {
  for (const text of [ID, ` ${ID}\n`, `"${ID}"`, `{${ID.toUpperCase()}}`, `https://x.example/a/${ID}/b?c=${ID}`]) {
    assert.equal(pasted.id(text), ID);
  }
});

test("what holds no id, or several, stays as it is", () => {
  assert.equal(pasted.id("  contoso.com "), "contoso.com");
  assert.equal(pasted.id(`${ID} ${OTHER}`), `${ID} ${OTHER}`);
  assert.equal(pasted.isId(ID), true);
  assert.equal(pasted.isId(`${ID}0`), false);
});

test("a secret loses spaces and one pair of quotes, and nothing else", () => {
  assert.equal(pasted.secret(" 'a~b.C\"d' "), 'a~b.C"d');
  assert.equal(pasted.secret("'ab"), "'ab");
  assert.equal(pasted.secret("a b"), "a b");
});

test("numbers, words and ids of locations", () => {
  assert.equal(format.count(1, "person", "people"), "1 person");
  assert.equal(format.count(12_345, "person", "people"), "12,345 people");
  assert.equal(format.words("account_disabled"), "Account disabled");
  assert.equal(format.words("objectId"), "Object ID");
  assert.equal(format.words("ssoFilter"), "SSO filter");
  assert.equal(format.slug("Café Zürich HQ (2)"), "cafe-zurich-hq-2");
  assert.ok(format.slug("x".repeat(100)).length <= 64);
});

test("times are relative for a day", () => {
  const now = new Date("2026-01-02T12:00:00Z");
  assert.equal(format.when(null, now), "never");
  assert.equal(format.when("2026-01-02T11:59:30Z", now), "a moment ago");
  assert.equal(format.when("2026-01-02T11:58:30Z", now), "1 minute ago");
  assert.equal(format.when("2026-01-01T13:00:00Z", now), "23 hours ago");
  assert.match(format.when("2025-12-24T12:00:00Z", now), /24 Dec 2025/);
});

test("time left is said only once it can be known", () => {
  assert.equal(format.secondsLeft(0, 10, 5), null);
  assert.equal(format.secondsLeft(5, 10, 5), 5);
  assert.equal(format.secondsLeft(11, 10, 5), null);
  assert.equal(format.duration(0.2), "under a second");
  assert.equal(format.duration(120), "2 minutes");
  assert.equal(format.duration(Infinity), "");
});

test("what a problem is about", () => {
  const about = (concerns, code = "throttled") => labels.concern({ concerns, code });
  assert.equal(about("users"), "Directory users");
  assert.equal(about("group:a/b:C"), "Mapped group (ID a/b:C)");
  assert.equal(about("direct-group:8f6a4c1e"), "Mapped group (ID 8f6a4c1e)");
  assert.equal(about("desk"), "Location desk");
  assert.equal(about("department", "unmatched_location"), "Location rule");
});
