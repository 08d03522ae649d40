/** Formats numbers, times and codes for people. Pure. */

const NUMBER = new Intl.NumberFormat("en");

export const number = (value) => NUMBER.format(value ?? 0);

/** "1 person", "2 people". */
export function count(value, one, many = `${one}s`) {
  return `${number(value)} ${value === 1 ? one : many}`;
}

export function when(text, now = new Date()) {
  if (!text) return "never";
  const seconds = (now - new Date(text)) / 1000;
  if (seconds < 60) return "a moment ago";
  if (seconds < 3600) return `${count(Math.floor(seconds / 60), "minute")} ago`;
  if (seconds < 86400) return `${count(Math.floor(seconds / 3600), "hour")} ago`;
  return moment(text);
}

/** The date and time, such as "30 Nov 2026, 14:05". */
export const moment = (text, timeStyle = "short") => new Date(text).toLocaleString("en-GB", { dateStyle: "medium", timeStyle });

/** The time of day, such as "14:05". */
export const clock = (date) => date.toLocaleTimeString("en-GB", { hour: "2-digit", minute: "2-digit" });

export function duration(seconds) {
  if (seconds === null || seconds === undefined || !Number.isFinite(seconds)) return "";
  if (seconds < 1) return "under a second";
  if (seconds < 90) return count(Math.round(seconds), "second");
  if (seconds < 5400) return count(Math.round(seconds / 60), "minute");
  return count(Math.round(seconds / 3600), "hour");
}

/** `needs_attention` -> `Needs attention`, `objectId` -> `Object ID`. */
export function words(code) {
  const text = String(code ?? "")
    .replaceAll("_", " ")
    .replace(/(?<=[a-z])[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`)
    .replace(/\b(?:csv|id|sso)\b/g, (name) => name.toUpperCase());
  return text.charAt(0).toUpperCase() + text.slice(1);
}

/** Estimates the remaining seconds at the rate so far; null while there is not enough data. */
export function secondsLeft(done, all, elapsed) {
  return done > 0 && all >= done && elapsed > 0 ? ((all - done) / done) * elapsed : null;
}

/** Derives an ID from a name: `Berlin HQ (2)` -> `berlin-hq-2`. */
export function slug(name) {
  const plain = name.normalize("NFKD").replace(/[\u0300-\u036f]/g, "").toLowerCase();
  return plain.replace(/[^a-z0-9]+/g, "-").replace(/^-+|-+$/g, "").slice(0, 64);
}
