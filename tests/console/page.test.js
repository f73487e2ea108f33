// The page as files: what it weighs, that nothing in it is inline or becomes HTML, that all that is loaded first is named in it.

import assert from "node:assert/strict";
import { readdirSync, readFileSync, statSync } from "node:fs";
import { test } from "node:test";
import { gzipSync } from "node:zlib";

const STATIC = new URL("../../orchestrator/faces/console/static/", import.meta.url);
const PAGE = readFileSync(new URL("index.html", STATIC), "utf8");
/** All that the first view loads, compressed, is to be below this. */
const MOST_BYTES = 60_000;

/** @param {string} name */
function textOf(name) {
  return readFileSync(new URL(name, STATIC), "utf8");
}

/** @param {string} name a module @param {Set<string>} seen @returns {Set<string>} it and all that it imports at once */
function importedBy(name, seen = new Set()) {
  if (seen.has(name)) return seen;
  seen.add(name);
  for (const [, path] of textOf(name).matchAll(/(?:from|import)\s*"(\.[^"]+)"/g)) {
    importedBy(new URL(path ?? "", new URL(name, STATIC)).href.slice(STATIC.href.length), seen);
  }
  return seen;
}

/** @param {string} [below] @returns {string[]} */
function ourFiles(below = "") {
  return readdirSync(new URL(below, STATIC)).flatMap((name) => {
    const path = below + name;
    if (path === "vendor") return [];
    return statSync(new URL(path, STATIC)).isDirectory() ? ourFiles(`${path}/`) : [path];
  });
}

const named = [...PAGE.matchAll(/(?:src|href)="\/console\/static\/([^"]+)"/g)].map(([, name]) => name ?? "");
const scripts = named.filter((name) => name.endsWith(".js"));

test("what the first view loads weighs less than 60 kB", () => {
  const bytes = [PAGE, ...named.map(textOf)].reduce((sum, text) => sum + gzipSync(text, { level: 6 }).length, 0);
  console.log(`first view: ${bytes} bytes in ${named.length + 1} files, compressed`);
  assert.ok(bytes < MOST_BYTES, `${bytes} bytes`);
});

test("the page names every module of the first view, so that they are fetched at once", () => {
  assert.deepEqual([...scripts].sort(), [...importedBy("js/main.js")].sort());
  assert.equal(scripts.at(-1), "js/main.js");
});

test("nothing is inline, and nothing comes from elsewhere", () => {
  assert.doesNotMatch(PAGE, /<script(?![^>]*\ssrc=)|\son[a-z]+=|\sstyle=|<style/i);
  for (const name of ourFiles().filter((one) => !one.endsWith(".svg"))) {
    assert.doesNotMatch(textOf(name), /(?:https?:)?\/\/[a-z0-9-]+\.[a-z]{2,}/i, name);
  }
});

test("text never becomes HTML or code", () => {
  const forbidden =
    /innerHTML|outerHTML|dangerouslySetInnerHTML|insertAdjacentHTML|document\.write|DOMParser|createContextualFragment|setHTML|srcdoc|\beval\b|new Function|javascript:/;
  for (const name of ourFiles()) assert.doesNotMatch(textOf(name), forbidden, name);
});

test("nothing waits for Intl, which takes some 15 ms to begin", () => {
  for (const name of ourFiles().filter((one) => one.endsWith(".js")))
    assert.doesNotMatch(textOf(name), /toLocale[DST]|\bIntl\b/, name);
});

test("no file of ours is long", () => {
  for (const name of ourFiles()) {
    const most = name.endsWith(".css") ? 500 : 300;
    assert.ok(textOf(name).split("\n").length <= most, name);
  }
});
