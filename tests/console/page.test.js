// The page as files: nothing in it is inline, comes from elsewhere or becomes HTML, and no file is long.

import assert from "node:assert/strict";
import { readdirSync, readFileSync, statSync } from "node:fs";
import { test } from "node:test";

const STATIC = new URL("../../orchestrator/faces/console/static/", import.meta.url);
const PAGE = readFileSync(new URL("index.html", STATIC), "utf8");

/** @param {string} name */
function textOf(name) {
  return readFileSync(new URL(name, STATIC), "utf8");
}

/** @param {string} [below] @returns {string[]} */
function ourFiles(below = "") {
  return readdirSync(new URL(below, STATIC)).flatMap((name) => {
    const path = below + name;
    if (path === "vendor") return [];
    return statSync(new URL(path, STATIC)).isDirectory() ? ourFiles(`${path}/`) : [path];
  });
}

test("nothing is inline, and nothing comes from elsewhere", () => {
  assert.doesNotMatch(PAGE, /<script(?![^>]*\s(?:src=|type="application\/json"))|\son[a-z]+=|\sstyle=|<style/i);
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
