"""Finds that its input is of no use."""

raise ValueError("line 3 has no date")
