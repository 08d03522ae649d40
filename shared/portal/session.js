/** The session: a signed-in user, or the app's function key entered by the operator. */

const KEY = "function-key";

/** Returns the API's base path and the headers to send. The function key is stored only in this browser tab. */
export function entryPoint() {
  const key = sessionStorage.getItem(KEY);
  const api = new URL("..", new URL("portal/", document.baseURI)).pathname.replace(/\/$/, "");
  return key ? { base: api, headers: { "x-functions-key": key } } : { base: `${api}/signed-in`, headers: {} };
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
