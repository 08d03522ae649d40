/** What people paste where an id belongs. The server reads it as well; here it is shown as it will be read. Pure. */

const ID = /[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/gi;

/** The one id within quotes, braces, spaces or an address; what holds none, or several, stays as it is. */
export function id(text) {
  const plain = text.trim();
  const found = [...new Set((plain.match(ID) ?? []).map((each) => each.toLowerCase()))];
  return found.length === 1 ? found[0] : plain;
}

export const isId = (text) => /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(text.trim());

/** A secret without the spaces and quotes that come along when it is copied. */
export const secret = (text) => text.trim().replace(/^(["'`])(.*)\1$/s, "$2").trim();
