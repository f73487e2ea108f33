// Hooks: what a view has read, read anew when it may have changed.

import { useCallback, useEffect, useRef, useState } from "../kit.js";
import { ApiError } from "./api.js";
import { epoch, onDefinitions, onRuns } from "./live.js";

/**
 * @template T
 * @typedef {{ readonly value: T | null, readonly error: ApiError | null, readonly isLoading: boolean,
 *   readonly reload: () => void }} Loaded
 */

/**
 * Read something now, when `key` changes, and when the connection came back. An answer that was overtaken is dropped.
 * @template T
 * @param {string} key what is read; where it changes, what was read before is forgotten
 * @param {(signal: AbortSignal) => Promise<T>} load
 * @returns {Loaded<T>}
 */
export function useLoaded(key, load) {
  const [state, setState] = useState(/** @type {{ key: string, value: T | null, error: ApiError | null }} */ (NOTHING));
  const [turn, setTurn] = useState(0);
  const reload = useCallback(() => setTurn((one) => one + 1), []);
  const age = epoch.value;
  useEffect(() => {
    const controller = new AbortController();
    load(controller.signal)
      .then((value) => setState({ key, value, error: null }))
      .catch((error) => {
        if (controller.signal.aborted) return;
        const told = error instanceof ApiError ? error : new ApiError(0, "Error", String(error));
        // What cannot be reached any more is still shown, and the banner says that it is old.
        setState((before) => ({
          key,
          value: before.key === key && told.status === 0 ? before.value : null,
          error: told,
        }));
      });
    return () => controller.abort();
  }, [key, turn, age]);
  const isCurrent = state.key === key;
  return {
    value: isCurrent ? state.value : null,
    error: isCurrent ? state.error : null,
    isLoading: !isCurrent,
    reload,
  };
}

const NOTHING = { key: "\u0000", value: null, error: null };

/**
 * Read anew, at most so often, when a run changes that `concerns` says yes to.
 * @param {() => void} reload
 * @param {(run: import("../types.js").Run) => boolean} concerns
 * @param {number} [everyMs]
 */
export function useReloadOnRuns(reload, concerns, everyMs = 400) {
  const wanted = useRef(concerns);
  wanted.current = concerns;
  useEffect(() => {
    const limited = limit(reload, everyMs);
    const end = onRuns((runs) => {
      if (runs.some((run) => wanted.current(run))) limited.ask();
    });
    return () => {
      end();
      limited.end();
    };
  }, [reload, everyMs]);
}

/**
 * Read anew when a definition changes.
 * @param {() => void} reload
 */
export function useReloadOnDefinitions(reload) {
  useEffect(() => {
    const limited = limit(reload, 400);
    const end = onDefinitions(limited.ask);
    return () => {
      end();
      limited.end();
    };
  }, [reload]);
}

/** Do something at once, and then at most once in `everyMs`. @param {() => void} act @param {number} everyMs */
function limit(act, everyMs) {
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer;
  let last = -Infinity;
  return {
    ask: () => {
      if (timer !== undefined) return;
      const wait = Math.max(last + everyMs - performance.now(), 0);
      timer = setTimeout(() => {
        timer = undefined;
        last = performance.now();
        act();
      }, wait);
    },
    end: () => clearTimeout(timer),
  };
}
