// Where a time axis has its marks, and what they say. Pure.

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const STEPS = [
  ...[1, 2, 5, 10, 15, 30].map((many) => many * SECOND),
  ...[1, 2, 5, 10, 15, 30].map((many) => many * MINUTE),
  ...[1, 2, 3, 6, 12].map((many) => many * HOUR),
  ...[1, 2, 7, 14, 30].map((many) => many * DAY),
];

/**
 * Return the marks of a time axis, at round local times.
 * @param {number} sinceMs
 * @param {number} untilMs
 * @param {number} most how many marks there is room for
 * @returns {{ atMs: number, label: string }[]}
 */
export function ticks(sinceMs, untilMs, most) {
  const span = untilMs - sinceMs;
  const step = STEPS.find((one) => span / one <= most) ?? STEPS.at(-1) ?? DAY;
  const offset = new Date(sinceMs).getTimezoneOffset() * MINUTE;
  const first = Math.ceil((sinceMs - offset) / step) * step + offset;
  /** @type {{ atMs: number, label: string }[]} */
  const marks = [];
  for (let atMs = first; atMs <= untilMs; atMs += step) marks.push({ atMs, label: label(atMs, step) });
  return marks;
}

/** @param {number} atMs @param {number} step */
function label(atMs, step) {
  const at = new Date(atMs);
  const two = (/** @type {number} */ value) => String(value).padStart(2, "0");
  const date = `${two(at.getMonth() + 1)}-${two(at.getDate())}`;
  if (step >= DAY) return date;
  const time = `${two(at.getHours())}:${two(at.getMinutes())}`;
  if (step < MINUTE) return `${time}:${two(at.getSeconds())}`;
  return time === "00:00" ? date : time;
}
