// How figures are spelled for people. Pure: the clock comes in as an argument.

/** What stands where there is nothing to be told. */
export const NOTHING = "–";

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/**
 * Spell a duration with two units at most: "0.4 s", "12.3 s", "3 min 05 s", "2 h 05 min", "3 d 4 h".
 * @param {number | null | undefined} ms
 * @returns {string}
 */
export function duration(ms) {
  if (ms === null || ms === undefined || Number.isNaN(ms)) return NOTHING;
  const least = Math.max(ms, 0);
  if (least < 59_950) return `${(least / SECOND).toFixed(1)} s`;
  if (least < HOUR) {
    const seconds = Math.floor(least / SECOND);
    return `${Math.floor(seconds / 60)} min ${pad(seconds % 60)} s`;
  }
  if (least < DAY) return `${Math.floor(least / HOUR)} h ${pad(Math.floor((least % HOUR) / MINUTE))} min`;
  return `${Math.floor(least / DAY)} d ${Math.floor((least % DAY) / HOUR)} h`;
}

/**
 * Spell a size: "812 B", "4.0 kB", "182 MB". Powers of ten.
 * @param {number | null | undefined} count
 * @returns {string}
 */
export function bytes(count) {
  if (count === null || count === undefined) return NOTHING;
  const units = ["B", "kB", "MB", "GB", "TB"];
  let value = count;
  let unit = 0;
  while (value >= 999.5 && unit < units.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return `${unit === 0 || value >= 99.5 ? Math.round(value) : value.toFixed(1)} ${units[unit]}`;
}

/**
 * Spell an instant as short as can be told apart from now: the time today, else the date and the time.
 * @param {number | null | undefined} ms
 * @param {number} nowMs
 * @returns {string}
 */
export function instant(ms, nowMs) {
  if (ms === null || ms === undefined) return NOTHING;
  const at = new Date(ms);
  const now = new Date(nowMs);
  const time = `${pad(at.getHours())}:${pad(at.getMinutes())}:${pad(at.getSeconds())}`;
  if (at.toDateString() === now.toDateString()) return time;
  const date = `${pad(at.getMonth() + 1)}-${pad(at.getDate())}`;
  return at.getFullYear() === now.getFullYear() ? `${date} ${time}` : `${at.getFullYear()}-${date} ${time}`;
}

/**
 * Spell an instant whole, with milliseconds and the offset of the reader's clock.
 * @param {number | null | undefined} ms
 * @returns {string}
 */
export function fullInstant(ms) {
  if (ms === null || ms === undefined) return NOTHING;
  const at = new Date(ms);
  const minutes = -at.getTimezoneOffset();
  const offset = `${minutes < 0 ? "-" : "+"}${pad(Math.floor(Math.abs(minutes) / 60))}:${pad(Math.abs(minutes) % 60)}`;
  const local = new Date(ms + minutes * MINUTE).toISOString().replace("T", " ").replace("Z", "");
  return `${local} ${offset}`;
}

/**
 * Spell how long ago, or in how long: "now", "12 s ago", "in 5 min".
 * @param {number | null | undefined} ms
 * @param {number} nowMs
 * @returns {string}
 */
export function distance(ms, nowMs) {
  if (ms === null || ms === undefined) return NOTHING;
  const by = Math.abs(ms - nowMs);
  if (by < SECOND) return "now";
  const [size, unit] = by < MINUTE ? [SECOND, "s"] : by < HOUR ? [MINUTE, "min"] : by < DAY ? [HOUR, "h"] : [DAY, "d"];
  const text = `${Math.floor(by / size)} ${unit}`;
  return ms > nowMs ? `in ${text}` : `${text} ago`;
}

/**
 * Spell a number without needless digits: 0.0625, 2, 12.5.
 * @param {number | null | undefined} value
 * @returns {string}
 */
export function figure(value) {
  return value === null || value === undefined ? NOTHING : String(Math.round(value * 10_000) / 10_000);
}

/**
 * Return an id as people compare it: the first digits, and which attempt it is.
 * @param {string} id
 * @returns {string}
 */
export function shortId(id) {
  const match = /^(jr|wr)_([0-9a-f]+)(?:_attempt_(\d+))?$/.exec(id);
  if (!match) return id.length > 20 ? `${id.slice(0, 19)}…` : id;
  return `${match[1]}_${match[2]?.slice(0, 8)}${match[3] ? ` #${match[3]}` : ""}`;
}

/**
 * Return the word with its number: "1 run", "2 runs", "12,000 runs". Spelled by hand: what the browser has for it takes some 15 ms to begin.
 * @param {number} count
 * @param {string} word
 * @returns {string}
 */
export function counted(count, word) {
  return `${String(count).replace(/\B(?=(?:\d{3})+$)/g, ",")} ${word}${count === 1 ? "" : "s"}`;
}

/** @param {number} value @returns {string} */
function pad(value) {
  return String(value).padStart(2, "0");
}
