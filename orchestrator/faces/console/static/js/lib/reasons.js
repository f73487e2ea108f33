// Why a run is as it is, in sentences. Pure.

import { counted, distance, figure, shortId } from "./format.js";
import { wordOf } from "./states.js";

/** @typedef {import("../types.js").Explanation} Explanation */

/**
 * Return the sentences that answer why a run waits, or what made it.
 * @param {Explanation} told
 * @param {number} nowMs
 * @returns {string[]}
 */
export function reasonsOf(told, nowMs) {
  return [...waitReasons(told), ...retryReasons(told, nowMs), ...triggerReasons(told)];
}

/** @param {Explanation} told @returns {string[]} */
function waitReasons({ wait, slots }) {
  if (!wait) return [];
  const sentences = [ended(wait.reason), `It is at place ${wait.place} of ${wait.queued}.`];
  if (wait.is_behind_its_job) {
    sentences.push(`${counted(wait.ahead_of_job, "earlier run")} of the same job must start first.`);
  } else if (wait.head && wait.head.place < wait.place) {
    sentences.push(
      `At the head of the queue is ${wait.head.job_name} (${shortId(wait.head.id)}), which asks for ${figure(wait.head.dpu)} DPU.`,
    );
  }
  sentences.push(
    `${figure(slots.in_use_dpu)} of ${figure(slots.dpus)} DPU are lent to ${counted(slots.held.length, "run")}.`,
  );
  return sentences;
}

/** @param {Explanation} told @param {number} nowMs @returns {string[]} */
function retryReasons({ retry }, nowMs) {
  if (!retry) return [];
  return [`Attempt ${retry.number + 1} of ${retry.most + 1} comes ${distance(retry.due_ms, nowMs)}.`];
}

/** @param {Explanation} told @returns {string[]} */
function triggerReasons({ trigger }) {
  if (!trigger) return [];
  const changed = trigger.is_changed ? " It was changed or deleted since." : "";
  const conditions = trigger.conditions.map(
    (one) =>
      `${one.job_name} was to be ${wordOf(one.wanted)} and ${one.state ? `was ${wordOf(one.state)}` : "had no run"}`,
  );
  const because = conditions.length > 0 ? `: ${conditions.join("; ")}` : "";
  return [`The trigger ${trigger.name} started it${because}.${changed}`];
}

/** @param {string} sentence */
function ended(sentence) {
  return /[.!?]$/.test(sentence) ? sentence : `${sentence}.`;
}
