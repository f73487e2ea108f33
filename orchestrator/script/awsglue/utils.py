"""`getResolvedOptions`: a script's arguments, as Glue 6.0 resolves them.

Written from observed behaviour; the tests hold one case per observation. Where Glue surprises (`--help` ends the
script with success, JOB_RUN_ID may not be asked for but is always in the result), this surprises in the same way: a
script that works here must work there.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_BOOKMARK_OPTIONS = ("job-bookmark-enable", "job-bookmark-pause", "job-bookmark-disable")
_CONTINUATION_OPTIONS = {
    "continuation-enabled": "job-bookmark-enable",
    "continuation-readonly": "job-bookmark-pause",
    "continuation-ignore": "job-bookmark-disable",
}
# A script that asks for one of these is refused.
_RESERVED = ("job-bookmark-option", "continuation-option", "job-bookmark-from", "job-bookmark-to")
# These are always resolved; a script that asks for one of them collides with that.
_ALWAYS_RESOLVED = ("JOB_ID", "JOB_RUN_ID", "SECURITY_CONFIGURATION", "encryption-type", "enable-data-lineage")
# Always resolved too, but a script may ask for them, and each stands in for the other.
_TEMPORARY_DIRECTORIES = ("RedshiftTempDir", "TempDir")


class GlueArgumentError(Exception):
    """The script's arguments are not what it asked for."""


def getResolvedOptions(
    args: Sequence[str],
    options: Iterable[str],
    allow_abbrev: bool = False,  # noqa: FBT001, FBT002 - Glue's signature
) -> dict[str, Any]:
    """Return the values of `options` in `args` (`sys.argv`, its first element is skipped), as strings.

    Every option asked for must be there, but for TempDir. Arguments nobody asked for are ignored. A hyphen in a name
    is an underscore in the result. Whatever is asked for, the result also has job_bookmark_option, job_bookmark_from,
    job_bookmark_to, JOB_ID, JOB_RUN_ID, SECURITY_CONFIGURATION, encryption_type, enable_data_lineage, RedshiftTempDir
    and TempDir; None where `args` has no value. `allow_abbrev` accepts `--tar` for `--target`, as Glue up to 5.1 did.
    Where `args` has both `--job-bookmark-option` and the older `--continuation-option`, the former counts.

    Raises:
        GlueArgumentError: an option is missing, has no value, or (bookmark options) has a value Glue does not know.
        RuntimeError: a reserved option was asked for, or the bookmark window does not fit the bookmark option.
        argparse.ArgumentError: an option was asked for twice, or is one that is always resolved.
        SystemExit: `--help` is among `args`: usage is printed and the script ends, with success.
    """
    asked_for = list(options)
    reserved = [name for name in asked_for if name in _RESERVED]
    if reserved:
        raise RuntimeError(f"Using reserved arguments {', '.join(reserved)}")
    resolved = vars(_parser_for(asked_for, args, allow_abbrev=allow_abbrev).parse_known_args(list(args[1:]))[0])
    continuation = resolved.pop("continuation_option")
    if resolved["job_bookmark_option"] is None:
        resolved["job_bookmark_option"] = _CONTINUATION_OPTIONS.get(continuation, "job-bookmark-disable")
    _check_window(resolved)
    for one, other in (_TEMPORARY_DIRECTORIES, _TEMPORARY_DIRECTORIES[::-1]):
        if resolved[one] is None:
            resolved[one] = resolved[other]
    return resolved


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise GlueArgumentError(message)


def _parser_for(asked_for: Sequence[str], args: Sequence[str], *, allow_abbrev: bool) -> _Parser:
    program = Path(args[0]).name if args else None
    parser = _Parser(prog=program, allow_abbrev=allow_abbrev)
    parser.add_argument("--job-bookmark-option", choices=_BOOKMARK_OPTIONS)
    parser.add_argument("--continuation-option", choices=list(_CONTINUATION_OPTIONS))
    for name in ("job-bookmark-from", "job-bookmark-to", *_ALWAYS_RESOLVED):
        parser.add_argument(f"--{name}")
    for name in _TEMPORARY_DIRECTORIES:
        action = parser.add_argument(f"--{name}")
        if asked_for.count(name) > 1:
            raise argparse.ArgumentError(action, f"conflicting option string: --{name}")
    for name in asked_for:
        if name not in _TEMPORARY_DIRECTORIES:
            parser.add_argument(f"--{name}", required=True)
    return parser


def _check_window(resolved: dict[str, Any]) -> None:
    lacking = [end for end in ("from", "to") if not resolved[f"job_bookmark_{end}"]]
    if resolved["job_bookmark_option"] == "job-bookmark-pause":
        if len(lacking) == 1:
            raise RuntimeError(f"Missing option or value for --job-bookmark-{lacking[0]}")
    elif not lacking:
        raise RuntimeError("Invalid option(s)--job-bookmark-from --job-bookmark-to")
