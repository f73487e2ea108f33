"""Imports the days since the last one that was imported."""

import sys

from awsglue.job import Job
from awsglue.utils import getResolvedOptions

options = getResolvedOptions(sys.argv, ["JOB_NAME", "day"])
job = Job(None)
job.init(options["JOB_NAME"], options)
print("last day:", job.bookmark.get("days", {}).get("last"))
print("imported:", options["day"])
job.bookmark["days"] = {"last": options["day"]}
job.commit()
