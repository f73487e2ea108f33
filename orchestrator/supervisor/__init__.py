"""What happens to a run between its acceptance and its last state: intake, dispatch, lifetime, settlement."""
