// What every part of the page is made of. The only file that knows where the libraries are.

import { h, render, Fragment, createElement } from "../vendor/preact.js";
import htm from "../vendor/htm.js";

export { h, render, Fragment, createElement };
export { useCallback, useEffect, useLayoutEffect, useMemo, useRef, useState } from "../vendor/hooks.js";
export { signal, computed, effect, batch, untracked } from "../vendor/signals.js";

/** Tagged templates for elements. What is put into one is text or an element, never HTML. */
export const html = htm.bind(h);

/**
 * @template T
 * @typedef {import("../vendor/signals.js").Signal<T>} Signal
 */
/**
 * @template T
 * @typedef {{ current: T | null }} Ref
 */
