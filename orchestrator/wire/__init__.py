"""Glue's words on the wire: shapes, error names, page tokens.

The only room that spells PascalCase. It knows the model's errors and nothing else, and decides nothing.
"""
