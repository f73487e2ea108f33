"""Where a run's script executes, behind one small interface. `local/` is this machine, and the only room with pids."""
