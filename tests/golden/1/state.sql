BEGIN TRANSACTION;
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
INSERT INTO "bookmark" VALUES(1,1,1,0,'jr_d678711203185f9dbf412880020aad91db197980a21c80ed7de43c2b38095361','jr_d678711203185f9dbf412880020aad91db197980a21c80ed7de43c2b38095361',NULL,1,'commit',1795808306599);
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
INSERT INTO "job" VALUES(1,'etl',1,1,NULL,1795808306416,1795808306416);
INSERT INTO "job" VALUES(2,'other',2,1,NULL,1795808306428,1795808306428);
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
INSERT INTO "job_run" VALUES(1,X'D678711203185F9DBF412880020AAD91DB197980A21C80ED7DE43C2B38095361',0,NULL,1,1,'SUCCEEDED',NULL,10.0,NULL,NULL,2880,0,NULL,NULL,NULL,NULL,NULL,X'DD56DE4137951D9C92681B03416EC15F',X'2BE82998C84B50DA21069CC8B6FDDF06',1795808306433,1795808306527,1795808306599,1795808306599,NULL,0,NULL,75,33,12775424,12775424);
INSERT INTO "job_run" VALUES(2,X'0233905DA6C84E4D4F9840F3488831BC6B1EDFC2E3D2C90E0C92CD327FCADB19',0,NULL,2,2,'FAILED','{"--gate": "none"}',2.0,NULL,NULL,2880,0,NULL,NULL,NULL,NULL,NULL,NULL,NULL,1795808306612,1795808306658,1795808306715,1795808306715,'Command failed with exit code 3',3,NULL,48,29,12783616,12783616);
INSERT INTO "job_run" VALUES(3,X'B63FB84783DAAF91FA5DF35294CFA89B1AC47F0101FDEEF29D20070E8BAD289D',0,NULL,1,1,'STOPPED','{"--gate": "@ROOT@/gate"}',10.0,NULL,NULL,2880,0,NULL,NULL,NULL,NULL,NULL,NULL,NULL,1795808306730,1795808306788,1795808306824,1795808306824,'Job run stopped by request',NULL,15,24,8,9945088,9945088);
INSERT INTO "job_run" VALUES(4,X'2CBD036147F32FC1D66975C498E8F73D06B3785297CCEA569060B3BDC70D1879',0,NULL,1,1,'RUNNING','{"--gate": "@ROOT@/another", "--code": "5"}',2.0,NULL,NULL,2880,0,NULL,NULL,NULL,NULL,NULL,NULL,NULL,1795808306837,1795808306944,1795808306944,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL);
INSERT INTO "job_run" VALUES(5,X'3F016F64C745CC63A7D62437F08D36411F06AA08719CE09F44811F20C0339226',0,NULL,1,1,'RUNNING','{"--gate": "@ROOT@/gate"}',8.0,NULL,NULL,2880,0,NULL,NULL,NULL,NULL,NULL,NULL,NULL,1795808306840,1795808306943,1795808306943,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL);
INSERT INTO "job_run" VALUES(6,X'191D91D1C5FE56C6F97829099BF6F2DEA310DF8753A6C33FA318D4F289633347',0,NULL,1,1,'STARTING','{"--gate": "none", "--job-bookmark-option": "job-bookmark-disable"}',10.0,NULL,NULL,2880,0,NULL,NULL,NULL,NULL,NULL,NULL,NULL,1795808306987,NULL,1795808306987,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL);
INSERT INTO "job_run" VALUES(7,X'B15ED7E4FC2ECC92AB4DAAE062FB0E241E5C5ED2F0F8CE74FDE2B058BAF70E3E',0,NULL,1,1,'WAITING','{"--gate": "none", "--job-bookmark-option": "job-bookmark-disable"}',10.0,NULL,NULL,2880,1,NULL,NULL,NULL,NULL,NULL,NULL,NULL,1795808307004,NULL,1795808307004,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL);
CREATE TABLE job_run_predecessor (
    job_run_seq INTEGER NOT NULL REFERENCES job_run (seq) ON DELETE CASCADE,
    position    INTEGER NOT NULL,
    job_name    TEXT    NOT NULL,
    base_id     BLOB    NOT NULL,
    attempt     INTEGER NOT NULL,
    PRIMARY KEY (job_run_seq, position)
) STRICT, WITHOUT ROWID;
CREATE TABLE job_run_transition (
    seq         INTEGER PRIMARY KEY AUTOINCREMENT,
    job_run_seq INTEGER NOT NULL REFERENCES job_run (seq) ON DELETE CASCADE,
    from_state  TEXT,
    event       TEXT,
    to_state    TEXT    NOT NULL,
    at_ms       INTEGER NOT NULL,
    CHECK ((from_state IS NULL) = (event IS NULL))
) STRICT;
INSERT INTO "job_run_transition" VALUES(1,1,NULL,NULL,'STARTING',1795808306433);
INSERT INTO "job_run_transition" VALUES(2,1,'STARTING','LAUNCHED','RUNNING',1795808306527);
INSERT INTO "job_run_transition" VALUES(3,1,'RUNNING','SUCCEEDED','SUCCEEDED',1795808306599);
INSERT INTO "job_run_transition" VALUES(4,2,NULL,NULL,'STARTING',1795808306612);
INSERT INTO "job_run_transition" VALUES(5,2,'STARTING','LAUNCHED','RUNNING',1795808306658);
INSERT INTO "job_run_transition" VALUES(6,2,'RUNNING','FAILED','FAILED',1795808306715);
INSERT INTO "job_run_transition" VALUES(7,3,NULL,NULL,'STARTING',1795808306730);
INSERT INTO "job_run_transition" VALUES(8,3,'STARTING','LAUNCHED','RUNNING',1795808306788);
INSERT INTO "job_run_transition" VALUES(9,3,'RUNNING','STOP_REQUESTED','STOPPING',1795808306803);
INSERT INTO "job_run_transition" VALUES(10,3,'STOPPING','FAILED','STOPPED',1795808306824);
INSERT INTO "job_run_transition" VALUES(11,4,NULL,NULL,'STARTING',1795808306837);
INSERT INTO "job_run_transition" VALUES(12,5,NULL,NULL,'STARTING',1795808306840);
INSERT INTO "job_run_transition" VALUES(13,5,'STARTING','LAUNCHED','RUNNING',1795808306943);
INSERT INTO "job_run_transition" VALUES(14,4,'STARTING','LAUNCHED','RUNNING',1795808306944);
INSERT INTO "job_run_transition" VALUES(15,6,NULL,NULL,'STARTING',1795808306987);
INSERT INTO "job_run_transition" VALUES(16,7,NULL,NULL,'WAITING',1795808307004);
CREATE TABLE job_version (
    version_key   INTEGER PRIMARY KEY,
    job_key       INTEGER NOT NULL REFERENCES job (job_key),
    incarnation   INTEGER NOT NULL,
    command_name  TEXT    NOT NULL,
    glue_version  TEXT    NOT NULL,
    definition    TEXT    NOT NULL CHECK (json_valid(definition)),
    created_on_ms INTEGER NOT NULL
) STRICT;
INSERT INTO "job_version" VALUES(1,1,1,'pythonshell','5.1','{"role":"r","command":{"name":"pythonshell","script_location":"@ROOT@/etl.py","python_version":"3","runtime":null},"default_arguments":{"--gate":"none","--code":"0","--job-bookmark-option":"job-bookmark-enable"},"non_overridable_arguments":null,"max_concurrent_runs":4,"max_retries":null,"timeout_min":null,"capacity":{"allocated_capacity":null,"max_capacity":null,"worker_type":null,"number_of_workers":null},"glue_version":null,"job_run_queuing_enabled":null,"notify_delay_after_min":null,"execution_class":null,"security_configuration":null,"description":null,"echoed":{}}',1795808306416);
INSERT INTO "job_version" VALUES(2,2,1,'pythonshell','5.1','{"role":"r","command":{"name":"pythonshell","script_location":"@ROOT@/other.py","python_version":"3","runtime":null},"default_arguments":{"--gate":"none","--code":"3"},"non_overridable_arguments":null,"max_concurrent_runs":null,"max_retries":1,"timeout_min":null,"capacity":{"allocated_capacity":2,"max_capacity":null,"worker_type":null,"number_of_workers":null},"glue_version":null,"job_run_queuing_enabled":null,"notify_delay_after_min":null,"execution_class":null,"security_configuration":null,"description":null,"echoed":{}}',1795808306428);
CREATE UNIQUE INDEX job_run_by_invocation ON job_run (invocation_id) WHERE invocation_id IS NOT NULL;
CREATE INDEX job_run_by_job ON job_run (job_key);
CREATE INDEX job_run_live ON job_run (seq) WHERE completed_on_ms IS NULL;
CREATE INDEX job_run_live_by_job ON job_run (job_key) WHERE completed_on_ms IS NULL;
CREATE INDEX job_run_transition_by_run ON job_run_transition (job_run_seq);
DELETE FROM "sqlite_sequence";
INSERT INTO "sqlite_sequence" VALUES('job_run',7);
INSERT INTO "sqlite_sequence" VALUES('job_run_transition',16);
COMMIT;
PRAGMA application_id = 1198290277;
PRAGMA user_version = 1;
