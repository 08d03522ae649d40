/** Preferences: sync mode, filters, conflict rules, deactivation limit and SSO users. */

import * as api from "../api.js";
import { announce, h, replace } from "../dom.js";
import { count, number } from "../format.js";
import { action, card, check, field, input, notice, page, waiting } from "../parts/ui.js";
import { finished } from "../parts/following.js";
import { readFilterable } from "../person_fields.js";
import { filterEditor } from "./filters.js";
import { ruleEditor } from "./location_rule.js";

const MODES = [
  ["groups", "Members of groups", "Members of the groups that you map to a location become its recipients."],
  ["full", "All users at all locations", "Every user of your directory becomes a recipient at every location."],
];

export async function preferences({ tenant, left }) {
  const base = api.at("tenants", tenant);
  const [stored, { locations }, attributes] = await Promise.all([api.get(`${base}/preferences`), api.get(`${base}/locations`), readFilterable()]);
  const toggles = switches(stored);
  const mode = modes(stored.mode);
  const guard = guardFields(stored.guard);
  const sso = ssoFilter(base, stored.ssoFilter);
  const filters = filterEditor(stored.filters, attributes);
  const rule = ruleEditor(base, stored.locationRule, locations, attributes);
  const country = input({ value: stored.attributes.defaultCountry ?? "", maxlength: 2, size: 4, name: "defaultCountry" });
  const manager = check("Fill in the manager’s name and address", stored.attributes.manager ?? false, "Requires reading the whole directory, even in “Members of groups” mode.");
  const edited = () => ({
    ...stored,
    ...toggles.values(),
    mode: mode.value(),
    guard: guard.value(),
    ssoFilter: sso.value(),
    filters: filters.value(),
    locationRule: rule.value(),
    attributes: { ...stored.attributes, defaultCountry: country.value.trim().toUpperCase() || null, manager: manager.box.checked },
  });
  const result = h("div", { "aria-live": "polite" });
  const save = async () => {
    await api.put(`${base}/preferences`, edited());
    replace(result, notice("success", "Saved.", "Changes apply from the next sync. A sync in progress is restarted."));
    announce("Saved");
  };
  const preview = async () => {
    replace(result, waiting("Reading the directory for the preview"));
    const run = await finished(base, await api.post(`${base}/runs`, { mode: "incremental", preview: true, preferences: edited() }), left);
    if (run) replace(result, outcome(run));
  };
  return page(
    "Preferences",
    null,
    card("Recipients", mode.element, rule.element, filters.element, toggles.element("includeGuests", "requireMail")),
    card("CSV and directory updates", toggles.element("allowCsvToUpdateDirectory", "allowDirectoryToUpdateCsv", "deactivateMissing")),
    card("Deactivation limit", h("p", {}, "If a sync would deactivate more people than both limits allow, the deactivations wait for your approval. All other changes are saved."), guard.element),
    card("SSO users", toggles.element("ssoUsers"), sso.element),
    card("Recipient details", manager.element, field("Default country for phone numbers", country, "Two letters, for example DE. Numbers without a country code are then stored as +49…. Leave empty to keep all numbers unchanged.")),
    h("div", { class: "stack sticky" }, result, h("div", { class: "row" }, action("Save", save, result, { primary: true }), action("Preview changes", preview, result))),
  );
}

function modes(value) {
  const radios = MODES.map(([key, label, help]) => {
    const radio = h("input", { type: "radio", name: "mode", value: key, checked: key === value, id: `mode-${key}`, "aria-describedby": `mode-${key}-help` });
    return { radio, row: h("div", { class: "check" }, radio, h("div", {}, h("label", { for: `mode-${key}` }, label), h("p", { class: "help", id: `mode-${key}-help` }, help))) };
  });
  return {
    element: h("fieldset", { class: "plain" }, h("legend", { class: "hidden" }, "Mode"), radios.map(({ row }) => row)),
    value: () => radios.find(({ radio }) => radio.checked).radio.value,
  };
}

const TOGGLES = {
  includeGuests: ["Include guests", null],
  requireMail: ["Only people with an e-mail address", null],
  allowCsvToUpdateDirectory: ["Allow CSV to update a recipient created via directory", "A value from a CSV file stays until the directory changes the same field."],
  allowDirectoryToUpdateCsv: ["Allow directory to update a recipient created via CSV", "If cleared, directory users with the same e-mail address are skipped. Duplicates are never created."],
  deactivateMissing: ["Deactivate recipients created via directory who are not found in the latest sync", "Only after the directory was read completely, and within the deactivation limit."],
  ssoUsers: ["Show SSO users", "Lists the people assigned to your sign-in application. Users are never created automatically."],
};

function switches(stored) {
  const all = Object.fromEntries(Object.entries(TOGGLES).map(([name, [label, help]]) => [name, check(label, stored[name], help, { name })]));
  return {
    element: (...names) => names.map((name) => all[name].element),
    values: () => Object.fromEntries(Object.entries(all).map(([name, { box }]) => [name, box.checked])),
  };
}

function guardFields(guard) {
  const share = input({ type: "number", min: 0, max: 100, value: Math.round(guard.maxShare * 100), name: "maxShare" });
  const people = input({ type: "number", min: 0, value: guard.maxPeople, name: "maxPeople" });
  return {
    element: h("div", { class: "row top" }, field("Percent of the recipients", share), field("Number of people", people)),
    value: () => ({ ...guard, maxShare: Number(share.value) / 100, maxPeople: Number(people.value) }),
  };
}

function ssoFilter(base, stored) {
  const domains = h("textarea", { rows: 3, name: "domains", value: stored.domains.join("\n") });
  const addresses = h("textarea", { rows: 3, name: "addresses", value: stored.addresses.join("\n") });
  const address = input({ type: "email", placeholder: "anna@contoso.com", name: "tester" });
  const answer = h("div", { "aria-live": "polite" });
  const lines = (area) => area.value.split(/[\s,;]+/).filter(Boolean);
  const value = () => ({ domains: lines(domains), addresses: lines(addresses) });
  const test = async () => {
    const { passes } = await api.post(`${base}/email-filter-tests`, { ssoFilter: value(), address: address.value });
    replace(answer, notice(passes ? "success" : "warning", passes ? `${address.value} is allowed.` : `${address.value} is not allowed.`));
  };
  return {
    value,
    element: h(
      "div",
      { class: "stack" },
      h("div", { class: "row top" }, field("Allowed e-mail domains", domains, "One per line: example.com, or *.example.com for its subdomains. Leave empty to allow all."), field("Allowed e-mail addresses", addresses, "One per line.")),
      h("div", { class: "row bottom" }, field("Test an e-mail address", address), action("Test", test, answer)),
      answer,
    ),
  };
}

function outcome(run) {
  const locations = Object.entries(run.locations);
  const leaving = locations.reduce((sum, [, report]) => sum + report.counts.deactivated, 0);
  const recipients = locations.reduce((sum, [, report]) => sum + report.active, 0);
  const held = run.problems.some((problem) => problem.code === "guard");
  return notice(
    held ? "warning" : "info",
    `${count(recipients, "recipient")} at ${count(locations.length, "location")}`,
    `${number(run.counts.created)} would be added, ${number(run.counts.updated)} changed, ${number(leaving)} deactivated.${held ? " The deactivations would wait for your approval." : ""} Nothing was saved yet.`,
    h("p", {}, h("a", { href: `#/t/${run.tenant}/history/${run.id}` }, "Show the changes")),
  );
}
