/** Import of a file that is too large for one request: uploaded in parts, then imported in the background. */

import * as api from "../api.js";

const PART_BYTES = 8 * 1024 * 1024;
const POLL_MS = 2000;
const ENDED = new Set(["done", "held", "failed"]);
const MAY_CLOSE = "You can close this window: the import continues, and the history shows the result.";
const STARTED = { waiting: `Waiting until a sync or an earlier import of this location has ended. ${MAY_CLOSE}`, working: `Importing. ${MAY_CLOSE}` };

/** Whether an error means that the file has to be uploaded in parts. */
export const isTooLarge = (error) => ["too_many_rows", "file_too_large"].includes(error.code);

/** Imports a file and returns the same report as a small import. `location` is the location's path, `query` says how to read it.
 *  Calls `progress(text, share)` with the share of the file that is uploaded, or without one if it is not known. */
export async function uploadImport(location, file, { query, approve, progress }) {
  const created = await api.post(`${location}/imports?${query}`);
  const path = `${location}/imports/${created.id}`;
  const parts = Math.ceil(file.size / PART_BYTES);
  for (let part = 1; part <= parts; part += 1) {
    progress(`Uploading part ${part} of ${parts}. Keep this window open.`, (part - 1) / parts);
    await api.uploadPart(`${path}/parts/${part}`, file.slice((part - 1) * PART_BYTES, part * PART_BYTES));
  }
  const sha256 = hex(await crypto.subtle.digest("SHA-256", await file.arrayBuffer()));
  const run = await api.post(`${path}/start`, { parts, sha256, approve });
  progress(STARTED.working);
  let state = await api.get(path);
  while (!ENDED.has(state.state)) {
    progress(STARTED[state.state] ?? STARTED.working);
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    state = await api.get(path);
  }
  if (state.problem) throw new api.Problem(422, { ...state.problem, problems: state.problems });
  const { counts } = await api.get(`${location.split("/locations/")[0]}/runs/${run.id}`);
  return { ...state, counts, refused: state.problems };
}

const hex = (buffer) => [...new Uint8Array(buffer)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
