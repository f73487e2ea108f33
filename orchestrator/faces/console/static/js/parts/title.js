// The document's title, and where the focus is when a view begins.

import { useEffect } from "../kit.js";
import { visible } from "../lib/visible.js";

/** @param {string} text */
export function useTitle(text) {
  useEffect(() => {
    document.title = `${visible(text)} – Orchestrator`;
  }, [text]);
}
