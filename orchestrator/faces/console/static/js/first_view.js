// What is seen first: the newest runs, as they came with the page. The page itself comes behind it, and takes its place.
//
// It is drawn without what the page is made of, and looks as the page does: so it is seen before that has come.

import { instant, NOTHING, shortId } from "./lib/format.js";
import { href, parseRoute } from "./lib/route.js";
import { COLUMNS, noteOf, spanOf, told } from "./lib/run_row.js";
import { shapeOf } from "./lib/shapes.js";
import { kindOf, STATES, wordOf } from "./lib/states.js";
import { visible } from "./lib/visible.js";
import { firstRuns } from "./net/first_runs.js";
import { keptTheme, showTheme } from "./net/kept.js";
import { showPlace } from "./parts/nav.js";

/** @typedef {import("./types.js").Run} Run */
/** @typedef {Record<string, string | undefined>} Attributes */

const SVG = "http://www.w3.org/2000/svg";
const DRAWN = new Set(["svg", "circle", "path", "rect"]);
/** How high a row is at the usual size of text, and what stands above the rows at least, in pixels. */
const ROW_HEIGHT = 35;
const ABOVE_ROWS = 180;

/**
 * Make an element. What is put into it is text or an element, never HTML.
 * @param {string} tag
 * @param {Attributes} attributes
 * @param {(Node | string)[]} children
 */
function make(tag, attributes, ...children) {
  const made = DRAWN.has(tag) ? document.createElementNS(SVG, tag) : document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) if (value !== undefined) made.setAttribute(name, value);
  made.append(...children);
  return made;
}

/** @param {string} state */
function mark(state) {
  const kind = kindOf(state);
  const shape = shapeOf(kind).map(([tag, attributes]) => make(tag, attributes));
  return make(
    "span",
    { class: `state state-${kind}` },
    make("svg", { class: "state-shape", viewBox: "0 0 16 16", "aria-hidden": "true" }, ...shape),
    make("span", { class: "state-word" }, wordOf(state)),
  );
}

/** @param {string} text */
const name = (text) => make("bdi", {}, visible(text));

/** @param {Run} run @param {number} nowMs */
function row(run, nowMs) {
  const { text, kind } = spanOf(run, nowMs);
  const trigger = run.trigger_name
    ? make("a", { href: href("triggers", { name: run.trigger_name }) }, name(run.trigger_name))
    : make("span", { class: "quiet" }, NOTHING);
  const cells = {
    "c-state": mark(run.state),
    "c-job": make("a", { class: "row-link", href: href("run", {}, run.id) }, name(run.job_name)),
    "c-id": make("span", { class: "id" }, shortId(run.id)),
    "c-time": make("time", {}, instant(run.started_on_ms, nowMs)),
    "c-duration": make("span", { class: kind }, text),
    "c-trigger": trigger,
    "c-dpu": String(run.dpu),
    "c-told": name(noteOf(run)),
  };
  return make("tr", { "data-row": "" }, ...COLUMNS.map(([column]) => make("td", { class: column }, cells[column])));
}

/** The form of the filters: nobody can use it yet, so it is only as large. */
function filters() {
  const field = (/** @type {string} */ word, /** @type {Node} */ inner) =>
    make("label", { class: "field" }, make("span", {}, word), inner);
  const fields = ["Text", "Job", "Trigger"].map((word) => field(word, make("input", { type: "search" })));
  return make(
    "div",
    { class: "filters", inert: "" },
    make("div", { class: "fields" }, ...fields, field("Time", make("select", {}))),
    make("div", { class: "chips" }, ...STATES.map((state) => make("button", { class: "chip" }, mark(state)))),
  );
}

/** @param {import("./net/first_runs.js").Page} page */
function view({ runs, next, now_ms: nowMs }) {
  const head = COLUMNS.map(([column, word]) => make("th", { class: column, scope: "col" }, word));
  const seen = runs.slice(0, Math.ceil((innerHeight - ABOVE_ROWS) / ROW_HEIGHT));
  return make(
    "div",
    { class: "page" },
    make(
      "div",
      { class: "head" },
      make("h1", {}, "Runs"),
      make("p", { class: "quiet" }, told({ runs, next, isBegun: true }, false)),
    ),
    filters(),
    make(
      "table",
      { class: "runs" },
      make("thead", {}, make("tr", {}, ...head)),
      make("tbody", {}, ...seen.map((run) => row(run, nowMs))),
    ),
  );
}

/** Without the rest, what is shown would look alive and be dead: a daemon may have ended since it sent the page. */
function begin() {
  import("./main.js").catch(() => {
    const told = make(
      "p",
      { class: "banner bad" },
      "The rest of the page did not come. What is shown does not change.",
    );
    document.getElementById("banner")?.append(told);
  });
}

const asked = parseRoute(location.hash);
const page = firstRuns();
const isShown = asked.view === "runs" && asked.params.toString() === "" && page !== null && page.runs.length > 0;
showTheme(keptTheme());
showPlace(asked.view);
if (isShown) document.getElementById("main")?.append(view(page));
// A page that nobody sees has no frames to wait for.
if (isShown && !document.hidden) requestAnimationFrame(() => setTimeout(begin));
else begin();
