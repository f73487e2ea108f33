"""Which run somebody means: ids may be shortened to any start that only one run has, and `jr_` may be left out.

`jr_4f2a` means the first attempt of the only run whose id starts so, `jr_4f2a_attempt_1` its first retry; the full
form of Glue's ids means the same with 64 digits. `@last` is the newest run, `@last:JOB` the newest of a job.
"""

import re
from collections.abc import Iterable
from typing import Final

from orchestrator.faces.cli.answers import Run, RunDetails
from orchestrator.faces.cli.client import Client
from orchestrator.faces.cli.errors import CommandError, RefusedError
from orchestrator.faces.cli.exit_codes import ExitCode
from orchestrator.faces.cli.text import in_one_line

_DIGITS: Final = 64
_SHORTENED: Final = re.compile(rf"(?:jr_)?([0-9a-f]{{1,{_DIGITS}}})(_attempt_[1-9][0-9]{{0,8}})?")
_LAST: Final = re.compile(r"@last(?::(.+))?", re.DOTALL)
_SHORTEST: Final = 8
_LOOKED_AT: Final = 100
_HINT: Final = "`orchestrator runs` lists them."


def find_run(client: Client, text: str) -> RunDetails:
    """Return the run that `text` means.

    Raises:
        CommandError: it is not an id, or no run or more than one fits.
    """
    last = _LAST.fullmatch(text)
    if last is not None:
        return client.run(_newest(client, last[1]))
    match = _SHORTENED.fullmatch(text)
    if match is None:
        raise CommandError(
            f"'{text}' is not the id of a run, nor the start of one",
            ExitCode.USAGE,
            hint="An id is jr_ and hexadecimal digits, @last is the newest run; `orchestrator runs` lists them.",
        )
    digits, attempt = match[1], match[2] or ""
    if len(digits) < _DIGITS:
        digits = _complete(client, digits)
    try:
        return client.run(f"jr_{digits}{attempt}")
    except RefusedError as error:
        if error.name != "EntityNotFoundException":
            raise
        raise CommandError(f"there is no run jr_{digits}{attempt}", ExitCode.NOT_FOUND, hint=_HINT) from None


def _newest(client: Client, job: str | None) -> str:
    newest = client.runs(job=job, limit=1)
    if not newest:
        what = "there is no run yet" if job is None else f"there is no run of job {job} yet"
        raise CommandError(what, ExitCode.NOT_FOUND, hint="`orchestrator jobs` lists the jobs; `run JOB` starts one.")
    return newest[0]["id"]


def matched(prefix: str, text: str) -> str | None:
    """Return the digits of an id that may be shortened and may lack its prefix; None where it is none."""
    digits = text.removeprefix(prefix)
    is_one = 1 <= len(digits) <= _DIGITS and not set(digits) - set("0123456789abcdef")
    return digits if is_one else None


def _complete(client: Client, digits: str) -> str:
    runs = client.runs(prefix=f"jr_{digits}", limit=_LOOKED_AT)
    families = {_digits_of(run["id"]): run for run in reversed(runs)}
    if not families:
        raise CommandError(
            f"no run has an id that starts with jr_{digits}",
            ExitCode.NOT_FOUND,
            hint=_HINT,
        )
    if len(families) > 1:
        candidates = "\n".join(
            f"  jr_{family}  {in_one_line(run['job_name'])}  {run['state']}" for family, run in families.items()
        )
        raise CommandError(
            f"jr_{digits} fits {len(families)} runs; give more of the id:", ExitCode.NOT_FOUND, hint=candidates
        )
    return next(iter(families))


def shortened(runs: Iterable[Run]) -> dict[str, str]:
    """Return each run's id cut as short as tells it from the others here, with eight digits at least."""
    return short_ids(run["id"] for run in runs)


def short_ids(ids: Iterable[str]) -> dict[str, str]:
    """Return ids of runs, or of workflow runs, cut as short as tells them apart, with eight digits at least."""
    known = list(ids)
    families = {_digits_of(run_id) for run_id in known}
    length = _SHORTEST
    while length < _DIGITS and len({family[:length] for family in families}) < len(families):
        length += 1
    return {run_id: f"{run_id[:3]}{_digits_of(run_id)[:length]}{run_id[3 + _DIGITS :]}" for run_id in known}


def _digits_of(run_id: str) -> str:
    return run_id[3 : 3 + _DIGITS]
