/** The session: a signed-in user, or a key entered by the operator. */

const KEY = "key";
const NAMED = "rsk_";
/** Hosts of a laptop. Elsewhere, the function key, which may do everything, does not belong in a browser. */
const LOCAL = new Set(["localhost", "127.0.0.1", "[::1]"]);

/** Whether the portal at this host takes the key: a named key, or on a laptop also the function key. Pure. */
export const accepts = (key, host) => key.startsWith(NAMED) || LOCAL.has(host);

/** Returns the API's base path, and the headers and credentials to send with a key, or without one. Pure. */
export function entryPointFor(key, api) {
  if (!key) return { base: `${api}/signed-in`, headers: {}, credentials: "same-origin" };
  // The API refuses a key together with a cookie.
  return key.startsWith(NAMED)
    ? { base: `${api}/signed-in`, headers: { "x-api-key": key }, credentials: "omit" }
    : { base: api, headers: { "x-functions-key": key }, credentials: "omit" };
}

/** Returns the entry point of this session. A key is stored only in this browser tab. */
export function entryPoint() {
  const api = new URL("..", new URL("portal/", document.baseURI)).pathname.replace(/\/$/, "");
  return entryPointFor(sessionStorage.getItem(KEY), api);
}

export const useKey = (key) => sessionStorage.setItem(KEY, key.trim());
export const hasKey = () => sessionStorage.getItem(KEY) !== null;
export const forgetKey = () => sessionStorage.removeItem(KEY);
export const signIn = "/.auth/login/aad?post_login_redirect_uri=/api/portal";
/** Whether the app has Microsoft's sign-in page. Without App Service Authentication its address does not exist. */
export async function hasSignIn() {
  const response = await fetch("/.auth/me", { redirect: "manual" }).catch(() => null);
  return response !== null && response.status !== 404;
}
export const signOut = "/.auth/logout?post_logout_redirect_uri=/api/portal";
