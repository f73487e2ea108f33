// What is not ours is what its authors published, but for the changes that are written down.

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { test } from "node:test";

const VENDOR = new URL("../../orchestrator/faces/console/static/vendor/", import.meta.url);
/** @typedef {{ file: string, package: string, version: string, sha256: string, edits: [string, string][] }} Vendored */
/** @type {Vendored[]} */
const listed = JSON.parse(readFileSync(new URL("vendor.json", VENDOR), "utf8"));

for (const { file, sha256, edits } of listed) {
  test(`${file} is as it was published`, () => {
    let text = readFileSync(new URL(file, VENDOR), "utf8");
    for (const [theirs, ours] of [...edits].reverse()) {
      assert.ok(text.includes(ours), `${file} has ${ours}`);
      text = text.replaceAll(ours, theirs);
    }
    assert.equal(createHash("sha256").update(text).digest("hex"), sha256);
  });
}

test("nothing lies there that is not listed", () => {
  const ours = /\.d\.ts$|^(README\.md|LICENSES\.txt|vendor\.json)$/;
  const found = readdirSync(VENDOR).filter((name) => !ours.test(name));
  assert.deepEqual(found.sort(), listed.map(({ file }) => file).sort());
});

test("every package has its licence and its place in the notes", () => {
  const licences = readFileSync(new URL("LICENSES.txt", VENDOR), "utf8");
  const notes = readFileSync(new URL("README.md", VENDOR), "utf8");
  for (const one of listed) {
    assert.ok(licences.includes(`=== ${one.package} ===`), one.package);
    assert.ok(notes.includes(`| \`${one.file}\` | ${one.package} ${one.version} |`), one.file);
  }
});
