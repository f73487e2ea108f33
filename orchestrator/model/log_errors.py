"""What can be wrong with a question about logs. The sentences are CloudWatch Logs' where it has one."""

from orchestrator.model.errors import RequestError


class LogParameterError(RequestError):
    """The request breaks a rule of the log API; the sentence names the parameter."""


class LogNotFoundError(RequestError):
    """The log group or log stream that the request names does not exist."""

    @classmethod
    def group(cls) -> "LogNotFoundError":
        """No group of that name."""
        return cls("The specified log group does not exist.")

    @classmethod
    def stream(cls) -> "LogNotFoundError":
        """No run of that id, or its output goes to another group."""
        return cls("The specified log stream does not exist.")
