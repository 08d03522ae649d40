/** The banner of the emergency stop: shows that changes of recipients are paused, for a tenant or for all. */

import * as api from "../api.js";
import { moment } from "../format.js";
import { notice } from "./ui.js";

/** Returns the banner of a tenant's views or, without a tenant, of the operator's; null while nothing is paused. */
export async function paused(tenant, me) {
  if (!tenant && !me?.operator) return null;
  const pause = await api.get(tenant ? api.at("tenants", tenant, "pause") : "pause");
  if (!pause.paused) return null;
  const everything = !tenant || pause.scopes.includes("all");
  const title = everything ? "All tenants are paused" : "This tenant is paused";
  const text = pause.resuming
    ? "Tenants are being resumed one after the other."
    : `No recipient has been changed since ${moment(pause.since)}. Syncs and uploaded files wait, and continue later. Edits, approvals and undo are refused until the operator ends the pause. Nothing is lost.`;
  return notice("warning", title, text);
}
