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

-- Append-only. The acceptance has neither a from_state nor an event.
CREATE TABLE job_run_transition (
    seq         INTEGER PRIMARY KEY AUTOINCREMENT,
    job_run_seq INTEGER NOT NULL REFERENCES job_run (seq) ON DELETE CASCADE,
    from_state  TEXT,
    event       TEXT,
    to_state    TEXT    NOT NULL,
    at_ms       INTEGER NOT NULL,
    CHECK ((from_state IS NULL) = (event IS NULL))
) STRICT;

CREATE INDEX job_run_transition_by_run ON job_run_transition (job_run_seq);

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
    cause           TEXT    NOT NULL CHECK (cause IN ('commit', 'reset', 'rewind')),
    at_ms           INTEGER NOT NULL,
    PRIMARY KEY (job_key, version)
) STRICT, WITHOUT ROWID;
