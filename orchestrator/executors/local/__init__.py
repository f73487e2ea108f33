"""Runs as local processes: one shim per run, a run directory as the mailbox between it and the daemon."""
