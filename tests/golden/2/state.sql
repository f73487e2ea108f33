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
INSERT INTO "bookmark" VALUES(1,1,1,0,'jr_4a0a4deedacfe22a0c2cbbf3f922b6c5e78b46931df103400211d7a6634429b3','jr_4a0a4deedacfe22a0c2cbbf3f922b6c5e78b46931df103400211d7a6634429b3',NULL,1,'commit',1795808308016);
INSERT INTO "bookmark" VALUES(1,2,2,0,'jr_f30398ea34a10be5c3a0c5ac12b9e2d9ee00131b3e1f581bb676230ce20f6419','jr_f30398ea34a10be5c3a0c5ac12b9e2d9ee00131b3e1f581bb676230ce20f6419','jr_4a0a4deedacfe22a0c2cbbf3f922b6c5e78b46931df103400211d7a6634429b3',4,'commit',1795808308360);
INSERT INTO "bookmark" VALUES(1,3,3,0,'jr_b52f4ca9f06ba0084f48e6ae32452ba5564d4d812433168e98916390b11db6d9','jr_b52f4ca9f06ba0084f48e6ae32452ba5564d4d812433168e98916390b11db6d9','jr_f30398ea34a10be5c3a0c5ac12b9e2d9ee00131b3e1f581bb676230ce20f6419',5,'commit',1795808308449);
CREATE TABLE chain (
    chain_key     INTEGER PRIMARY KEY AUTOINCREMENT,
    started_on_ms INTEGER NOT NULL
) STRICT;
INSERT INTO "chain" VALUES(1,1795808308270);
INSERT INTO "chain" VALUES(2,1795808308366);
CREATE TABLE chain_inherited_run (
    chain_key   INTEGER NOT NULL REFERENCES chain (chain_key) ON DELETE CASCADE,
    job_run_seq INTEGER NOT NULL REFERENCES job_run (seq) ON DELETE CASCADE,
    PRIMARY KEY (chain_key, job_run_seq)
) STRICT, WITHOUT ROWID;
CREATE TABLE event (
    seq         INTEGER PRIMARY KEY AUTOINCREMENT,
    job_run_seq INTEGER NOT NULL REFERENCES job_run (seq) ON DELETE CASCADE,
    kind        TEXT    NOT NULL CHECK (kind IN ('state_change', 'run_status')),
    state       TEXT    NOT NULL,
    at_ms       INTEGER NOT NULL,
    UNIQUE (job_run_seq, kind)
) STRICT;
INSERT INTO "event" VALUES(1,1,'state_change','SUCCEEDED',1795808308016);
INSERT INTO "event" VALUES(2,2,'state_change','FAILED',1795808308142);
INSERT INTO "event" VALUES(3,3,'state_change','STOPPED',1795808308241);
INSERT INTO "event" VALUES(4,4,'state_change','SUCCEEDED',1795808308360);
INSERT INTO "event" VALUES(5,5,'state_change','SUCCEEDED',1795808308449);
INSERT INTO "event" VALUES(6,6,'state_change','FAILED',1795808308523);
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
INSERT INTO "firing" VALUES(1,'root',1,NULL,NULL,NULL,1795808308270);
INSERT INTO "firing" VALUES(2,'hand',2,NULL,NULL,NULL,1795808308366);
INSERT INTO "firing" VALUES(3,'then',2,NULL,NULL,NULL,1795808308449);
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
INSERT INTO "job" VALUES(1,'etl',1,1,NULL,1795808307867,1795808307867);
INSERT INTO "job" VALUES(2,'other',2,1,NULL,1795808307884,1795808307884);
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
    peak_tree_rss_bytes    INTEGER, chain_key INTEGER REFERENCES chain (chain_key), retry_number INTEGER NOT NULL DEFAULT 0, retry_due_ms INTEGER,
    UNIQUE (base_id, attempt),
    CONSTRAINT completed_iff_terminal CHECK (
        (completed_on_ms IS NULL) = (state IN ('WAITING', 'STARTING', 'RUNNING', 'STOPPING'))),
    CONSTRAINT failure_says_why CHECK (
        completed_on_ms IS NULL OR state = 'SUCCEEDED' OR coalesce(error_message, '') <> ''),
    CONSTRAINT workers_come_in_pairs CHECK ((worker_type IS NULL) = (number_of_workers IS NULL)),
    CONSTRAINT invocation_is_whole CHECK ((invocation_id IS NULL) = (invocation_request IS NULL))
) STRICT;
INSERT INTO "job_run" VALUES(1,X'4A0A4DEEDACFE22A0C2CBBF3F922B6C5E78B46931DF103400211D7A6634429B3',0,NULL,1,1,'SUCCEEDED',NULL,10.0,NULL,NULL,2880,0,NULL,NULL,NULL,NULL,NULL,X'DD56DE4137951D9C92681B03416EC15F',X'497D7040F33ED991490AF75DFE90C6B4',1795808307897,1795808307940,1795808308016,1795808308016,NULL,0,NULL,65,28,12787712,12787712,NULL,0,NULL);
INSERT INTO "job_run" VALUES(2,X'A736D75013D2832E1B30328B445A491B4C1AC651140CF69881CD6470CA82E49B',0,NULL,2,2,'FAILED','{"--gate": "none"}',2.0,NULL,NULL,2880,0,NULL,NULL,NULL,NULL,NULL,NULL,NULL,1795808308033,1795808308087,1795808308142,1795808308142,'Command failed with exit code 3',3,NULL,54,28,12914688,12914688,NULL,0,1795808368142);
INSERT INTO "job_run" VALUES(3,X'DED192125C392AD7784801800A617C346DD86A7FD60063289BAE636B27A51AF6',0,NULL,1,1,'STOPPED','{"--gate": "@ROOT@/gate"}',10.0,NULL,NULL,2880,0,NULL,NULL,NULL,NULL,NULL,NULL,NULL,1795808308163,1795808308200,1795808308241,1795808308241,'Job run stopped by request',NULL,15,38,17,11100160,11100160,NULL,0,NULL);
INSERT INTO "job_run" VALUES(4,X'F30398EA34A10BE5C3A0C5AC12B9E2D9EE00131B3E1F581BB676230CE20F6419',0,NULL,1,1,'SUCCEEDED',NULL,10.0,NULL,NULL,2880,1,NULL,NULL,NULL,NULL,'root',NULL,NULL,1795808308270,1795808308306,1795808308360,1795808308360,NULL,0,NULL,34,27,12914688,12914688,1,0,NULL);
INSERT INTO "job_run" VALUES(5,X'B52F4CA9F06BA0084F48E6AE32452BA5564D4D812433168E98916390B11DB6D9',0,NULL,1,1,'SUCCEEDED',NULL,10.0,NULL,NULL,2880,1,NULL,NULL,NULL,NULL,'hand',NULL,NULL,1795808308366,1795808308399,1795808308449,1795808308449,NULL,0,NULL,44,29,12800000,12800000,2,0,NULL);
INSERT INTO "job_run" VALUES(6,X'46C82FCC2B7525A266ACFC4606D8B8C28E86C5DB221C02B2340D2E2CE3F0AD8B',0,NULL,2,2,'FAILED',NULL,2.0,NULL,NULL,2880,1,NULL,NULL,NULL,NULL,'then',NULL,NULL,1795808308449,1795808308489,1795808308523,1795808308523,'Command failed with exit code 3',3,NULL,30,27,12775424,12775424,2,0,1795808368523);
INSERT INTO "job_run" VALUES(7,X'FB32C98FC684B91F9C7671A9986178D9C7522A8456372320506A1F17DF7CEC59',0,NULL,1,1,'RUNNING','{"--gate": "@ROOT@/another", "--code": "5"}',2.0,NULL,NULL,2880,0,NULL,NULL,NULL,NULL,NULL,NULL,NULL,1795808308546,1795808308594,1795808308594,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,0,NULL);
INSERT INTO "job_run" VALUES(8,X'69CACE98EE0911143C06BCA5F3D80D878244B3066554B9F271F3EFB3576C4C3C',0,NULL,1,1,'RUNNING','{"--gate": "@ROOT@/gate"}',8.0,NULL,NULL,2880,0,NULL,NULL,NULL,NULL,NULL,NULL,NULL,1795808308551,1795808308627,1795808308627,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,0,NULL);
INSERT INTO "job_run" VALUES(9,X'3BFC274812EE78E0D441A63F2C8BF02EE6B42D532ED256559A7CA3A7A9414709',0,NULL,1,1,'STARTING','{"--gate": "none", "--job-bookmark-option": "job-bookmark-disable"}',10.0,NULL,NULL,2880,0,NULL,NULL,NULL,NULL,NULL,NULL,NULL,1795808308650,NULL,1795808308650,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,0,NULL);
INSERT INTO "job_run" VALUES(10,X'4558D6EF9A0219F655135138620DC95570A7FD43FA276EB6DEA5D99EE690487B',0,NULL,1,1,'WAITING','{"--gate": "none", "--job-bookmark-option": "job-bookmark-disable"}',10.0,NULL,NULL,2880,1,NULL,NULL,NULL,NULL,NULL,NULL,NULL,1795808308653,NULL,1795808308653,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,0,NULL);
CREATE TABLE job_run_predecessor (
    job_run_seq INTEGER NOT NULL REFERENCES job_run (seq) ON DELETE CASCADE,
    position    INTEGER NOT NULL,
    job_name    TEXT    NOT NULL,
    base_id     BLOB    NOT NULL,
    attempt     INTEGER NOT NULL,
    PRIMARY KEY (job_run_seq, position)
) STRICT, WITHOUT ROWID;
INSERT INTO "job_run_predecessor" VALUES(6,0,'etl',X'B52F4CA9F06BA0084F48E6AE32452BA5564D4D812433168E98916390B11DB6D9',0);
CREATE TABLE job_run_transition (
    seq         INTEGER PRIMARY KEY AUTOINCREMENT,
    job_run_seq INTEGER NOT NULL REFERENCES job_run (seq) ON DELETE CASCADE,
    from_state  TEXT,
    event       TEXT,
    to_state    TEXT    NOT NULL,
    at_ms       INTEGER NOT NULL,
    CHECK ((from_state IS NULL) = (event IS NULL))
) STRICT;
INSERT INTO "job_run_transition" VALUES(1,1,NULL,NULL,'STARTING',1795808307897);
INSERT INTO "job_run_transition" VALUES(2,1,'STARTING','LAUNCHED','RUNNING',1795808307940);
INSERT INTO "job_run_transition" VALUES(3,1,'RUNNING','SUCCEEDED','SUCCEEDED',1795808308016);
INSERT INTO "job_run_transition" VALUES(4,2,NULL,NULL,'STARTING',1795808308033);
INSERT INTO "job_run_transition" VALUES(5,2,'STARTING','LAUNCHED','RUNNING',1795808308087);
INSERT INTO "job_run_transition" VALUES(6,2,'RUNNING','FAILED','FAILED',1795808308142);
INSERT INTO "job_run_transition" VALUES(7,3,NULL,NULL,'STARTING',1795808308163);
INSERT INTO "job_run_transition" VALUES(8,3,'STARTING','LAUNCHED','RUNNING',1795808308200);
INSERT INTO "job_run_transition" VALUES(9,3,'RUNNING','STOP_REQUESTED','STOPPING',1795808308228);
INSERT INTO "job_run_transition" VALUES(10,3,'STOPPING','FAILED','STOPPED',1795808308241);
INSERT INTO "job_run_transition" VALUES(11,4,NULL,NULL,'WAITING',1795808308270);
INSERT INTO "job_run_transition" VALUES(12,4,'WAITING','ADMITTED','STARTING',1795808308273);
INSERT INTO "job_run_transition" VALUES(13,4,'STARTING','LAUNCHED','RUNNING',1795808308306);
INSERT INTO "job_run_transition" VALUES(14,4,'RUNNING','SUCCEEDED','SUCCEEDED',1795808308360);
INSERT INTO "job_run_transition" VALUES(15,5,NULL,NULL,'WAITING',1795808308366);
INSERT INTO "job_run_transition" VALUES(16,5,'WAITING','ADMITTED','STARTING',1795808308368);
INSERT INTO "job_run_transition" VALUES(17,5,'STARTING','LAUNCHED','RUNNING',1795808308399);
INSERT INTO "job_run_transition" VALUES(18,5,'RUNNING','SUCCEEDED','SUCCEEDED',1795808308449);
INSERT INTO "job_run_transition" VALUES(19,6,NULL,NULL,'WAITING',1795808308449);
INSERT INTO "job_run_transition" VALUES(20,6,'WAITING','ADMITTED','STARTING',1795808308454);
INSERT INTO "job_run_transition" VALUES(21,6,'STARTING','LAUNCHED','RUNNING',1795808308489);
INSERT INTO "job_run_transition" VALUES(22,6,'RUNNING','FAILED','FAILED',1795808308523);
INSERT INTO "job_run_transition" VALUES(23,7,NULL,NULL,'STARTING',1795808308546);
INSERT INTO "job_run_transition" VALUES(24,8,NULL,NULL,'STARTING',1795808308551);
INSERT INTO "job_run_transition" VALUES(25,7,'STARTING','LAUNCHED','RUNNING',1795808308594);
INSERT INTO "job_run_transition" VALUES(26,8,'STARTING','LAUNCHED','RUNNING',1795808308627);
INSERT INTO "job_run_transition" VALUES(27,9,NULL,NULL,'STARTING',1795808308650);
INSERT INTO "job_run_transition" VALUES(28,10,NULL,NULL,'WAITING',1795808308653);
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
INSERT INTO "job_trigger" VALUES(1,'root','ON_DEMAND','CREATED','flow','{"type":"ON_DEMAND","workflow_name":"flow","schedule":null,"logical":null,"conditions":[],"actions":[{"job_name":"etl","arguments":null,"timeout_min":null,"security_configuration":null,"notify_delay_after_min":null}],"description":null,"event_batching":null}',NULL,1795808308260,1795808308260,1795808308260);
INSERT INTO "job_trigger" VALUES(2,'hand','ON_DEMAND','CREATED',NULL,'{"type":"ON_DEMAND","workflow_name":null,"schedule":null,"logical":null,"conditions":[],"actions":[{"job_name":"etl","arguments":null,"timeout_min":null,"security_configuration":null,"notify_delay_after_min":null}],"description":null,"event_batching":null}',NULL,1795808308262,1795808308262,1795808308262);
INSERT INTO "job_trigger" VALUES(3,'nightly','SCHEDULED','ACTIVATED',NULL,'{"type":"SCHEDULED","workflow_name":null,"schedule":"cron(15 3 1 1 ? 2099)","logical":null,"conditions":[],"actions":[{"job_name":"etl","arguments":null,"timeout_min":null,"security_configuration":null,"notify_delay_after_min":null}],"description":null,"event_batching":null}',NULL,1795808308264,1795808308264,1795808308264);
INSERT INTO "job_trigger" VALUES(4,'then','CONDITIONAL','ACTIVATED',NULL,'{"type":"CONDITIONAL","workflow_name":null,"schedule":null,"logical":null,"conditions":[{"job_name":"etl","state":"SUCCEEDED"}],"actions":[{"job_name":"other","arguments":null,"timeout_min":null,"security_configuration":null,"notify_delay_after_min":null}],"description":null,"event_batching":null}',NULL,1795808308267,1795808308267,1795808308267);
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
INSERT INTO "job_version" VALUES(1,1,1,'pythonshell','5.1','{"role":"r","command":{"name":"pythonshell","script_location":"@ROOT@/etl.py","python_version":"3","runtime":null},"default_arguments":{"--gate":"none","--code":"0","--job-bookmark-option":"job-bookmark-enable"},"non_overridable_arguments":null,"max_concurrent_runs":4,"max_retries":null,"timeout_min":null,"capacity":{"allocated_capacity":null,"max_capacity":null,"worker_type":null,"number_of_workers":null},"glue_version":null,"job_run_queuing_enabled":null,"notify_delay_after_min":null,"execution_class":null,"security_configuration":null,"description":null,"echoed":{}}',1795808307867);
INSERT INTO "job_version" VALUES(2,2,1,'pythonshell','5.1','{"role":"r","command":{"name":"pythonshell","script_location":"@ROOT@/other.py","python_version":"3","runtime":null},"default_arguments":{"--gate":"none","--code":"3"},"non_overridable_arguments":null,"max_concurrent_runs":null,"max_retries":1,"timeout_min":null,"capacity":{"allocated_capacity":2,"max_capacity":null,"worker_type":null,"number_of_workers":null},"glue_version":null,"job_run_queuing_enabled":null,"notify_delay_after_min":null,"execution_class":null,"security_configuration":null,"description":null,"echoed":{}}',1795808307884);
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
INSERT INTO "workflow" VALUES(1,'flow','{"description": null, "default_run_properties": {"day": "monday"}, "max_concurrent_runs": null}',1795808308257,1795808308257);
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
INSERT INTO "workflow_run" VALUES(1,X'BB7A2A05CEEB3963E45FFF8344B62FFC0D7DADBEADCFFF65C7BFF46F344F2043','flow',NULL,'COMPLETED','{"day": "monday"}','[{"trigger_key": 1, "name": "root", "state": "CREATED", "definition": {"type": "ON_DEMAND", "workflow_name": "flow", "schedule": null, "logical": null, "conditions": [], "actions": [{"job_name": "etl", "arguments": null, "timeout_min": null, "security_configuration": null, "notify_delay_after_min": null}], "description": null, "event_batching": null}, "source": null, "active_since_ms": 1795808308260, "created_on_ms": 1795808308260, "last_modified_on_ms": 1795808308260}]',NULL,NULL,NULL,1795808308270,1795808308360);
CREATE UNIQUE INDEX job_run_by_invocation ON job_run (invocation_id) WHERE invocation_id IS NOT NULL;
CREATE INDEX job_run_by_job ON job_run (job_key);
CREATE INDEX job_run_live ON job_run (seq) WHERE completed_on_ms IS NULL;
CREATE INDEX job_run_live_by_job ON job_run (job_key) WHERE completed_on_ms IS NULL;
CREATE INDEX job_run_transition_by_run ON job_run_transition (job_run_seq);
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
DELETE FROM "sqlite_sequence";
INSERT INTO "sqlite_sequence" VALUES('job_run',10);
INSERT INTO "sqlite_sequence" VALUES('job_run_transition',28);
INSERT INTO "sqlite_sequence" VALUES('event',6);
INSERT INTO "sqlite_sequence" VALUES('chain',2);
INSERT INTO "sqlite_sequence" VALUES('firing',3);
COMMIT;
PRAGMA application_id = 1198290277;
PRAGMA user_version = 2;
