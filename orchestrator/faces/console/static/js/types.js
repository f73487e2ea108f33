// The shapes of docs/http.md, for the type checker. Nothing is loaded from here.

/**
 * @typedef {{
 *   id: string, job_name: string, state: string, state_detail: string | null, attempt: number,
 *   previous_run_id: string | null, retry_number: number, trigger_name: string | null, chain_key: number | null,
 *   started_on_ms: number, launched_on_ms: number | null, completed_on_ms: number | null, retry_due_ms: number | null,
 *   execution_time_s: number | null, dpu: number, error_message: string | null, exit_code: number | null,
 *   exit_signal: number | string | null, wall_ms: number | null, cpu_ms: number | null,
 *   peak_process_rss_bytes: number | null, peak_tree_rss_bytes: number | null,
 *   arguments?: Record<string, string> | null,
 * }} Run arguments: an event leaves them out
 * @typedef {{ id: string, job_name: string, state: string }} BriefRun
 * @typedef {{ seq: number, from_state: string | null, event: string | null, to_state: string, at_ms: number }} Step
 * @typedef {{ after_ms: number, cpu_ms: number, rss_bytes: number, processes: number }} Sample
 * @typedef {{ workflow_name: string, id: string, status: string }} WorkflowRunName
 * @typedef {{
 *   now_ms: number, run: Run, workflow_run: WorkflowRunName | null, history: Step[], attempts: Run[],
 *   predecessors: { job_name: string, run_id: string }[],
 *   arguments: Record<"effective" | "default" | "override" | "non_overridable", Record<string, string> | null>,
 *   samples: Sample[], ledger: { claim: Record<string, unknown> | null, ending: Record<string, unknown> | null },
 *   script_sha256: string | null, directory: string | null,
 * }} RunDetails
 * @typedef {{ depth: number, kind: "firing", trigger_name: string, at_ms: number, tick_ms: number | null,
 *   predecessors: { job_name: string, run_id: string, state: string | null }[] }} FiringLine
 * @typedef {{ depth: number, kind: "run", id: string, job_name: string, state: string, attempts: number,
 *   started_on_ms: number, completed_on_ms: number | null, retry_due_ms: number | null, is_inherited: boolean }} RunLine
 * @typedef {{ key: number, lines: (FiringLine | RunLine)[] }} Chain
 * @typedef {{
 *   now_ms: number, run: Run,
 *   wait: { place: number, reason: string, is_behind_its_job: boolean, queued: number, ahead_of_job: number,
 *     head: (BriefRun & { place: number, dpu: number }) | null, first_ahead_of_job: BriefRun[] } | null,
 *   slots: { dpus: number, in_use_dpu: number, max_processes: number,
 *     held: (BriefRun & { dpu: number, since_ms: number })[] },
 *   retry: { of: string, due_ms: number, number: number, most: number } | null,
 *   trigger: { name: string, is_changed: boolean, type: string | null, schedule: string | null, logical: string | null,
 *     conditions: { job_name: string, wanted: string, run_id: string | null, state: string | null }[] } | null,
 *   workflow_run: WorkflowRunName | null, chain: Chain | null,
 * }} Explanation
 * @typedef {{ name: string, description: string | null, source: string | null, last_modified_on_ms: number,
 *   live_runs: number, last_run: Run | null }} ListedJob
 * @typedef {{
 *   now_ms: number,
 *   job: { name: string, source: string | null, created_on_ms: number, last_modified_on_ms: number,
 *     definition: Record<string, unknown> | null },
 *   runs: Run[], durations: { count: number, p50_ms: number | null, p95_ms: number | null } | null,
 *   expected: { run_id: string, ends_on_ms: number, is_late: boolean }[], bookmark: BookmarkEntry | null,
 *   triggers: string[],
 * }} JobDetails
 * @typedef {{ version: number, run: number | null, attempt: number | null, run_id: string | null, cause: string,
 *   at_ms: number, bookmark: string | null }} BookmarkEntry
 * @typedef {{ id: string, job_name: string, state: string, attempt: number, trigger_name: string | null,
 *   chain_key: number | null, started_on_ms: number, launched_on_ms: number | null, completed_on_ms: number | null,
 *   dpu: number, predecessors?: string[] }} Bar
 * @typedef {{ now_ms: number, dpus: number, max_processes: number, order: string, in_use: { dpu: number, runs: number },
 *   queued: { dpu: number, runs: number }, steps: { at_ms: number, dpu: number, runs: number, queued: number }[],
 *   is_cut: boolean }} Capacity
 * @typedef {{ name: string, type: string, state: string, workflow_name: string | null, description: string | null,
 *   schedule: string | null, upcoming_ms: number[], logical: string | null,
 *   watches: { job_name: string, state: string }[], starts: string[], source: string | null,
 *   last_firing: { at_ms: number, tick_ms: number | null, chain_key: number, runs: BriefRun[] } | null }} Trigger
 * @typedef {{ name: string, description: string | null, max_concurrent_runs: number | null, live_runs?: number,
 *   default_run_properties: Record<string, string>, created_on_ms: number, last_modified_on_ms: number,
 *   last_run?: (WorkflowRunName & { started_on_ms: number, completed_on_ms: number | null }) | null }} Workflow
 * @typedef {WorkflowRunName & { previous_run_id: string | null, chain_key: number, started_on_ms: number,
 *   completed_on_ms: number | null, error_message: string | null, properties: Record<string, string>,
 *   statistics: Record<string, number> }} WorkflowRun
 */

export {};
