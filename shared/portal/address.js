/** The part of an address after `#`. Pure. */

/** `#/t/contoso%20ag/fetch` -> ["t", "contoso ag", "fetch"]. A part that is not a valid encoding stays as it is. */
export const parts = (hash) => hash.replace(/^#\/?/, "").split("/").map(decoded);

function decoded(text) {
  try {
    return decodeURIComponent(text);
  } catch (error) {
    if (error instanceof URIError) return text;
    throw error;
  }
}
