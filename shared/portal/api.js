/** Client of the HTTP API, for the current session. */

import { isPlain } from "./address.js";
import { entryPoint } from "./session.js";

/** An error of the API, as problem details (RFC 9457). */
export class Problem extends Error {
  constructor(status, body) {
    super(body.detail ?? "The server returned an unexpected answer.");
    this.status = status;
    this.code = body.code ?? "unknown";
    this.fix = body.fix ?? (body.detail ? null : "Try again. If this happens again, contact your operator.");
    this.body = body;
  }
}

/** ETag of the last read, by path. Sent with a change as `If-Match`, so that concurrent changes are not overwritten. */
const versions = new Map();

/** Throws for a path that would lead to another address: parts of it can come from a link that someone has made. */
function requirePlain(path) {
  if (!isPlain(path)) throw new Problem(404, { code: "not_found", detail: "There is nothing at this address.", fix: "Choose it from the list again." });
}

async function call(method, path, { body, headers = {}, raw } = {}) {
  requirePlain(path);
  const { base, headers: key, credentials } = entryPoint();
  const sent = { ...key, ...headers };
  if (method !== "GET" && versions.has(path)) sent["If-Match"] = versions.get(path);
  if (method === "POST") sent["Idempotency-Key"] ??= crypto.randomUUID();
  if (body !== undefined) sent["Content-Type"] = "application/json";
  const response = await send(`${base}/${path}`, { method, headers: sent, body: raw ?? (body === undefined ? undefined : JSON.stringify(body)), credentials });
  const version = response.headers.get("etag");
  if (version) versions.set(path, version);
  return json(response);
}

/** Returns the response of a request. Throws a Problem if the server cannot be reached, or refuses the request. */
async function send(url, request) {
  let response;
  try {
    response = await fetch(url, request);
  } catch {
    throw new Problem(0, { code: "unreachable", detail: "The server could not be reached.", fix: "Check your connection and try again." });
  }
  if (!response.ok) throw new Problem(response.status, (await json(response)) ?? {});
  return response;
}

const json = async (response) => (response.headers.get("content-type")?.includes("json") ? response.json() : null);

export const get = (path) => call("GET", path);
export const put = (path, body) => call("PUT", path, { body });
export const post = (path, body = {}) => call("POST", path, { body });
export const patch = (path, body) => call("PATCH", path, { body });
export const remove = (path) => call("DELETE", path);
export const upload = (path, file) => call("POST", path, { raw: file, headers: { "Content-Type": "text/csv" } });
export const uploadPart = (path, part) => call("PUT", path, { raw: part, headers: { "Content-Type": "text/csv" } });

/** Downloads a file and lets the browser save it. With `whole`, all its parts; otherwise the first. */
export async function download(path, name, { whole = false } = {}) {
  requirePlain(path);
  const { base, headers, credentials } = entryPoint();
  const parts = [];
  let cursor = "";
  do {
    const address = cursor ? `${path}${path.includes("?") ? "&" : "?"}cursor=${cursor}` : path;
    const response = await send(`${base}/${address}`, { headers: { ...headers, Accept: "text/csv" }, credentials });
    const content = new Uint8Array(await response.arrayBuffer());
    // Each part begins with the names of the columns.
    parts.push(parts.length ? content.subarray(content.indexOf(10) + 1) : content);
    cursor = whole ? response.headers.get("x-next-cursor") : null;
  } while (cursor);
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob(parts, { type: "text/csv" }));
  link.download = name;
  link.click();
  URL.revokeObjectURL(link.href);
}

/** Joins URL-encoded parts: `tenants/contoso/locations/...`. */
export const at = (...parts) => parts.map(encodeURIComponent).join("/");
