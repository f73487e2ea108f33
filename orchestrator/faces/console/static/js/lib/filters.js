// Which runs are shown: as the address keeps it, as the daemon is asked, and as a run is judged by what is known of it. Pure.

import { STATES } from "./states.js";

/**
 * @typedef {import("../types.js").Run} Run
 * @typedef {{ readonly job: string, readonly states: readonly string[], readonly trigger: string, readonly text: string,
 *   readonly since: string, readonly until: string }} RunFilters since and until: ms since 1970, or since a span ("6h")
 */

/** @type {RunFilters} */
export const NO_FILTERS = Object.freeze({ job: "", states: [], trigger: "", text: "", since: "", until: "" });

const UNITS = new Map([
  ["s", 1000],
  ["m", 60_000],
  ["h", 3_600_000],
  ["d", 86_400_000],
]);

/**
 * Return how long a span ("15m", "6h", "7d") is, or null.
 * @param {string} text
 * @returns {number | null} ms
 */
export function spanMs(text) {
  const match = /^(\d{1,5})([smhd])$/.exec(text);
  return match ? Number(match[1]) * (UNITS.get(match[2] ?? "") ?? 0) : null;
}

/**
 * Return a span as it is spelled: the opposite of `spanMs`, to the second, or to the minute from a day on.
 * @param {number} ms up to sixty days
 * @returns {string}
 */
export function spelledSpan(ms) {
  const whole = ms < 86_400_000 ? Math.round(ms / 1000) * 1000 : Math.round(ms / 60_000) * 60_000;
  const [unit, size] = [...UNITS].reverse().find(([, one]) => whole % one === 0) ?? ["s", 1000];
  return `${whole / size}${unit}`;
}

/**
 * Read the filters from an address; what makes no sense there is left out.
 * @param {URLSearchParams} params
 * @returns {RunFilters}
 */
export function parseFilters(params) {
  const known = new Set(/** @type {readonly string[]} */ (STATES));
  return {
    job: params.get("job") ?? "",
    states: (params.get("state") ?? "").split(",").filter((state) => known.has(state)),
    trigger: params.get("trigger") ?? "",
    text: params.get("text") ?? "",
    since: time(params.get("since")),
    until: time(params.get("until")),
  };
}

/**
 * Return what an address says of filters that makes no sense, as it says it: "state=LATE".
 * @param {URLSearchParams} params
 * @returns {string[]}
 */
export function unknownFilters(params) {
  const known = filterParams(parseFilters(params));
  return [...params].flatMap(([name, value]) => {
    const kept = name === "state" ? (known[name] ?? "").split(",") : [known[name]];
    const said = name === "state" ? value.split(",") : [value];
    return said.filter((one) => one !== "" && !kept.includes(one)).map((one) => `${name}=${one}`);
  });
}

/**
 * Return the filters as the address keeps them.
 * @param {RunFilters} filters
 * @returns {Record<string, string>}
 */
export function filterParams(filters) {
  const { job, states, trigger, text, since, until } = filters;
  return { job, state: states.join(","), trigger, text, since, until };
}

/**
 * Return the filters as `GET /runs` is asked.
 * @param {RunFilters} filters
 * @param {number} nowMs
 * @returns {Record<string, string | number>}
 */
export function filterQuery(filters, nowMs) {
  /** @type {Record<string, string | number>} */
  const query = {};
  if (filters.job) query.job = filters.job;
  if (filters.states.length > 0) query.state = filters.states.join(",");
  if (filters.trigger) query.trigger = filters.trigger;
  if (filters.text) query.text = filters.text;
  const [since, until] = [timeMs(filters.since, nowMs), timeMs(filters.until, nowMs)];
  if (since !== null) query.since_ms = since;
  if (until !== null) query.until_ms = until;
  return query;
}

/**
 * Say whether a run is one of those that the filters ask for: as the daemon would, where its arguments are known.
 * @param {Run} run
 * @param {RunFilters} filters
 * @param {number} nowMs
 * @returns {boolean}
 */
export function matches(run, filters, nowMs) {
  const { job, states, trigger, text } = filters;
  if (job && run.job_name !== job) return false;
  if (states.length > 0 && !states.includes(run.state)) return false;
  if (trigger && run.trigger_name !== trigger) return false;
  const since = timeMs(filters.since, nowMs);
  if (since !== null && run.started_on_ms < since) return false;
  const until = timeMs(filters.until, nowMs);
  if (until !== null && run.started_on_ms >= until) return false;
  return !text || hasText(run, text.toLowerCase());
}

/**
 * Say whether a run that an event told without its arguments matches only if these have the text.
 * @param {Run} run
 * @param {RunFilters} filters
 * @param {number} nowMs
 * @returns {boolean}
 */
export function dependsOnArguments(run, filters, nowMs) {
  if (filters.text === "" || run.arguments !== undefined || matches(run, filters, nowMs)) return false;
  return matches(run, { ...filters, text: "" }, nowMs);
}

/**
 * Return how many filters are set.
 * @param {RunFilters} filters
 */
export function filterCount(filters) {
  const { job, states, trigger, text, since, until } = filters;
  return [job, states.length > 0, trigger, text, since, until].filter(Boolean).length;
}

/**
 * Return the instant that a time of the filters means.
 * @param {string} text
 * @param {number} nowMs
 * @returns {number | null} ms since 1970
 */
export function timeMs(text, nowMs) {
  if (!text) return null;
  const span = spanMs(text);
  return span === null ? Number(text) : nowMs - span;
}

/** @param {Run} run @param {string} wanted */
function hasText(run, wanted) {
  const told = [
    run.id,
    run.job_name,
    run.trigger_name,
    run.error_message,
    ...Object.entries(run.arguments ?? {}).flat(),
  ];
  return told.some((one) => one?.toLowerCase().includes(wanted));
}

/** @param {string | null} text @returns {string} */
function time(text) {
  return text && (spanMs(text) !== null || /^\d{1,15}$/.test(text)) ? text : "";
}
