-- The whole schema as the migrations leave it, for reading; a test holds that both are the same.

CREATE TABLE job (
    job_key             INTEGER PRIMARY KEY,
    name                TEXT    NOT NULL UNIQUE,
    -- The current definition; NULL when the job is deleted. The name's row stays, so its history stays readable.
    version_key         INTEGER REFERENCES job_version (version_key),
    -- Counts re-creations under the same name: a run of an earlier one may not move the bookmark of a later one.
    incarnation         INTEGER NOT NULL DEFAULT 1,
    source              TEXT,
    created_on_ms       INTEGER NOT NULL,
    last_modified_on_ms INTEGER NOT NULL
) STRICT;

-- Definitions are never changed: UpdateJob adds one, and runs keep the one that they were accepted with.
CREATE TABLE job_version (
    version_key   INTEGER PRIMARY KEY,
    job_key       INTEGER NOT NULL REFERENCES job (job_key),
    incarnation   INTEGER NOT NULL,
    command_name  TEXT    NOT NULL,
    glue_version  TEXT    NOT NULL,
    definition    TEXT    NOT NULL CHECK (json_valid(definition)),
    created_on_ms INTEGER NOT NULL
) STRICT;

CREATE TABLE job_run (
    seq                    INTEGER PRIMARY KEY AUTOINCREMENT,
    base_id                BLOB    NOT NULL CHECK (length(base_id) = 32),
    attempt                INTEGER NOT NULL CHECK (attempt >= 0),
    previous_attempt       INTEGER CHECK (previous_attempt < attempt),
    job_key                INTEGER NOT NULL REFERENCES job (job_key),
    version_key            INTEGER NOT NULL REFERENCES job_version (version_key),
    state                  TEXT    NOT NULL CHECK (state IN (
        'WAITING', 'STARTING', 'RUNNING', 'STOPPING', 'STOPPED', 'SUCCEEDED', 'FAILED', 'TIMEOUT', 'ERROR')),
    arguments              TEXT    CHECK (arguments IS NULL OR json_valid(arguments)),
    dpu                    REAL    NOT NULL CHECK (dpu > 0),
    worker_type            TEXT,
    number_of_workers      INTEGER,
    timeout_min            INTEGER CHECK (timeout_min >= 1),
    queuing_enabled        INTEGER NOT NULL CHECK (queuing_enabled IN (0, 1)),
    notify_delay_after_min INTEGER,
    execution_class        TEXT,
    security_configuration TEXT,
    session_policy         TEXT,
    trigger_name           TEXT,
    invocation_id          BLOB,
    invocation_request     BLOB,
    started_on_ms          INTEGER NOT NULL,
    launched_on_ms         INTEGER,
    last_modified_on_ms    INTEGER NOT NULL,
    completed_on_ms        INTEGER,
    error_message          TEXT,
    exit_code              INTEGER,
    exit_signal            INTEGER,
    wall_ms                INTEGER,
    cpu_ms                 INTEGER,
    peak_process_rss_bytes INTEGER,
    peak_tree_rss_bytes    INTEGER,
    chain_key INTEGER REFERENCES chain (chain_key),
    -- How many automatic retries have led to this attempt; 0 where somebody started it.
    retry_number INTEGER NOT NULL DEFAULT 0,
    -- When the next attempt is to be made; on a FAILED run whose retry is still to come, and nowhere else.
    retry_due_ms INTEGER,
    -- The run's place in the order of all first launches; NULL before. None comes in later, whatever the clock does.
    launch_seq INTEGER,
    UNIQUE (base_id, attempt),
    CONSTRAINT completed_iff_terminal CHECK (
        (completed_on_ms IS NULL) = (state IN ('WAITING', 'STARTING', 'RUNNING', 'STOPPING'))),
    CONSTRAINT failure_says_why CHECK (
        completed_on_ms IS NULL OR state = 'SUCCEEDED' OR coalesce(error_message, '') <> ''),
    CONSTRAINT workers_come_in_pairs CHECK ((worker_type IS NULL) = (number_of_workers IS NULL)),
    CONSTRAINT invocation_is_whole CHECK ((invocation_id IS NULL) = (invocation_request IS NULL))
) STRICT;

CREATE UNIQUE INDEX job_run_by_invocation ON job_run (invocation_id) WHERE invocation_id IS NOT NULL;
CREATE INDEX job_run_by_job ON job_run (job_key);
CREATE INDEX job_run_live ON job_run (seq) WHERE completed_on_ms IS NULL;
CREATE INDEX job_run_live_by_job ON job_run (job_key) WHERE completed_on_ms IS NULL;

