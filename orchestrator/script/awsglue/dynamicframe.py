"""`DynamicFrame` exists only with Spark: importing this module raises an ImportError that names what to use instead."""

from . import _refuse_without_spark

raise _refuse_without_spark(__name__)
