// The arguments of runs that events told without them: asked for run by run, a few at a time, and remembered.

/** @typedef {import("../types.js").Run} Run */

const AT_A_TIME = 2;
/** Beyond that the oldest are given up: they are shown when the list is read anew. */
const MOST_WAITING = 500;
const MOST_KNOWN = 2000;

export class ArgumentsFinder {
  /**
   * @param {(run: Run) => Promise<Run["arguments"]>} find undefined where the run is gone
   * @param {(run: Run) => void} onFound told a run as its newest event has it, with its arguments
   */
  constructor(find, onFound) {
    this.find = find;
    this.onFound = onFound;
    /** @type {Map<string, Run["arguments"]>} */
    this.known = new Map();
    /** @type {Map<string, Run>} */
    this.waiting = new Map();
    /** @type {Map<string, Run>} */
    this.asked = new Map();
  }

  /**
   * Return a run with its arguments, where they are known.
   * @param {Run} run
   * @returns {Run}
   */
  completed(run) {
    const known = this.known.get(run.id);
    return known === undefined || run.arguments !== undefined ? run : { ...run, arguments: known };
  }

  /**
   * Find the arguments of a run; where they are looked for already, take what the newest event says of it.
   * @param {Run} run
   */
  want(run) {
    if (this.asked.has(run.id)) this.asked.set(run.id, run);
    else this.waiting.set(run.id, run);
    forgetOldest(this.waiting, MOST_WAITING);
    this.askOn();
  }

  /** Find no more. */
  end() {
    this.waiting.clear();
    this.asked.clear();
  }

  askOn() {
    for (const [id, run] of this.waiting) {
      if (this.asked.size >= AT_A_TIME) return;
      this.waiting.delete(id);
      this.asked.set(id, run);
      void this.ask(run);
    }
  }

  /** @param {Run} run */
  async ask(run) {
    /** @type {Run["arguments"]} */
    let found;
    try {
      found = await this.find(run);
    } catch {
      // Not reached: the stream is lost as well, and all is read anew when it is back.
    }
    const newest = this.asked.get(run.id);
    this.asked.delete(run.id);
    if (newest && found !== undefined) {
      this.known.set(run.id, found);
      forgetOldest(this.known, MOST_KNOWN);
      this.onFound({ ...newest, arguments: found });
    }
    this.askOn();
  }
}

/** @param {Map<string, unknown>} map @param {number} most */
function forgetOldest(map, most) {
  for (const id of map.keys()) {
    if (map.size <= most) return;
    map.delete(id);
  }
}
