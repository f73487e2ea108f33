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
INSERT INTO "bookmark" VALUES(1,1,1,0,'jr_2179f8626781c069cbe947ba4816a3747070baf3e1725b6b0385290ff69f9d9b','jr_2179f8626781c069cbe947ba4816a3747070baf3e1725b6b0385290ff69f9d9b',NULL,1,'commit',1795808309475);
INSERT INTO "bookmark" VALUES(1,2,2,0,'jr_2f3cf8cbb611296ca5560be267960d538f05bcf4313ed506cdff3c7e983ae7a2','jr_2f3cf8cbb611296ca5560be267960d538f05bcf4313ed506cdff3c7e983ae7a2','jr_2179f8626781c069cbe947ba4816a3747070baf3e1725b6b0385290ff69f9d9b',4,'commit',1795808309743);
INSERT INTO "bookmark" VALUES(1,3,3,0,'jr_63b95f04d53d14ddbaab066492b17d01009e3c4ece24b8fd17de6d9d204754a7','jr_63b95f04d53d14ddbaab066492b17d01009e3c4ece24b8fd17de6d9d204754a7','jr_2f3cf8cbb611296ca5560be267960d538f05bcf4313ed506cdff3c7e983ae7a2',5,'commit',1795808309826);
CREATE TABLE chain (
    chain_key     INTEGER PRIMARY KEY AUTOINCREMENT,
    started_on_ms INTEGER NOT NULL
) STRICT;
INSERT INTO "chain" VALUES(1,1795808309677);
INSERT INTO "chain" VALUES(2,1795808309752);
CREATE TABLE chain_inherited_run (
    chain_key   INTEGER NOT NULL REFERENCES chain (chain_key) ON DELETE CASCADE,
    job_run_seq INTEGER NOT NULL REFERENCES job_run (seq) ON DELETE CASCADE,
    PRIMARY KEY (chain_key, job_run_seq)
) STRICT, WITHOUT ROWID;
CREATE TABLE event (
    seq         INTEGER PRIMARY KEY AUTOINCREMENT,
    job_run_seq INTEGER NOT NULL REFERENCES job_run (seq) ON DELETE CASCADE,
    kind        INTEGER NOT NULL CHECK (kind BETWEEN 1 AND 2),
    state       INTEGER NOT NULL CHECK (state BETWEEN 1 AND 9),
    at_ms       INTEGER NOT NULL,
    UNIQUE (job_run_seq, kind)
) STRICT;
INSERT INTO "event" VALUES(1,1,1,6,1795808309475);
INSERT INTO "event" VALUES(2,2,1,7,1795808309566);
INSERT INTO "event" VALUES(3,3,1,5,1795808309647);
INSERT INTO "event" VALUES(4,4,1,6,1795808309743);
INSERT INTO "event" VALUES(5,5,1,6,1795808309826);
INSERT INTO "event" VALUES(6,6,1,7,1795808309898);
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
INSERT INTO "firing" VALUES(1,'root',1,NULL,NULL,NULL,1795808309677);
INSERT INTO "firing" VALUES(2,'hand',2,NULL,NULL,NULL,1795808309752);
INSERT INTO "firing" VALUES(3,'then',2,NULL,NULL,NULL,1795808309826);
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
INSERT INTO "job" VALUES(1,'etl',1,1,NULL,1795808309390,1795808309390);
INSERT INTO "job" VALUES(2,'other',2,1,NULL,1795808309393,1795808309393);
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
    peak_tree_rss_bytes    INTEGER, chain_key INTEGER REFERENCES chain (chain_key), retry_number INTEGER NOT NULL DEFAULT 0, retry_due_ms INTEGER, launch_seq INTEGER,
    UNIQUE (base_id, attempt),
    CONSTRAINT completed_iff_terminal CHECK (
        (completed_on_ms IS NULL) = (state IN ('WAITING', 'STARTING', 'RUNNING', 'STOPPING'))),
    CONSTRAINT failure_says_why CHECK (
        completed_on_ms IS NULL OR state = 'SUCCEEDED' OR coalesce(error_message, '') <> ''),
    CONSTRAINT workers_come_in_pairs CHECK ((worker_type IS NULL) = (number_of_workers IS NULL)),
    CONSTRAINT invocation_is_whole CHECK ((invocation_id IS NULL) = (invocation_request IS NULL))
) STRICT;
INSERT INTO "job_run" VALUES(1,X'2179F8626781C069CBE947BA4816A3747070BAF3E1725B6B0385290FF69F9D9B',0,NULL,1,1,'SUCCEEDED',NULL,10.0,NULL,NULL,2880,0,NULL,NULL,NULL,NULL,NULL,X'DD56DE4137951D9C92681B03416EC15F',X'497D7040F33ED991490AF75DFE90C6B4',1795808309395,1795808309439,1795808309475,1795808309475,NULL,0,NULL,36,29,12791808,12791808,NULL,0,NULL,1);
INSERT INTO "job_run" VALUES(2,X'3EA2028CC7E8F4E1F1CD22CDAEEE9B20D3C07AA2630D13811190F19463E0E598',0,NULL,2,2,'FAILED','{"--gate": "none"}',2.0,NULL,NULL,2880,0,NULL,NULL,NULL,NULL,NULL,NULL,NULL,1795808309495,1795808309530,1795808309566,1795808309566,'Command failed with exit code 3',3,NULL,32,28,12910592,12910592,NULL,0,1795808369566,2);
INSERT INTO "job_run" VALUES(3,X'826D7FA62CC6D21CFD4A328686FCD4AEDFE444D179BF61F7295FBC4CBB7EAC13',0,NULL,1,1,'STOPPED','{"--gate": "@ROOT@/gate"}',10.0,NULL,NULL,2880,0,NULL,NULL,NULL,NULL,NULL,NULL,NULL,1795808309569,1795808309602,1795808309647,1795808309647,'Job run stopped by request',NULL,15,46,25,12791808,12791808,NULL,0,NULL,3);
INSERT INTO "job_run" VALUES(4,X'2F3CF8CBB611296CA5560BE267960D538F05BCF4313ED506CDFF3C7E983AE7A2',0,NULL,1,1,'SUCCEEDED',NULL,10.0,NULL,NULL,2880,1,NULL,NULL,NULL,NULL,'root',NULL,NULL,1795808309677,1795808309710,1795808309743,1795808309743,NULL,0,NULL,33,29,12816384,12816384,1,0,NULL,4);
INSERT INTO "job_run" VALUES(5,X'63B95F04D53D14DDBAAB066492B17D01009E3C4ECE24B8FD17DE6D9D204754A7',0,NULL,1,1,'SUCCEEDED',NULL,10.0,NULL,NULL,2880,1,NULL,NULL,NULL,NULL,'hand',NULL,NULL,1795808309752,1795808309787,1795808309826,1795808309826,NULL,0,NULL,39,30,12914688,12914688,2,0,NULL,5);
INSERT INTO "job_run" VALUES(6,X'4D473E4984956594CFE3BF03502DF0576F774B2FAEF3880D5FB1277B1B61AEC1',0,NULL,2,2,'FAILED',NULL,2.0,NULL,NULL,2880,1,NULL,NULL,NULL,NULL,'then',NULL,NULL,1795808309826,1795808309867,1795808309898,1795808309898,'Command failed with exit code 3',3,NULL,35,28,12791808,12791808,2,0,1795808369898,6);
INSERT INTO "job_run" VALUES(7,X'6AA0A851D8CA7444FDF1287431585FA39CB788BB9B559D5E72CF39C8CF451D2C',0,NULL,1,1,'RUNNING','{"--gate": "@ROOT@/another", "--code": "5"}',2.0,NULL,NULL,2880,0,NULL,NULL,NULL,NULL,NULL,NULL,NULL,1795808309929,1795808309980,1795808309980,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,0,NULL,7);
INSERT INTO "job_run" VALUES(8,X'30BB1A76B3950FF3318062604A0671E2FE4EA0051AE41C269A6F93025BA42C8C',0,NULL,1,1,'RUNNING','{"--gate": "@ROOT@/gate"}',8.0,NULL,NULL,2880,0,NULL,NULL,NULL,NULL,NULL,NULL,NULL,1795808309932,1795808309986,1795808309986,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,0,NULL,8);
INSERT INTO "job_run" VALUES(9,X'83DE4DD0E9921BFE5161A9096EE152C9EFF1174372444480E977A6D018395F92',0,NULL,1,1,'STARTING','{"--gate": "none", "--job-bookmark-option": "job-bookmark-disable"}',10.0,NULL,NULL,2880,0,NULL,NULL,NULL,NULL,NULL,NULL,NULL,1795808310012,NULL,1795808310012,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,0,NULL,NULL);
INSERT INTO "job_run" VALUES(10,X'22EEF12B61088F969008D0F4A3152D43A31EB541419D20392F51767116FC0548',0,NULL,1,1,'WAITING','{"--gate": "none", "--job-bookmark-option": "job-bookmark-disable"}',10.0,NULL,NULL,2880,1,NULL,NULL,NULL,NULL,NULL,NULL,NULL,1795808310014,NULL,1795808310014,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,0,NULL,NULL);
CREATE TABLE job_run_predecessor (
    job_run_seq INTEGER NOT NULL REFERENCES job_run (seq) ON DELETE CASCADE,
    position    INTEGER NOT NULL,
    job_name    TEXT    NOT NULL,
    base_id     BLOB    NOT NULL,
    attempt     INTEGER NOT NULL,
    PRIMARY KEY (job_run_seq, position)
) STRICT, WITHOUT ROWID;
INSERT INTO "job_run_predecessor" VALUES(6,0,'etl',X'63B95F04D53D14DDBAAB066492B17D01009E3C4ECE24B8FD17DE6D9D204754A7',0);
CREATE TABLE job_run_transition (
    job_run_seq INTEGER NOT NULL REFERENCES job_run (seq) ON DELETE CASCADE,
    number      INTEGER NOT NULL CHECK (number >= 1),
    event       INTEGER CHECK (event BETWEEN 1 AND 10),
    state       INTEGER NOT NULL CHECK (state BETWEEN 1 AND 9),
    after_ms    INTEGER NOT NULL, -- since the acceptance; below 0 where the clock was set back
    PRIMARY KEY (job_run_seq, number),
    CHECK ((number = 1) = (event IS NULL))
) STRICT, WITHOUT ROWID;
INSERT INTO "job_run_transition" VALUES(1,1,NULL,2,0);
INSERT INTO "job_run_transition" VALUES(1,2,2,3,44);
INSERT INTO "job_run_transition" VALUES(1,3,6,6,80);
INSERT INTO "job_run_transition" VALUES(2,1,NULL,2,0);
INSERT INTO "job_run_transition" VALUES(2,2,2,3,35);
INSERT INTO "job_run_transition" VALUES(2,3,7,7,71);
INSERT INTO "job_run_transition" VALUES(3,1,NULL,2,0);
INSERT INTO "job_run_transition" VALUES(3,2,2,3,33);
INSERT INTO "job_run_transition" VALUES(3,3,4,4,74);
INSERT INTO "job_run_transition" VALUES(3,4,7,5,78);
INSERT INTO "job_run_transition" VALUES(4,1,NULL,1,0);
INSERT INTO "job_run_transition" VALUES(4,2,1,2,2);
INSERT INTO "job_run_transition" VALUES(4,3,2,3,33);
INSERT INTO "job_run_transition" VALUES(4,4,6,6,66);
INSERT INTO "job_run_transition" VALUES(5,1,NULL,1,0);
INSERT INTO "job_run_transition" VALUES(5,2,1,2,4);
INSERT INTO "job_run_transition" VALUES(5,3,2,3,35);
INSERT INTO "job_run_transition" VALUES(5,4,6,6,74);
INSERT INTO "job_run_transition" VALUES(6,1,NULL,1,0);
INSERT INTO "job_run_transition" VALUES(6,2,1,2,5);
INSERT INTO "job_run_transition" VALUES(6,3,2,3,41);
INSERT INTO "job_run_transition" VALUES(6,4,7,7,72);
INSERT INTO "job_run_transition" VALUES(7,1,NULL,2,0);
INSERT INTO "job_run_transition" VALUES(7,2,2,3,51);
INSERT INTO "job_run_transition" VALUES(8,1,NULL,2,0);
INSERT INTO "job_run_transition" VALUES(8,2,2,3,54);
INSERT INTO "job_run_transition" VALUES(9,1,NULL,2,0);
INSERT INTO "job_run_transition" VALUES(10,1,NULL,1,0);
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
INSERT INTO "job_trigger" VALUES(1,'root','ON_DEMAND','CREATED','flow','{"type":"ON_DEMAND","workflow_name":"flow","schedule":null,"logical":null,"conditions":[],"actions":[{"job_name":"etl","arguments":null,"timeout_min":null,"security_configuration":null,"notify_delay_after_min":null}],"description":null,"event_batching":null}',NULL,1795808309670,1795808309670,1795808309670);
INSERT INTO "job_trigger" VALUES(2,'hand','ON_DEMAND','CREATED',NULL,'{"type":"ON_DEMAND","workflow_name":null,"schedule":null,"logical":null,"conditions":[],"actions":[{"job_name":"etl","arguments":null,"timeout_min":null,"security_configuration":null,"notify_delay_after_min":null}],"description":null,"event_batching":null}',NULL,1795808309671,1795808309671,1795808309671);
INSERT INTO "job_trigger" VALUES(3,'nightly','SCHEDULED','ACTIVATED',NULL,'{"type":"SCHEDULED","workflow_name":null,"schedule":"cron(15 3 1 1 ? 2099)","logical":null,"conditions":[],"actions":[{"job_name":"etl","arguments":null,"timeout_min":null,"security_configuration":null,"notify_delay_after_min":null}],"description":null,"event_batching":null}',NULL,1795808309673,1795808309673,1795808309673);
INSERT INTO "job_trigger" VALUES(4,'then','CONDITIONAL','ACTIVATED',NULL,'{"type":"CONDITIONAL","workflow_name":null,"schedule":null,"logical":null,"conditions":[{"job_name":"etl","state":"SUCCEEDED"}],"actions":[{"job_name":"other","arguments":null,"timeout_min":null,"security_configuration":null,"notify_delay_after_min":null}],"description":null,"event_batching":null}',NULL,1795808309675,1795808309675,1795808309675);
CREATE TABLE job_trigger_job (
    job_name    TEXT    NOT NULL,
    part        TEXT    NOT NULL CHECK (part IN ('watched', 'started')),
    trigger_key INTEGER NOT NULL REFERENCES job_trigger (trigger_key) ON DELETE CASCADE,
    PRIMARY KEY (job_name, part, trigger_key)
) STRICT, WITHOUT ROWID;
INSERT INTO "job_trigger_job" VALUES('etl','started',1);
INSERT INTO "job_trigger_job" VALUES('etl','started',2);
INSERT INTO "job_trigger_job" VALUES('etl','started',3);
INSERT INTO "job_trigger_job" VALUES('etl','watched',4);
INSERT INTO "job_trigger_job" VALUES('other','started',4);
CREATE TABLE job_version (
    version_key   INTEGER PRIMARY KEY,
    job_key       INTEGER NOT NULL REFERENCES job (job_key),
    incarnation   INTEGER NOT NULL,
    command_name  TEXT    NOT NULL,
    glue_version  TEXT    NOT NULL,
    definition    TEXT    NOT NULL CHECK (json_valid(definition)),
    created_on_ms INTEGER NOT NULL
) STRICT;
INSERT INTO "job_version" VALUES(1,1,1,'pythonshell','5.1','{"role":"r","command":{"name":"pythonshell","script_location":"@ROOT@/etl.py","python_version":"3","runtime":null},"default_arguments":{"--gate":"none","--code":"0","--job-bookmark-option":"job-bookmark-enable"},"non_overridable_arguments":null,"max_concurrent_runs":4,"max_retries":null,"timeout_min":null,"capacity":{"allocated_capacity":null,"max_capacity":null,"worker_type":null,"number_of_workers":null},"glue_version":null,"job_run_queuing_enabled":null,"notify_delay_after_min":null,"execution_class":null,"security_configuration":null,"description":null,"echoed":{}}',1795808309390);
INSERT INTO "job_version" VALUES(2,2,1,'pythonshell','5.1','{"role":"r","command":{"name":"pythonshell","script_location":"@ROOT@/other.py","python_version":"3","runtime":null},"default_arguments":{"--gate":"none","--code":"3"},"non_overridable_arguments":null,"max_concurrent_runs":null,"max_retries":1,"timeout_min":null,"capacity":{"allocated_capacity":2,"max_capacity":null,"worker_type":null,"number_of_workers":null},"glue_version":null,"job_run_queuing_enabled":null,"notify_delay_after_min":null,"execution_class":null,"security_configuration":null,"description":null,"echoed":{}}',1795808309393);
CREATE TABLE tag (
    resource TEXT NOT NULL,
    key      TEXT NOT NULL,
    value    TEXT NOT NULL,
    PRIMARY KEY (resource, key)
) STRICT, WITHOUT ROWID;
INSERT INTO "tag" VALUES('workflow/flow','team','etl');
CREATE TABLE workflow (
    workflow_key        INTEGER PRIMARY KEY,
    name                TEXT    NOT NULL UNIQUE,
    definition          TEXT    NOT NULL CHECK (json_valid(definition)),
    created_on_ms       INTEGER NOT NULL,
    last_modified_on_ms INTEGER NOT NULL
) STRICT;
INSERT INTO "workflow" VALUES(1,'flow','{"description": null, "default_run_properties": {"day": "monday"}, "max_concurrent_runs": null}',1795808309668,1795808309668);
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
INSERT INTO "workflow_run" VALUES(1,X'71A56DAE5AFEDE2B2E7DC2A4F96B1AD3939A706F5A972C9D746338DE7E754A55','flow',NULL,'COMPLETED','{"day": "monday"}','[{"trigger_key": 1, "name": "root", "state": "CREATED", "definition": {"type": "ON_DEMAND", "workflow_name": "flow", "schedule": null, "logical": null, "conditions": [], "actions": [{"job_name": "etl", "arguments": null, "timeout_min": null, "security_configuration": null, "notify_delay_after_min": null}], "description": null, "event_batching": null}, "source": null, "active_since_ms": 1795808309670, "created_on_ms": 1795808309670, "last_modified_on_ms": 1795808309670}]',NULL,NULL,NULL,1795808309677,1795808309743);
CREATE UNIQUE INDEX job_run_by_invocation ON job_run (invocation_id) WHERE invocation_id IS NOT NULL;
CREATE INDEX job_run_by_job ON job_run (job_key);
CREATE INDEX job_run_live ON job_run (seq) WHERE completed_on_ms IS NULL;
CREATE INDEX job_run_live_by_job ON job_run (job_key) WHERE completed_on_ms IS NULL;
CREATE INDEX job_trigger_by_workflow ON job_trigger (workflow_name) WHERE workflow_name IS NOT NULL;
CREATE INDEX job_trigger_scheduled ON job_trigger (name) WHERE type = 'SCHEDULED' AND state = 'ACTIVATED';
CREATE INDEX job_trigger_job_by_trigger ON job_trigger_job (trigger_key);
CREATE UNIQUE INDEX workflow_run_by_invocation ON workflow_run (invocation_id) WHERE invocation_id IS NOT NULL;
CREATE INDEX workflow_run_by_name ON workflow_run (workflow_name, chain_key);
CREATE INDEX workflow_run_live ON workflow_run (workflow_name) WHERE completed_on_ms IS NULL;
CREATE INDEX chain_inherited_run_by_run ON chain_inherited_run (job_run_seq);
CREATE UNIQUE INDEX firing_by_tick ON firing (trigger_name, tick_ms) WHERE tick_ms IS NOT NULL;
CREATE UNIQUE INDEX firing_by_invocation ON firing (invocation_id) WHERE invocation_id IS NOT NULL;
CREATE INDEX firing_by_trigger ON firing (trigger_name);
CREATE INDEX firing_by_chain ON firing (chain_key);
CREATE INDEX job_version_by_job ON job_version (job_key);
CREATE INDEX job_run_by_chain ON job_run (chain_key, job_key, seq) WHERE chain_key IS NOT NULL;
CREATE INDEX job_run_retry_due ON job_run (retry_due_ms) WHERE retry_due_ms IS NOT NULL;
CREATE UNIQUE INDEX job_run_by_launch ON job_run (launch_seq) WHERE launch_seq IS NOT NULL;
CREATE INDEX job_run_unwell ON job_run (state) WHERE state IN ('STOPPED', 'FAILED', 'TIMEOUT', 'ERROR');
CREATE INDEX job_run_unwell_by_job ON job_run (job_key, state) WHERE state IN ('STOPPED', 'FAILED', 'TIMEOUT', 'ERROR');
DELETE FROM "sqlite_sequence";
INSERT INTO "sqlite_sequence" VALUES('event',6);
INSERT INTO "sqlite_sequence" VALUES('job_run',10);
INSERT INTO "sqlite_sequence" VALUES('chain',2);
INSERT INTO "sqlite_sequence" VALUES('firing',3);
COMMIT;
PRAGMA application_id = 1198290277;
PRAGMA user_version = 3;
