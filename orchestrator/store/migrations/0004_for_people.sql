-- What people and their tools are told: the changes in their order, what a run used while it went on, how far each
-- outlet of notices is, and bookmarks that somebody has set.

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

CREATE INDEX job_run_by_end ON job_run (completed_on_ms) WHERE completed_on_ms IS NOT NULL;

ALTER TABLE bookmark RENAME TO old_bookmark;
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
INSERT INTO bookmark SELECT * FROM old_bookmark ORDER BY job_key, version;
DROP TABLE old_bookmark;
