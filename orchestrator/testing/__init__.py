"""What tests use that drive Glue: a private daemon for each, as pytest fixtures or as a context manager.

pytest finds the fixtures by itself where this package is installed: `glue`, `glue_daemon`, `glue_endpoint_url`, and the marker
`glue`. docs/testing.md tells all of it. Every pytest in such an environment imports this package, so that it imports nothing
but what pytest has imported already; boto3 comes when the first client is asked for.
"""

from orchestrator.testing.daemon import DaemonError, GlueDaemon, private_daemon

__all__ = ["DaemonError", "GlueDaemon", "private_daemon"]
