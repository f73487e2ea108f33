"""What a job script may import.

The daemon puts this directory first on a script's `PYTHONPATH`, so a script writes `import awsglue` and
`import orchestrator_bookmark`, never `import orchestrator`. The rule of the room: standard library only and Python
3.9 syntax, because a job may name any interpreter; and every module also works, doing nothing, when the script is
run by hand without a daemon.
"""
