"""The example is a project of its own, whose tests are run by ours, each time as another process."""

collect_ignore = ["example"]
