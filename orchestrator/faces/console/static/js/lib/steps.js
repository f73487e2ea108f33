// Figures over time as a plot takes them: columns of equal length. Pure.

/**
 * Return the steps of the capacity as columns, extended to now.
 * @param {readonly { at_ms: number, dpu: number, runs: number, queued: number }[]} steps
 * @param {number} sinceMs
 * @param {number} nowMs
 * @returns {[number[], number[], number[]]} seconds since 1970, DPU in use, runs that wait
 */
export function capacityColumns(steps, sinceMs, nowMs) {
  /** @type {[number[], number[], number[]]} */
  const columns = [[], [], []];
  for (const step of steps) {
    columns[0].push(Math.max(step.at_ms, sinceMs) / 1000);
    columns[1].push(step.dpu);
    columns[2].push(step.queued);
  }
  const last = steps.at(-1);
  if (last) {
    columns[0].push(Math.max(nowMs, last.at_ms) / 1000);
    columns[1].push(last.dpu);
    columns[2].push(last.queued);
  }
  return columns;
}

/**
 * Return the samples of a run's tree as columns. CPU is how many cores were busy since the sample before.
 * @param {readonly { after_ms: number, cpu_ms: number, rss_bytes: number }[]} samples
 * @returns {[number[], number[], number[]]} seconds since the launch, cores, bytes
 */
export function sampleColumns(samples) {
  /** @type {[number[], number[], number[]]} */
  const columns = [[], [], []];
  let before = { after_ms: 0, cpu_ms: 0 };
  for (const sample of samples) {
    const wall = sample.after_ms - before.after_ms;
    columns[0].push(sample.after_ms / 1000);
    columns[1].push(wall > 0 ? Math.max(sample.cpu_ms - before.cpu_ms, 0) / wall : 0);
    columns[2].push(sample.rss_bytes);
    before = sample;
  }
  return columns;
}

/**
 * Return what a run has used: as its ending tells it, and before that as it was seen so far.
 * @param {Pick<import("../types.js").Run, "cpu_ms" | "peak_tree_rss_bytes">} run
 * @param {readonly { readonly cpu_ms: number, readonly rss_bytes: number }[]} samples in the order in which they were taken
 * @returns {{ cpuMs: number | null, peakBytes: number | null }} null where nothing is known
 */
export function used(run, samples) {
  const seen = samples.length > 0;
  return {
    cpuMs: run.cpu_ms ?? (seen ? Math.max(...samples.map((one) => one.cpu_ms)) : null),
    peakBytes: run.peak_tree_rss_bytes ?? (seen ? Math.max(...samples.map((one) => one.rss_bytes)) : null),
  };
}
