/** Labels and colours for the codes that the API returns. Pure. */

import { words } from "./format.js";

const RUN_STATES = {
  planning: "Preparing",
  fetching: "Reading the directory",
  reconciling: "Updating recipients",
  deactivating: "Verifying people who left",
  held: "Awaiting approval",
  superseded: "Replaced by a newer sync",
};
const REASONS = {
  new: "New in the directory",
  returned: "Found again",
  left_group: "Left the mapped groups",
  no_email: "No e-mail address",
  status_unknown: "Account status not shown",
  filtered: "Excluded by a filter",
  csv_owns: "Managed by CSV",
  ambiguous_email: "E-mail address or employee ID is not unique",
  earlier_account: "Belongs to an earlier account",
  second_recipient: "Has a second recipient",
  deactivated_manually: "Deactivated manually",
  imported: "CSV import",
  edited: "Edited by an admin",
  not_in_file: "Not in the CSV file",
};
const STARTED_BY = { api: "API", queue: "Queue message", schedule: "Schedule", pending: "Queued request", configuration: "Settings change" };
const CONCERNS = { users: "Directory users", run: "Sync", import: "CSV import", deactivate: "Deactivations", permissions: "Permissions", tenant: "All locations" };
const CREDENTIALS = { secret: "Client secret", certificate: "Certificate", federated: "Managed identity" };

export const RUN_TONES = { done: "success", held: "warning", failed: "danger", superseded: "neutral" };
export const CONNECTION_TONES = { on: "success", off: "neutral", failing: "warning", "needs_attention": "danger" };

export const runState = (state) => RUN_STATES[state] ?? words(state);
const ENTRY_POINTS = { signed_in: "Portal or API", service_api: "Service API", command_line: "Command line", queue: "Queue message", timer: "Timer" };

export const entryPoint = (code) => ENTRY_POINTS[code] ?? words(code);
export const reason = (code) => REASONS[code] ?? words(code);
export const credential = (kind) => CREDENTIALS[kind] ?? words(kind);

/** Returns what started a run; `person:<id>` is a signed-in admin, `key:<name>` a program with a named key. */
export const startedBy = (code) => STARTED_BY[code] ?? (code.startsWith("person:") ? "Admin" : code.replace(/^key:/, "Key "));

/** What a problem of a run is about: a part of the run, the location rule, a mapped group, or a location. */
export const concern = ({ concerns, code }) => {
  if (code === "unmatched_location") return "Location rule";
  const group = /^(?:direct-)?group:(.+)$/.exec(concerns);
  return CONCERNS[concerns] ?? (group ? `Mapped group (ID ${group[1]})` : `Location ${concerns}`);
};
