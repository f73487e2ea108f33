// Questions to the daemon and calls of its API. Every failure is an ApiError with a sentence for people.

import { setClock } from "./clock.js";
import { session } from "./session.js";

export class ApiError extends Error {
  /**
   * @param {number} status 0 where the daemon was not reached
   * @param {string} kind
   * @param {string} message
   */
  constructor(status, kind, message) {
    super(message);
    this.name = "ApiError";
    this.status = status;
    this.kind = kind;
  }
}

/**
 * Ask one of the plain routes.
 * @template T
 * @param {string} path
 * @param {Record<string, string | number | null | undefined>} [query]
 * @param {AbortSignal} [signal]
 * @returns {Promise<T>}
 */
export async function ask(path, query = {}, signal) {
  const response = await reach(address(path, query), signal ? { signal } : {});
  if (!response.ok) throw await refusal(response);
  const answer = await response.json();
  setClock(answer.now_ms);
  return answer;
}

/**
 * Ask for bytes of a log.
 * @param {string} runId
 * @param {"stdout" | "stderr"} stream
 * @param {Record<string, string | number>} query
 * @param {AbortSignal} signal
 * @returns {Promise<{ bytes: Uint8Array, offset: number, next: number, isComplete: boolean }>}
 */
export async function askLog(runId, stream, query, signal) {
  const response = await reach(address(`/runs/${encodeURIComponent(runId)}/log/${stream}`, query), { signal });
  if (!response.ok) throw await refusal(response);
  const number = (/** @type {string} */ name) => Number(response.headers.get(name) ?? 0);
  return {
    bytes: new Uint8Array(await response.arrayBuffer()),
    offset: number("x-log-offset"),
    next: number("x-log-next-offset"),
    isComplete: response.headers.get("x-log-complete") === "true",
  };
}

/**
 * Call an action of Glue's API. It is sent again under the same id where the answer was lost, so it happens once.
 * @param {string} action
 * @param {Record<string, unknown>} members
 * @returns {Promise<Record<string, unknown>>}
 */
export async function call(action, members) {
  const id = invocationId();
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await send(action, members, id);
    } catch (error) {
      if (!(error instanceof ApiError) || attempt === 3) throw error;
      if (error.status === 403 && attempt === 1) await renewToken();
      else if (error.status !== 0 && error.status !== 503) throw error;
      else await new Promise((resolve) => setTimeout(resolve, 400 * attempt));
    }
  }
}

/**
 * Return an address with its query.
 * @param {string} path
 * @param {Record<string, string | number | null | undefined>} query
 */
export function address(path, query) {
  const text = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    if (value !== null && value !== undefined && value !== "") text.set(name, String(value));
  }
  const all = text.toString();
  return all ? `${path}?${all}` : path;
}

/** @param {string} action @param {Record<string, unknown>} members @param {string} id */
async function send(action, members, id) {
  const response = await reach("/console/call", {
    method: "POST",
    headers: {
      "Content-Type": "application/x-amz-json-1.1",
      "X-Amz-Target": `AWSGlue.${action}`,
      "X-Console-Token": session.token,
      "amz-sdk-invocation-id": id,
    },
    body: JSON.stringify(members),
  });
  if (!response.ok) throw await refusal(response);
  return response.json();
}

/** @param {string} url @param {RequestInit} options @returns {Promise<Response>} */
async function reach(url, options) {
  try {
    return await fetch(url, { ...options, cache: "no-store", credentials: "same-origin" });
  } catch (error) {
    if (error instanceof DOMException && error.name === "AbortError") throw error;
    throw new ApiError(0, "Unreachable", "The daemon does not answer.");
  }
}

/** @param {Response} response @returns {Promise<ApiError>} */
async function refusal(response) {
  try {
    const said = await response.json();
    const kind = String(said.__type ?? "Error");
    return new ApiError(response.status, kind, String(said.Message ?? said.message ?? kind));
  } catch {
    return new ApiError(response.status, "Error", `The daemon answered ${response.status}.`);
  }
}

/** Take the token of the daemon that runs now: one that was started anew has another. */
async function renewToken() {
  const response = await reach("/", {});
  const match = /name="token"\s+content="([^"]*)"/.exec(await response.text());
  if (match?.[1]) session.token = match[1];
}

/** @returns {string} a random UUID; `crypto.randomUUID` is not there on pages that are not from this machine */
function invocationId() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x40;
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80;
  const hex = [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join("-");
}
