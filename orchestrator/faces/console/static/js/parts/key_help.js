// What the keys do, for those who ask.

import { html } from "../kit.js";
import { hasShortcuts, setShortcuts } from "../net/session.js";
import { Dialog } from "./dialog.js";
import { isHelpShown } from "./keys.js";

const HELP = /** @type {const} */ ([
  [
    "Everywhere",
    [
      ["g r", "runs"],
      ["g t", "timeline"],
      ["g c", "capacity"],
      ["g j", "jobs"],
      ["g g", "triggers"],
      ["g w", "workflows"],
      ["?", "this help"],
      ["Esc", "leave a field, close a dialog"],
    ],
  ],
  [
    "Runs",
    [
      ["j  ↓", "next run"],
      ["k  ↑", "run before"],
      ["Enter", "open it"],
      ["/", "search"],
      ["Home", "the newest"],
    ],
  ],
  [
    "A run",
    [
      ["/", "search the log"],
      ["n  N", "next hit, hit before"],
      ["f", "follow the log"],
      ["s", "stop the run"],
      ["r", "run it again"],
    ],
  ],
  [
    "Timeline",
    [
      ["← →", "earlier, later"],
      ["+ −", "closer, further"],
      ["0", "follow the clock"],
    ],
  ],
]);

/** What the keys do. */
export function KeyHelp() {
  if (!isHelpShown.value) return null;
  const close = () => (isHelpShown.value = false);
  return html`<${Dialog} title="Keyboard" onClose=${close} isWide=${true}>
    <div class="key-help">
      ${HELP.map(
        ([place, keys]) =>
          html`<section key=${place}>
            <h3>${place}</h3>
            <dl class="facts">
              ${keys.map(([key, does]) => html`<div key=${key}><dt><kbd>${key}</kbd></dt><dd>${does}</dd></div>`)}
            </dl>
          </section>`,
      )}
    </div>
    <label class="check">
      <input
        type="checkbox"
        checked=${hasShortcuts.value}
        onChange=${(/** @type {Event} */ event) => setShortcuts(/** @type {HTMLInputElement} */ (event.target).checked)}
      />
      Single letters do something
    </label>
  <//>`;
}
