"""Everything that can go wrong, as classes that build their own sentence.

The sentences of request errors are Glue's where Glue has one. Nothing here knows HTTP: `wire/errors.py` maps the
request errors to Glue's names, once.
"""


class OrchestratorError(Exception):
    """The root of all errors that we raise ourselves."""


class RequestError(OrchestratorError):
    """The caller's error: answered, never logged as ours."""


class EntityNotFoundError(RequestError):
    """A job, run or bookmark that the request names does not exist."""

    @classmethod
    def job(cls, name: str) -> "EntityNotFoundError":
        """No job of that name (GetJob, UpdateJob, GetJobRuns)."""
        return cls(f"Job with name: {name} not found.")

    @classmethod
    def job_to_start(cls) -> "EntityNotFoundError":
        """No job of that name (StartJobRun, which has a sentence of its own in Glue)."""
        return cls("Failed to start job run due to missing metadata.")

    @classmethod
    def run(cls, run_id: str, job_name: str) -> "EntityNotFoundError":
        """No run of that id, or it is another job's."""
        return cls(f"Job run with id: {run_id} not found for job: {job_name}.")

    @classmethod
    def bookmark(cls, job_name: str) -> "EntityNotFoundError":
        """The job never committed a bookmark."""
        return cls(f"Continuation for job {job_name} not found")

    @classmethod
    def bookmark_of_run(cls, job_name: str, run_id: str) -> "EntityNotFoundError":
        """The run never committed a bookmark, so there is nothing to rewind to."""
        return cls(f"Continuation for job {job_name} and run {run_id} not found")

    @classmethod
    def trigger(cls, name: str) -> "EntityNotFoundError":
        """No trigger of that name."""
        return cls(f"Trigger with name: {name} not found.")

    @classmethod
    def workflow(cls, name: str) -> "EntityNotFoundError":
        """No workflow of that name."""
        return cls(f"Workflow with name: {name} not found.")

    @classmethod
    def workflow_run(cls, run_id: str, workflow_name: str) -> "EntityNotFoundError":
        """No run of that id, or it is another workflow's."""
        return cls(f"Workflow run with id: {run_id} not found for workflow: {workflow_name}.")

    @classmethod
    def crawler(cls, name: str) -> "EntityNotFoundError":
        """Crawlers do not exist here, so none has that name."""
        return cls(f"Crawler with name: {name} not found; this orchestrator runs jobs, not crawlers.")

    @classmethod
    def resource(cls, arn: str) -> "EntityNotFoundError":
        """An ARN that names nothing here."""
        return cls(f"Resource {arn} not found.")


class InvalidInputError(RequestError):
    """The request breaks a rule; the sentence names the member and the limit."""


class JobDefinedByFileError(InvalidInputError):
    """A file defines the job, so the API may run it but not change it."""

    def __init__(self, job_name: str, source: str) -> None:
        """Name the job and the file."""
        super().__init__(
            f"Job {job_name} is defined by the file {source}; change it there and reload the orchestrator."
        )
        self.job_name = job_name
        self.source = source


class TriggerDefinedByFileError(InvalidInputError):
    """A file defines the trigger, so the API may start and stop it but not change it."""

    def __init__(self, trigger_name: str, source: str) -> None:
        """Name the trigger and the file."""
        super().__init__(
            f"Trigger {trigger_name} is defined by the file {source}; change it there and reload the orchestrator."
        )
        self.trigger_name = trigger_name
        self.source = source


class JobRunInTerminalStateError(RequestError):
    """The run has ended already, so it cannot be stopped."""

    def __init__(self, run_id: str, state: str) -> None:
        """Name the run and how it ended."""
        super().__init__(f"Job run {run_id} is already in a terminal state: {state}")
        self.run_id = run_id
        self.state = state


class IdempotentParameterMismatchError(RequestError):
    """The same name was submitted before with other content."""

    @classmethod
    def job(cls) -> "IdempotentParameterMismatchError":
        """CreateJob of a job that exists with another definition."""
        return cls("Job already submitted with different configuration")

    @classmethod
    def trigger(cls, name: str) -> "IdempotentParameterMismatchError":
        """CreateTrigger of a trigger that exists with another definition."""
        return cls(f"Trigger with name '{name}' already submitted with different configuration")


class AlreadyExistsError(RequestError):
    """Something of that name exists already."""

    @classmethod
    def workflow(cls, name: str) -> "AlreadyExistsError":
        """CreateWorkflow of a workflow that exists with another definition."""
        return cls(f"Workflow with name: {name} already exists.")


