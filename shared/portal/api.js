/** The product's HTTP API, through the door that the session knows. */

import { door } from "./session.js";

/** What the API refused, as it says it (RFC 9457). */
export class Problem extends Error {
  constructor(status, body) {
    super(body.detail ?? "The server did not answer as it should.");
    this.status = status;
    this.code = body.code ?? "unknown";
    this.fix = body.fix ?? null;
    this.body = body;
  }
}

/** The version of what was read last, by path: sent along when it is changed, so that nobody overwrites another. */
const versions = new Map();

async function call(method, path, { body, headers = {}, raw } = {}) {
  const { base, headers: known } = door();
  const sent = { ...known, ...headers };
  if (method !== "GET" && versions.has(path)) sent["If-Match"] = versions.get(path);
  if (method === "POST") sent["Idempotency-Key"] ??= crypto.randomUUID();
  if (body !== undefined) sent["Content-Type"] = "application/json";
  let answer;
  try {
    answer = await fetch(`${base}/${path}`, {
      method,
      headers: sent,
      body: raw ?? (body === undefined ? undefined : JSON.stringify(body)),
      credentials: "same-origin",
    });
  } catch {
    throw new Problem(0, { code: "unreachable", detail: "The server could not be reached.", fix: "Check your connection and try again." });
  }
  const json = answer.headers.get("content-type")?.includes("json") ? await answer.json() : null;
  if (!answer.ok) throw new Problem(answer.status, json ?? {});
  const version = answer.headers.get("etag");
  if (version) versions.set(path, version);
  return json;
}

export const get = (path) => call("GET", path);
export const put = (path, body) => call("PUT", path, { body });
export const post = (path, body = {}) => call("POST", path, { body });
export const patch = (path, body) => call("PATCH", path, { body });
export const remove = (path) => call("DELETE", path);
export const upload = (path, file) => call("POST", path, { raw: file, headers: { "Content-Type": "text/csv" } });

/** Fetches a file and hands it to the browser to be saved. */
export async function download(path, name) {
  const { base, headers } = door();
  const answer = await fetch(`${base}/${path}`, { headers: { ...headers, Accept: "text/csv" } });
  if (!answer.ok) throw new Problem(answer.status, await answer.json());
  const link = document.createElement("a");
  link.href = URL.createObjectURL(await answer.blob());
  link.download = name;
  link.click();
  URL.revokeObjectURL(link.href);
}

/** `tenants/contoso/locations/...`, each part made safe. */
export const at = (...parts) => parts.map(encodeURIComponent).join("/");
