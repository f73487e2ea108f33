"""A durable local runner of AWS Glue job runs."""

__version__ = "0.1.0"
