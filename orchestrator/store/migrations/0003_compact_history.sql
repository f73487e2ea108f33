-- A history that costs less: steps lie beside their run, words that every run repeats are numbers, and each list that
-- people or retention ask for has an index that no other one serves.
--
-- State: 1 WAITING, 2 STARTING, 3 RUNNING, 4 STOPPING, 5 STOPPED, 6 SUCCEEDED, 7 FAILED, 8 TIMEOUT, 9 ERROR.
-- Event: 1 ADMITTED, 2 LAUNCHED, 3 LAUNCH_FAILED, 4 STOP_REQUESTED, 5 FORBIDDEN, 6 SUCCEEDED, 7 FAILED, 8 TIMED_OUT,
-- 9 LOST, 10 JOB_MISSING.

CREATE TEMP TABLE state_code (word TEXT PRIMARY KEY, code INTEGER NOT NULL) STRICT, WITHOUT ROWID;
INSERT INTO state_code VALUES ('WAITING', 1), ('STARTING', 2), ('RUNNING', 3), ('STOPPING', 4), ('STOPPED', 5),
    ('SUCCEEDED', 6), ('FAILED', 7), ('TIMEOUT', 8), ('ERROR', 9);
CREATE TEMP TABLE event_code (word TEXT PRIMARY KEY, code INTEGER NOT NULL) STRICT, WITHOUT ROWID;
INSERT INTO event_code VALUES ('ADMITTED', 1), ('LAUNCHED', 2), ('LAUNCH_FAILED', 3), ('STOP_REQUESTED', 4),
    ('FORBIDDEN', 5), ('SUCCEEDED', 6), ('FAILED', 7), ('TIMED_OUT', 8), ('LOST', 9), ('JOB_MISSING', 10);

-- The run's place in the order of all first launches; NULL before. None comes in later, whatever the clock does.
ALTER TABLE job_run ADD COLUMN launch_seq INTEGER;
UPDATE job_run SET launch_seq = (
    SELECT min(t.seq) FROM job_run_transition AS t WHERE t.job_run_seq = job_run.seq AND t.event = 'LAUNCHED');
CREATE UNIQUE INDEX job_run_by_launch ON job_run (launch_seq) WHERE launch_seq IS NOT NULL;
-- The ends that are rare among many runs that SUCCEEDED.
CREATE INDEX job_run_unwell ON job_run (state) WHERE state IN ('STOPPED', 'FAILED', 'TIMEOUT', 'ERROR');
CREATE INDEX job_run_unwell_by_job ON job_run (job_key, state) WHERE state IN ('STOPPED', 'FAILED', 'TIMEOUT', 'ERROR');

DROP INDEX job_run_transition_by_run;
ALTER TABLE job_run_transition RENAME TO old_transition;
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
INSERT INTO job_run_transition (job_run_seq, number, event, state, after_ms)
SELECT t.job_run_seq, row_number() OVER (PARTITION BY t.job_run_seq ORDER BY t.seq), e.code, s.code,
    t.at_ms - r.started_on_ms
FROM old_transition AS t JOIN job_run AS r ON r.seq = t.job_run_seq JOIN state_code AS s ON s.word = t.to_state
LEFT JOIN event_code AS e ON e.word = t.event ORDER BY t.job_run_seq, t.seq;
DROP TABLE old_transition;

ALTER TABLE event RENAME TO old_event;
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
INSERT INTO event (seq, job_run_seq, kind, state, at_ms)
SELECT o.seq, o.job_run_seq, CASE o.kind WHEN 'state_change' THEN 1 ELSE 2 END, s.code, o.at_ms
FROM old_event AS o JOIN state_code AS s ON s.word = o.state ORDER BY o.seq;
DROP TABLE old_event;

DROP TABLE temp.state_code;
DROP TABLE temp.event_code;
