"""Pure words and decisions: states, records, errors, ids, arguments, capacity. No I/O and no clock in this room."""
