/** Preferences: who becomes a recipient where, what is allowed, and the guard. */

import * as api from "../api.js";
import { announce, h, replace } from "../dom.js";
import { count, number } from "../format.js";
import { action, card, check, field, input, notice, page, waiting } from "../parts/ui.js";
import { finished } from "../parts/following.js";
import { filterEditor } from "./filters.js";
import { ruleEditor } from "./location_rule.js";

const MODES = [
  ["groups", "Members of groups", "Members of the groups that you map to a location are its recipients."],
  ["full", "Everybody, everywhere", "Every user of your directory is a recipient at every location."],
];

export async function preferences({ tenant, left }) {
  const base = api.at("tenants", tenant);
  const [kept, { locations }] = await Promise.all([api.get(`${base}/preferences`), api.get(`${base}/locations`)]);
  const toggles = switches(kept);
  const mode = modes(kept.mode);
  const guard = guardFields(kept.guard);
  const sso = ssoFilter(base, kept.ssoFilter);
  const filters = filterEditor(kept.filters);
  const rule = ruleEditor(base, kept.locationRule, locations);
  const country = input({ value: kept.attributes.defaultCountry ?? "", maxlength: 2, size: 4, name: "defaultCountry" });
  const manager = check("Fill in the manager’s name and address", kept.attributes.manager ?? false, "Reads the whole directory also where only groups count.");
  const wanted = () => ({
    ...kept,
    ...toggles.values(),
    mode: mode.value(),
    guard: guard.value(),
    ssoFilter: sso.value(),
    filters: filters.value(),
    locationRule: rule.value(),
    attributes: { ...kept.attributes, defaultCountry: country.value.trim().toUpperCase() || null, manager: manager.box.checked },
  });
  const result = h("div", { "aria-live": "polite" });
  const save = async () => {
    await api.put(`${base}/preferences`, wanted());
    replace(result, notice("success", "Saved.", "The next sync goes by it. One that was under way begins again."));
    announce("Saved");
  };
  const preview = async () => {
    replace(result, waiting("Reading the directory to see what this would do"));
    const run = await finished(base, await api.post(`${base}/runs`, { mode: "incremental", preview: true, preferences: wanted() }), left);
    if (run) replace(result, outcome(run));
  };
  return page(
    "Preferences",
    null,
    card("Who becomes a recipient", mode.element, rule.element, filters.element, toggles.element("includeGuests", "requireMail")),
    card("Who may change whom", toggles.element("allowCsvToUpdateDirectory", "allowDirectoryToUpdateCsv", "deactivateMissing")),
    card("Guard", h("p", {}, "A sync that would deactivate more people than this waits until somebody approves it."), guard.element),
    card("SSO users", toggles.element("ssoUsers"), sso.element),
    card("Fields", manager.element, field("Country of phone numbers without a country code", country, "Two letters, such as DE. Numbers are then written as +49…; empty leaves them as they are.")),
    h("div", { class: "row sticky" }, action("Save", save, result, { primary: true }), action("Show what it would do", preview, result)),
    result,
  );
}

function modes(value) {
  const radios = MODES.map(([key, label, help]) => {
    const radio = h("input", { type: "radio", name: "mode", value: key, checked: key === value, id: `mode-${key}`, "aria-describedby": `mode-${key}-help` });
    return { radio, row: h("div", { class: "check" }, radio, h("div", {}, h("label", { for: `mode-${key}` }, label), h("p", { class: "help", id: `mode-${key}-help` }, help))) };
  });
  return {
    element: h("fieldset", { class: "plain" }, h("legend", { class: "hidden" }, "Mode"), radios.map((each) => each.row)),
    value: () => radios.find((each) => each.radio.checked).radio.value,
  };
}

const TOGGLES = {
  includeGuests: ["Include guests", null],
  requireMail: ["Only people with an e-mail address", null],
  allowCsvToUpdateDirectory: ["Allow CSV to update a recipient created via directory", "What a file changes stays until the directory itself changes that field."],
  allowDirectoryToUpdateCsv: ["Allow directory to update a recipient created via CSV", "Otherwise people with the same address are skipped, and no duplicate is made."],
  deactivateMissing: ["Deactivate recipients created via directory who are not found in the latest sync", "Only after everything was read completely, and never above the guard."],
  ssoUsers: ["SSO users", "Show who is assigned to the sign-in application. Nobody is made a user automatically."],
};

function switches(kept) {
  const all = Object.fromEntries(Object.entries(TOGGLES).map(([name, [label, help]]) => [name, check(label, kept[name], help, { name })]));
  return {
    element: (...names) => names.map((name) => all[name].element),
    values: () => Object.fromEntries(Object.entries(all).map(([name, { box }]) => [name, box.checked])),
  };
}

function guardFields(guard) {
  const share = input({ type: "number", min: 0, max: 100, value: Math.round(guard.maxShare * 100), name: "maxShare" });
  const people = input({ type: "number", min: 0, value: guard.maxPeople, name: "maxPeople" });
  return {
    element: h("div", { class: "row top" }, field("More than this share, in percent", share), field("and more than this many people", people)),
    value: () => ({ ...guard, maxShare: Number(share.value) / 100, maxPeople: Number(people.value) }),
  };
}

function ssoFilter(base, kept) {
  const domains = h("textarea", { rows: 3, name: "domains", value: kept.domains.join("\n") });
  const addresses = h("textarea", { rows: 3, name: "addresses", value: kept.addresses.join("\n") });
  const address = input({ type: "email", placeholder: "anna@contoso.com", name: "tester" });
  const answer = h("div", { "aria-live": "polite" });
  const lines = (area) => area.value.split(/[\s,;]+/).filter(Boolean);
  const value = () => ({ domains: lines(domains), addresses: lines(addresses) });
  const test = async () => {
    const { passes } = await api.post(`${base}/email-filter-tests`, { ssoFilter: value(), address: address.value });
    replace(answer, notice(passes ? "success" : "warning", passes ? `${address.value} would pass.` : `${address.value} would not pass.`));
  };
  return {
    value,
    element: h(
      "div",
      { class: "stack" },
      h("div", { class: "row top" }, field("E-mail domains that may be users", domains, "One a line: example.com, or *.example.com for those below it. Empty: all."), field("Single addresses", addresses, "One a line.")),
      h("div", { class: "row bottom" }, field("Would this address pass?", address), action("Test", test, answer)),
      answer,
    ),
  };
}

function outcome(run) {
  const locations = Object.entries(run.locations);
  const leaving = locations.reduce((sum, [, each]) => sum + each.counts.deactivated, 0);
  const recipients = locations.reduce((sum, [, each]) => sum + each.active, 0);
  const held = run.problems.some((each) => each.code === "guard");
  return notice(
    held ? "warning" : "info",
    `${count(recipients, "recipient")} at ${count(locations.length, "location")}`,
    `${number(run.counts.created)} would be added, ${number(run.counts.updated)} changed, ${number(leaving)} deactivated.${held ? " The deactivations would wait for somebody’s approval." : ""} Nothing has been changed yet.`,
    h("p", {}, h("a", { href: `#/t/${run.tenant}/history/${run.id}` }, "Who, and where")),
  );
}
