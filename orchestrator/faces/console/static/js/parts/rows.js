// Hook: which rows of a long list are drawn while the page, or a box, is scrolled.

import { useEffect, useLayoutEffect, useRef, useState } from "../kit.js";
import { rowsToDraw } from "../lib/windowing.js";

const SPARE_ROWS = 12;

/**
 * Follow the scrolling of the page.
 * @param {import("../kit.js").Ref<HTMLElement>} body the element whose upper edge is that of the first row
 * @param {number} count
 * @returns {{ rows: import("../lib/windowing.js").Rows, rowHeight: number }}
 */
export function usePageRows(body, count) {
  const [seen, setSeen] = useState({ top: 0, height: innerHeight, rowHeight: 36 });
  // At first only what is seen, and nothing is measured for it: so it is seen sooner.
  const [spare, setSpare] = useState(0);
  const measure = useRef(() => {});
  useEffect(() => {
    if (count === 0) return;
    setSpare(SPARE_ROWS);
    measure.current();
  }, [count > 0]);
  useLayoutEffect(() => {
    let asked = 0;
    const look = () => {
      asked = 0;
      const element = body.current;
      if (!element) return;
      const rowHeight = measured(element);
      const top = Math.max(-element.getBoundingClientRect().top, 0);
      setSeen((before) =>
        Math.abs(before.top - top) < rowHeight && before.rowHeight === rowHeight && before.height === innerHeight
          ? before
          : { top, height: innerHeight, rowHeight },
      );
    };
    const soon = () => {
      if (asked === 0) asked = requestAnimationFrame(look);
    };
    measure.current = look;
    if (scrollY > 0) look();
    addEventListener("scroll", soon, { passive: true });
    addEventListener("resize", soon);
    return () => {
      cancelAnimationFrame(asked);
      removeEventListener("scroll", soon);
      removeEventListener("resize", soon);
    };
  }, [count > 0]);
  return { rows: rowsToDraw({ count, ...seen, spare }), rowHeight: seen.rowHeight };
}

/** The height of a row as it is drawn: it differs with the text's size and on narrow pages. @param {HTMLElement} body */
function measured(body) {
  const row = body.querySelector("[data-row]");
  return row?.getBoundingClientRect().height || 36;
}

/**
 * Call `onNear` when an element comes near the view.
 * @param {() => void} onNear
 * @param {unknown} again look anew when this changes
 */
export function useNearEnd(onNear, again) {
  const ref = useRef(/** @type {HTMLElement | null} */ (null));
  const act = useRef(onNear);
  act.current = onNear;
  useEffect(() => {
    const element = ref.current;
    if (!element) return undefined;
    const observer = new IntersectionObserver(
      (entries) => {
        if (entries.some((entry) => entry.isIntersecting)) act.current();
      },
      { rootMargin: "1200px" },
    );
    observer.observe(element);
    return () => observer.disconnect();
  }, [again]);
  return ref;
}
