/** Cleans up pasted IDs and secrets. The server does the same; the portal shows the cleaned value. Pure. */

const ID = /[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/gi;

/** Returns the only ID in the text, without quotes, braces, spaces or a surrounding URL. Other text is returned trimmed. */
export function id(text) {
  const plain = text.trim();
  const ids = new Set((plain.match(ID) ?? []).map((match) => match.toLowerCase()));
  return ids.size === 1 ? [...ids][0] : plain;
}

export const isId = (text) => /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(text.trim());

/** Returns the secret without surrounding spaces and quotes. */
export const secret = (text) => text.trim().replace(/^(["'`])(.*)\1$/s, "$2").trim();
