/** Who is using the portal: a signed-in person, or somebody with the app's function key. */

const KEY = "function-key";

/** Where the API is asked, and with what. The key stays in this tab and is forgotten with it. */
export function door() {
  const key = sessionStorage.getItem(KEY);
  const api = new URL("..", new URL("portal/", document.baseURI)).pathname.replace(/\/$/, "");
  return key ? { base: api, headers: { "x-functions-key": key } } : { base: `${api}/signed-in`, headers: {} };
}

export const useKey = (key) => sessionStorage.setItem(KEY, key.trim());
export const hasKey = () => sessionStorage.getItem(KEY) !== null;
export const forgetKey = () => sessionStorage.removeItem(KEY);
export const signIn = "/.auth/login/aad?post_login_redirect_uri=/api/portal";
export const signOut = "/.auth/logout?post_logout_redirect_uri=/api/portal";