class IllegalWorkflowStateError(RequestError):
    """The workflow run is in a status that does not allow this."""

    def __init__(self, run_id: str, status: str, wanted: str) -> None:
        """Name the run, its status and what is wanted of it."""
        super().__init__(f"Workflow run {run_id} is {status}; {wanted}.")
        self.run_id = run_id
        self.status = status


class ConcurrentRunsExceededError(RequestError):
    """The live runs of a job, or of a workflow, are at its MaxConcurrentRuns."""

    def __init__(self, name: str) -> None:
        """Build Glue's sentence for the job or workflow `name`."""
        super().__init__(f"Concurrent runs exceeded for {name}")
        self.name = name


class ResourceNumberLimitExceededError(RequestError):
    """A limit on resources, such as the DPU slots of this machine, can never be met."""

    @classmethod
    def demand(cls, demand_dpu: float, cap_dpu: float) -> "ResourceNumberLimitExceededError":
        """A run that asks for more DPU than there are slots would wait for ever."""
        return cls(
            f"The run needs {demand_dpu:g} DPU, and this orchestrator lends {cap_dpu:g} at most ([capacity] dpus)."
        )

    @classmethod
    def queue(cls, most: int) -> "ResourceNumberLimitExceededError":
        """As many runs wait as may."""
        return cls(f"{most} runs wait to be started, and no more may ([capacity] max_queued); try again later.")


class VersionMismatchError(RequestError):
    """Somebody else moved the bookmark in between."""

    def __init__(self, job_name: str, *, seen: int, current: int) -> None:
        """Name the version that the caller had seen, and the one there is."""
        super().__init__(f"The bookmark of job {job_name} has version {current} by now, not {seen}; look at it again.")
        self.current = current


class OperationTimeoutError(RequestError):
    """The store could not begin the call's work in time; nothing was stored."""

    def __init__(self, seconds: float) -> None:
        """Name the limit that passed, in `seconds`."""
        super().__init__(
            f"The operation did not begin within {seconds:g} seconds and was withdrawn; nothing was stored."
        )


class IllegalTransitionError(OrchestratorError):
    """The table has no row for this state and event: a bug, or a race that somebody else won."""

    def __init__(self, state: str, event: str) -> None:
        """Keep both halves of the pair."""
        super().__init__(f"a run in state {state} cannot take the event {event}")
        self.state = state
        self.event = event


class LaunchError(OrchestratorError):
    """A run that could not be started; the sentence becomes its ErrorMessage."""


class NoticeError(OrchestratorError):
    """An outlet has not taken a notice, or it is not known that it has: it is sent again."""


class NoticeRefusedError(NoticeError):
    """An outlet says that it cannot take this notice, as it is; others it may."""


class OutletGoneError(NoticeError):
    """An outlet says that it takes no more notices."""


class UnavailableError(OrchestratorError):
    """The executor cannot act right now (a full disk, say); the same call may succeed later."""


class StoreError(OrchestratorError):
    """The store did not take the work."""


class StoreFullError(StoreError):
    """The disk or the database is full: nothing was stored, and the same call may succeed later."""


class StoreBrokenError(StoreError):
    """Whether the work was stored is unknown (an I/O error at commit): the daemon ends and a restart reads what is true."""


class StoreRefusedError(StoreError):
    """The state directory cannot be opened as it is (newer schema, foreign or damaged file)."""


class ForeignDirectoryError(StoreRefusedError):
    """The directory that is named for the state holds something else."""

    def __init__(self, directory: str) -> None:
        """Name the directory, and what to name instead."""
        super().__init__(
            f"{directory} is not empty and holds no state of an orchestrator; name a directory that is empty or not there yet"
        )


class UnusableFileError(StoreRefusedError):
    """A file of the database is of another kind, or its permissions are not those that it needs: no backup mends it."""

    def __init__(self, path: str, problem: str, remedy: str) -> None:
        """Say what is wrong with `path`, and what mends it."""
        super().__init__(f"{path} {problem}: {remedy}")
        self.told = f"{path} {problem}"
        self.remedy = remedy


class StoreDamagedError(StoreBrokenError, StoreRefusedError):
    """The database is not what we wrote: refused at the start, and the end of a daemon that meets it later."""

    def __init__(self, damage: str) -> None:
        """Say what was found, and what mends it."""
        super().__init__(f"the state database is damaged ({damage}): restore a backup with `orchestrator restore FILE`")
        self.damage = damage


class StateDirectoryHeldError(OrchestratorError):
    """Another daemon holds the state directory."""

    def __init__(self, directory: str, holder: str) -> None:
        """Name the directory and the holder as its lock file describes it."""
        super().__init__(f"the state directory {directory} is held by {holder}")
