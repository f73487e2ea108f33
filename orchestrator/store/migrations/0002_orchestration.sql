-- Triggers, the chains of runs that they start, workflows, retries that are due, tags, and events for others.

CREATE TABLE job_trigger (
    trigger_key         INTEGER PRIMARY KEY,
    name                TEXT    NOT NULL UNIQUE,
    type                TEXT    NOT NULL CHECK (type IN ('SCHEDULED', 'CONDITIONAL', 'ON_DEMAND', 'EVENT')),
    state               TEXT    NOT NULL CHECK (state IN ('CREATED', 'ACTIVATED', 'DEACTIVATED')),
    workflow_name       TEXT,
    definition          TEXT    NOT NULL CHECK (json_valid(definition)),
    source              TEXT,
    -- No instant of the schedule before this one fires.
    active_since_ms     INTEGER NOT NULL,
    created_on_ms       INTEGER NOT NULL,
    last_modified_on_ms INTEGER NOT NULL
) STRICT;

CREATE INDEX job_trigger_by_workflow ON job_trigger (workflow_name) WHERE workflow_name IS NOT NULL;
CREATE INDEX job_trigger_scheduled ON job_trigger (name) WHERE type = 'SCHEDULED' AND state = 'ACTIVATED';

-- The jobs that a trigger names, so that the end of a run finds the triggers that watch it.
CREATE TABLE job_trigger_job (
    job_name    TEXT    NOT NULL,
    part        TEXT    NOT NULL CHECK (part IN ('watched', 'started')),
    trigger_key INTEGER NOT NULL REFERENCES job_trigger (trigger_key) ON DELETE CASCADE,
    PRIMARY KEY (job_name, part, trigger_key)
) STRICT, WITHOUT ROWID;

CREATE INDEX job_trigger_job_by_trigger ON job_trigger_job (trigger_key);

CREATE TABLE workflow (
    workflow_key        INTEGER PRIMARY KEY,
    name                TEXT    NOT NULL UNIQUE,
    definition          TEXT    NOT NULL CHECK (json_valid(definition)),
    created_on_ms       INTEGER NOT NULL,
    last_modified_on_ms INTEGER NOT NULL
) STRICT;

-- What descends from one root: the firing of a schedule or of StartTrigger, a workflow run, or a run started by hand.
CREATE TABLE chain (
    chain_key     INTEGER PRIMARY KEY AUTOINCREMENT,
    started_on_ms INTEGER NOT NULL
) STRICT;

CREATE TABLE workflow_run (
    chain_key          INTEGER PRIMARY KEY REFERENCES chain (chain_key),
    base_id            BLOB    NOT NULL UNIQUE CHECK (length(base_id) = 32),
    workflow_name      TEXT    NOT NULL,
    previous_base_id   BLOB,
    status             TEXT    NOT NULL CHECK (status IN ('RUNNING', 'COMPLETED', 'STOPPING', 'STOPPED', 'ERROR')),
    properties         TEXT    NOT NULL CHECK (json_valid(properties)),
    -- The workflow's triggers as they were at the start: a change of them does not reach a run under way.
    triggers           TEXT    NOT NULL CHECK (json_valid(triggers)),
    error_message      TEXT,
    invocation_id      BLOB,
    invocation_request BLOB,
    started_on_ms      INTEGER NOT NULL,
    completed_on_ms    INTEGER,
    CONSTRAINT completed_iff_ended CHECK ((completed_on_ms IS NULL) = (status IN ('RUNNING', 'STOPPING'))),
    CONSTRAINT workflow_invocation_is_whole CHECK ((invocation_id IS NULL) = (invocation_request IS NULL))
) STRICT;

CREATE UNIQUE INDEX workflow_run_by_invocation ON workflow_run (invocation_id) WHERE invocation_id IS NOT NULL;
CREATE INDEX workflow_run_by_name ON workflow_run (workflow_name, chain_key);
CREATE INDEX workflow_run_live ON workflow_run (workflow_name) WHERE completed_on_ms IS NULL;

-- The runs of earlier workflow runs that a resumed one takes over instead of repeating them.
CREATE TABLE chain_inherited_run (
    chain_key   INTEGER NOT NULL REFERENCES chain (chain_key) ON DELETE CASCADE,
    job_run_seq INTEGER NOT NULL REFERENCES job_run (seq) ON DELETE CASCADE,
    PRIMARY KEY (chain_key, job_run_seq)
) STRICT, WITHOUT ROWID;

CREATE INDEX chain_inherited_run_by_run ON chain_inherited_run (job_run_seq);

-- Append-only. A trigger fires at most once in a chain, and at most once for an instant of its schedule.
CREATE TABLE firing (
    firing_key         INTEGER PRIMARY KEY AUTOINCREMENT,
    trigger_name       TEXT    NOT NULL,
    chain_key          INTEGER NOT NULL REFERENCES chain (chain_key),
    tick_ms            INTEGER,
    invocation_id      BLOB,
    invocation_request BLOB,
    at_ms              INTEGER NOT NULL,
    UNIQUE (trigger_name, chain_key),
    CONSTRAINT firing_invocation_is_whole CHECK ((invocation_id IS NULL) = (invocation_request IS NULL))
) STRICT;

CREATE UNIQUE INDEX firing_by_tick ON firing (trigger_name, tick_ms) WHERE tick_ms IS NOT NULL;
CREATE UNIQUE INDEX firing_by_invocation ON firing (invocation_id) WHERE invocation_id IS NOT NULL;
CREATE INDEX firing_by_trigger ON firing (trigger_name);
CREATE INDEX firing_by_chain ON firing (chain_key);

ALTER TABLE job_run ADD COLUMN chain_key INTEGER REFERENCES chain (chain_key);
-- How many automatic retries have led to this attempt; 0 where somebody started it.
ALTER TABLE job_run ADD COLUMN retry_number INTEGER NOT NULL DEFAULT 0;
-- When the next attempt is to be made; on a FAILED run whose retry is still to come, and nowhere else.
ALTER TABLE job_run ADD COLUMN retry_due_ms INTEGER;

CREATE INDEX job_version_by_job ON job_version (job_key);
CREATE INDEX job_run_by_chain ON job_run (chain_key, job_key, seq) WHERE chain_key IS NOT NULL;
CREATE INDEX job_run_retry_due ON job_run (retry_due_ms) WHERE retry_due_ms IS NOT NULL;

-- Append-only: what others are told, in EventBridge's two kinds. A run has at most one of each.
CREATE TABLE event (
    seq         INTEGER PRIMARY KEY AUTOINCREMENT,
    job_run_seq INTEGER NOT NULL REFERENCES job_run (seq) ON DELETE CASCADE,
    kind        TEXT    NOT NULL CHECK (kind IN ('state_change', 'run_status')),
    state       TEXT    NOT NULL,
    at_ms       INTEGER NOT NULL,
    UNIQUE (job_run_seq, kind)
) STRICT;

-- resource is 'job/<name>', 'trigger/<name>' or 'workflow/<name>', as it stands in an ARN.
CREATE TABLE tag (
    resource TEXT NOT NULL,
    key      TEXT NOT NULL,
    value    TEXT NOT NULL,
    PRIMARY KEY (resource, key)
) STRICT, WITHOUT ROWID;

INSERT INTO tag (resource, key, value)
SELECT 'job/' || job.name, given.key, given.value
FROM job JOIN job_version ON job_version.version_key = job.version_key, json_each(job_version.definition, '$.echoed.tags') AS given;
