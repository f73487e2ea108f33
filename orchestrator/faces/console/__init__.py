"""The page for people, at GET /: files of ours, and the calls that it makes."""
