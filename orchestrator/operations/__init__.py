"""What the outside can ask for: one module per Glue action, one function in each, and their table.

An operation opens the transaction, rings the bell after the commit, and turns records into Glue's shapes.
"""