-- State: 1 WAITING, 2 STARTING, 3 RUNNING, 4 STOPPING, 5 STOPPED, 6 SUCCEEDED, 7 FAILED, 8 TIMEOUT, 9 ERROR.
-- Event: 1 ADMITTED, 2 LAUNCHED, 3 LAUNCH_FAILED, 4 STOP_REQUESTED, 5 FORBIDDEN, 6 SUCCEEDED, 7 FAILED, 8 TIMED_OUT,
-- 9 LOST, 10 JOB_MISSING.
--
-- Append-only. The first row is the acceptance, which has no event; each other one begins where the one before it ended.
CREATE TABLE job_run_transition (
    job_run_seq INTEGER NOT NULL REFERENCES job_run (seq) ON DELETE CASCADE,
    number      INTEGER NOT NULL CHECK (number >= 1),
    event       INTEGER CHECK (event BETWEEN 1 AND 10),
    state       INTEGER NOT NULL CHECK (state BETWEEN 1 AND 9),
    after_ms    INTEGER NOT NULL, -- since the acceptance; below 0 where the clock was set back
    PRIMARY KEY (job_run_seq, number),
    CHECK ((number = 1) = (event IS NULL))
) STRICT, WITHOUT ROWID;

CREATE TABLE job_run_predecessor (
    job_run_seq INTEGER NOT NULL REFERENCES job_run (seq) ON DELETE CASCADE,
    position    INTEGER NOT NULL,
    job_name    TEXT    NOT NULL,
    base_id     BLOB    NOT NULL,
    attempt     INTEGER NOT NULL,
    PRIMARY KEY (job_run_seq, position)
) STRICT, WITHOUT ROWID;

-- Append-only: the highest version is the bookmark, the others are its history. Deleting the job deletes both.
CREATE TABLE bookmark (
    job_key         INTEGER NOT NULL REFERENCES job (job_key),
    version         INTEGER NOT NULL CHECK (version >= 1),
    run             INTEGER NOT NULL CHECK (run >= 0),
    attempt         INTEGER NOT NULL CHECK (attempt >= 0),
    bookmark        TEXT    NOT NULL,
    run_id          TEXT,
    previous_run_id TEXT,
    run_seq         INTEGER,
    cause           TEXT    NOT NULL CHECK (cause IN ('commit', 'reset', 'rewind', 'set')),
    at_ms           INTEGER NOT NULL,
    PRIMARY KEY (job_key, version)
) STRICT, WITHOUT ROWID;

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


CREATE INDEX job_version_by_job ON job_version (job_key);
CREATE INDEX job_run_by_chain ON job_run (chain_key, job_key, seq) WHERE chain_key IS NOT NULL;
CREATE INDEX job_run_retry_due ON job_run (retry_due_ms) WHERE retry_due_ms IS NOT NULL;
CREATE UNIQUE INDEX job_run_by_launch ON job_run (launch_seq) WHERE launch_seq IS NOT NULL;
-- The ends that are rare among many runs that SUCCEEDED.
CREATE INDEX job_run_unwell ON job_run (state) WHERE state IN ('STOPPED', 'FAILED', 'TIMEOUT', 'ERROR');
CREATE INDEX job_run_unwell_by_job ON job_run (job_key, state) WHERE state IN ('STOPPED', 'FAILED', 'TIMEOUT', 'ERROR');
CREATE INDEX job_run_by_end ON job_run (completed_on_ms) WHERE completed_on_ms IS NOT NULL;

-- Append-only: what others are told, in EventBridge's two kinds (1 state change, 2 run status). A run has at most one of
-- each.
CREATE TABLE event (
    seq         INTEGER PRIMARY KEY AUTOINCREMENT,
    job_run_seq INTEGER NOT NULL REFERENCES job_run (seq) ON DELETE CASCADE,
    kind        INTEGER NOT NULL CHECK (kind BETWEEN 1 AND 2),
    state       INTEGER NOT NULL CHECK (state BETWEEN 1 AND 9),
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

-- What has changed, in the order in which it did: a step of a run's history, or, without one, a definition or a
-- bookmark. The newest are kept, and the last one always, so that no number comes twice.
CREATE TABLE change (
    seq         INTEGER PRIMARY KEY,
    job_run_seq INTEGER, -- of a run that may be gone by now
    number      INTEGER,
    CHECK ((job_run_seq IS NULL) = (number IS NULL))
) STRICT;

-- What the processes of a run used together, looked at while it went on; thinned where it went on for long.
CREATE TABLE sample (
    job_run_seq INTEGER NOT NULL REFERENCES job_run (seq) ON DELETE CASCADE,
    after_ms    INTEGER NOT NULL, -- since the launch
    cpu_ms      INTEGER NOT NULL,
    rss_bytes   INTEGER NOT NULL,
    processes   INTEGER NOT NULL,
    PRIMARY KEY (job_run_seq, after_ms)
) STRICT, WITHOUT ROWID;

-- The last event that an outlet has taken or was spared, how many tries have failed since, and when the next is due.
CREATE TABLE outlet (
    name   TEXT    PRIMARY KEY,
    place  INTEGER NOT NULL,
    tries  INTEGER NOT NULL DEFAULT 0,
    due_ms INTEGER
) STRICT, WITHOUT ROWID;
