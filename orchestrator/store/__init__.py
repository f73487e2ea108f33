"""The only SQL: one writer with group commit, read-only readers, jobs, runs and bookmarks in SQLite."""
