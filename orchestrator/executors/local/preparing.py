"""What a run needs before it can be launched, and has to be waited for: files from S3, and the environment of its modules."""

import threading
from collections.abc import Mapping
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Final

import anyio
import anyio.to_thread

from orchestrator.executors import s3, world
from orchestrator.executors.interface import LaunchSpec
from orchestrator.executors.local.environment_files import EnvironmentFiles
from orchestrator.executors.local.environments import Environments, UnmadeError
from orchestrator.executors.local.run_directory import RunDirectory
from orchestrator.executors.world import WorldSettings
from orchestrator.model.ids import JobRunId

ENVIRONMENTS: Final = "environments"
"""Where, beside the runs' directories, the environments of modules are."""
_FETCHES: Final = 8  # at once


class Preparing:
    """Prepares runs. Between two launches of a run it remembers what was prepared; a lent environment stays till the end."""

    def __init__(self, runs: Path, settings: WorldSettings) -> None:
        """Know where the runs' directories are, and what the settings say of all scripts."""
        self._runs = runs
        self._settings = settings
        self._prepared: dict[JobRunId, Path | None] = {}  # those that wait for their launch with all that it needs
        files = EnvironmentFiles(runs.parent / ENVIRONMENTS, lambda run_id: RunDirectory(runs, run_id).is_held())
        self._environments = Environments(files, settings.environments)
        self._fetchers = anyio.CapacityLimiter(_FETCHES)

    @property
    def waiting(self) -> Mapping[JobRunId, str]:
        """The runs whose modules are being installed, each with what it waits for."""
        return self._environments.waiting

    async def start(self) -> None:
        """Make ready what makes environments."""
        await self._environments.start()
        self._tidy()

    def is_due(self, spec: LaunchSpec) -> bool:
        """Say whether a run needs what it does not have yet."""
        return spec.run_id not in self._prepared and (
            world.needs_fetching(spec, self._settings) or world.needs_modules(spec, self._settings)
        )

    async def prepare(self, spec: LaunchSpec) -> None:
        """Fetch and install what a run needs.

        Raises:
            LaunchError: it cannot be had; what an installer printed is in the run's log.
            UnavailableError: not now.
            OSError: the disk does not take it.
        """
        self._prepared[spec.run_id] = await self._environment_of(spec)

    def environment(self, run_id: JobRunId) -> Path | None:
        """Return the environment of a run's modules, where it was prepared and has any."""
        return self._prepared.get(run_id)

    def begun(self, run_id: JobRunId) -> None:
        """Know that a run's script has been begun: it is launched no more."""
        self._prepared.pop(run_id, None)

    def let_go(self, run_id: JobRunId) -> None:
        """Know that a run has ended, or will not begin: nothing is kept for it."""
        self.begun(run_id)
        self._environments.give_back(run_id)

    def close(self) -> None:
        """Prepare nothing more."""
        self._environments.close()

    async def _environment_of(self, spec: LaunchSpec) -> Path | None:
        if world.needs_fetching(spec, self._settings):
            async with self._fetchers:
                await s3.fetch_apart(partial(self._fetch, spec))
        directory = RunDirectory(self._runs, spec.run_id)
        script_world = world.build(spec, self._settings, directory.path)
        if script_world.modules is None:
            return None
        self._tidy()
        if script_world.user is not None:
            directory.create()
            directory.let_through()
        try:
            return await self._environments.lend(spec.run_id, script_world.modules, script_world.user)
        except UnmadeError as error:
            await anyio.to_thread.run_sync(_tell, directory, error.output)
            raise

    def _tidy(self) -> None:
        """Look, now and then, for environments that have gone out of use; nobody waits for that, not the daemon's end."""
        if self._environments.is_tidying_due():
            threading.Thread(target=self._environments.tidy, name="tidy", daemon=True).start()

    def _fetch(self, spec: LaunchSpec) -> None:
        directory = RunDirectory(self._runs, spec.run_id)
        script_world = world.build(spec, self._settings, directory.path)
        directory.create()
        s3.fetch(script_world.fetches, self._settings.s3)
        if script_world.user is not None:
            directory.lend(s3.FETCHED, script_world.user.gid)


def _tell(directory: RunDirectory, output: bytes) -> None:
    """Put what an installer has printed where its run's messages are, if there is room."""
    with suppress(OSError):
        directory.create()
        directory.logs.put("stderr", output)
