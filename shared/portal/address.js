/** The part of an address after `#`. Pure. */

/** `#/t/contoso%20ag/fetch/` -> ["t", "contoso ag", "fetch"]. A part that is not a valid encoding stays as it is. */
export const parts = (hash) => hash.replace(/^#\/?/, "").replace(/\/+$/, "").split("/").map(decoded);

/** Whether a browser requests a path as it is. It takes "." and ".." out, which would lead to another address. */
export const isPlain = (path) => !path.split("?")[0].split("/").some((part) => /^(?:\.|%2e){1,2}$/i.test(part));

function decoded(text) {
  try {
    return decodeURIComponent(text);
  } catch (error) {
    if (error instanceof URIError) return text;
    throw error;
  }
}
