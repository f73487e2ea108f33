"""Notices to a command: one process each, with the JSON on its standard input. Exit code 0 means that it is taken."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import structlog

from orchestrator.executors import commands, users
from orchestrator.executors.commands import Outcome
from orchestrator.model.errors import LaunchError, NoticeError
from orchestrator.model.notices import Wanted
from orchestrator.operations.send_notices import Notice

log = structlog.stdlib.get_logger()


@dataclass(frozen=True, slots=True)
class CommandOutlet:
    """A command, and as whom it runs: as scripts whose jobs name nobody."""

    most: ClassVar = 1
    name: str
    wanted: Wanted
    argv: Sequence[str]
    path: str
    run_as: str
    is_root_allowed: bool
    timeout_s: float

    async def send(self, notices: Sequence[Notice], *, at_ms: int) -> None:
        """Execute the command for each."""
        del at_ms
        for notice in notices:
            outcome = await self._execute(notice)
            log.debug("notice_command", outlet=self.name, code=outcome.code, output=outcome.output)
            if outcome.code is None:
                raise NoticeError(f"the command was killed: it took longer than {self.timeout_s:g} s")
            if outcome.code:
                how = f"with {outcome.code}" if outcome.code > 0 else f"by signal {-outcome.code}"
                raise NoticeError(f"the command ended {how}")

    async def _execute(self, notice: Notice) -> Outcome:
        try:
            user = users.for_run(self.run_as, is_root_allowed=self.is_root_allowed)
            who = user or users.ourselves()
            environment = {
                "PATH": self.path,
                "HOME": who.home,
                "USER": who.name,
                "LOGNAME": who.name,
                "SHELL": "/bin/sh",
                "LANG": "C.UTF-8",
            }
            return await commands.execute(
                self.argv, data=notice.body, environment=environment, user=user, timeout_s=self.timeout_s
            )
        except (LaunchError, OSError) as error:
            raise NoticeError(str(error)) from error
