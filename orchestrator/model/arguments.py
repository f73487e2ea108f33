"""From argument maps to a script's argv: the merge, the spelling, the limits.

Source: design §4.3; glue-semantics §4.1-4.3; execve(2) (MAX_ARG_STRLEN).
"""

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Final

from orchestrator.model import modules
from orchestrator.model.errors import InvalidInputError

MAX_TOTAL_BYTES: Final = 260 * 1024
"""Glue's limit on all arguments of a run together."""
MAX_TOKEN_BYTES: Final = 131_071
"""Linux refuses a longer argv token (MAX_ARG_STRLEN is 131,072 with the closing NUL)."""

INJECTED: Final = ("--JOB_NAME", "--JOB_ID", "--JOB_RUN_ID", "--WORKFLOW_NAME", "--WORKFLOW_RUN_ID")
"""Glue's internal arguments: ours to set, so a caller's value is dropped."""

SCRIPT_LOCATION: Final = "--scriptLocation"
EXTRA_PY_FILES: Final = "--extra-py-files"
TEMP_DIR: Final = "--TempDir"
CUSTOMER_ENV: Final = "--customer-driver-env-vars"
BOOKMARK_OPTION: Final = "--job-bookmark-option"
BOOKMARK_FROM: Final = "--job-bookmark-from"
BOOKMARK_TO: Final = "--job-bookmark-to"
MODULES: Final = modules.MODULES
MODULES_OPTIONS: Final = modules.OPTIONS
PYTHON: Final = "--orchestrator-python"
"""Ours: the interpreter or the virtual environment that a job or run wants; not passed to the script."""
PRELOAD: Final = "--orchestrator-preload"
"""Ours: the modules that are imported before the script comes, comma-separated; given and empty: a warm start that imports
nothing. Without it the script's interpreter is executed. Not passed to the script."""
RUNTIME: Final = "--orchestrator-runtime"
"""Ours: the name of an interpreter with its preloaded modules in the settings; not passed to the script."""
RUN_AS: Final = "--orchestrator-run-as"
"""Ours: the user whose process the script is to be. Only a job's NonOverridableArguments may say so; not passed to the
script."""
DEBUG: Final = "--orchestrator-debug"
"""Ours: the port at which the script waits for a debugger, 0 for any. Only a call may give it; not passed to the script."""
_NOT_PASSED: Final = frozenset({*INJECTED, PYTHON, PRELOAD, RUNTIME, RUN_AS, DEBUG})

BOOKMARK_ENABLE: Final = "job-bookmark-enable"
BOOKMARK_DISABLE: Final = "job-bookmark-disable"
BOOKMARK_PAUSE: Final = "job-bookmark-pause"
BOOKMARK_OPTIONS: Final = (BOOKMARK_ENABLE, BOOKMARK_DISABLE, BOOKMARK_PAUSE)

MAX_PORT: Final = 65_535
_NOTHING: Final[Mapping[str, str]] = MappingProxyType({})


def merge(
    defaults: Mapping[str, str] | None,
    overrides: Mapping[str, str] | None,
    non_overridable: Mapping[str, str] | None,
) -> dict[str, str]:
    """Return what the run is started with: non-overridable before the run's own before the defaults, key by key.

    Order: the defaults' keys, then the overrides' new ones, then the rest.
    """
    return {**(defaults or _NOTHING), **(overrides or _NOTHING), **(non_overridable or _NOTHING)}


def to_argv(injected: Iterable[tuple[str, str]], merged: Mapping[str, str]) -> list[str]:
    """Spell `merged` as argv tokens behind the `injected` pairs; keys without `--` are not passed."""
    tokens: list[str] = []
    passed = ((key, value) for key, value in merged.items() if key.startswith("--") and key not in _NOT_PASSED)
    for key, value in (*injected, *passed):
        tokens.extend(_spell(key, value))
    return tokens


def ignored_keys(merged: Mapping[str, str]) -> list[str]:
    """Return the keys that never reach a script because they do not begin with `--`."""
    return [key for key in merged if not key.startswith("--")]


def _spell(key: str, value: str) -> list[str]:
    if not value:
        return [key]
    if value.startswith("-"):  # two tokens would break argparse
        return [f"{key}={value}"]
    return [key, value]


def user_of_job(non_overridable: Mapping[str, str] | None) -> str | None:
    """Return the user that a job names for its runs."""
    return (non_overridable or _NOTHING).get(RUN_AS) or None


def check_overridable(arguments: Mapping[str, str] | None, member: str) -> None:
    """Refuse what a call or a default must not decide, and the rest that `check_map` refuses.

    Raises:
        InvalidInputError: names the key.
    """
    if arguments and RUN_AS in arguments:
        sentence = f"{member}: {RUN_AS} may only be given in a job's NonOverridableArguments."
        raise InvalidInputError(sentence)
    check_map(arguments, member)


def check_own(arguments: Mapping[str, str] | None, member: str) -> None:
    """Refuse what a job must not say for all of its runs: those that a trigger starts would wait for a debugger, too.

    Raises:
        InvalidInputError: names the key.
    """
    if arguments and DEBUG in arguments:
        sentence = f"{member}: {DEBUG} may only be given in the call that starts a run."
        raise InvalidInputError(sentence)


def check_map(arguments: Mapping[str, str] | None, member: str) -> None:
    """Refuse what no process could be given, at the call instead of at the launch.

    Raises:
        InvalidInputError: a NUL, a lone surrogate, a token over Linux's limit or a map over Glue's; names the key.
    """
    total = 0
    for key, value in (arguments or _NOTHING).items():
        shown = key[:80]
        if "\0" in key or "\0" in value:
            sentence = f"{member}: the argument '{shown}' contains a NUL character, which no process can be given."
            raise InvalidInputError(sentence.replace("\0", "\\0"))
        try:
            longest = max(len(token.encode()) for token in _spell(key, value))
            total += len(key.encode()) + len(value.encode())
        except UnicodeEncodeError:
            sentence = f"{member}: an argument contains a lone surrogate, which has no UTF-8 form."
            raise InvalidInputError(sentence) from None
        if longest > MAX_TOKEN_BYTES:
            sentence = f"{member}: the argument '{shown}' needs a token of {longest} bytes; Linux takes {MAX_TOKEN_BYTES} at most."
            raise InvalidInputError(sentence)
    if total > MAX_TOTAL_BYTES:
        sentence = f"Request size limit exceeded: {member} has {total} bytes in all, {MAX_TOTAL_BYTES} is the limit."
        raise InvalidInputError(sentence)


def check_merged(merged: Mapping[str, str]) -> None:
    """Refuse a merged map that breaks a limit or asks for a bookmark in a way that contradicts itself.

    Raises:
        InvalidInputError: names the argument and what it may be.
    """
    check_map(merged, "Arguments")
    option = bookmark_option(merged)
    if option not in BOOKMARK_OPTIONS:
        sentence = f"{BOOKMARK_OPTION} is '{option}', which is not one of {', '.join(BOOKMARK_OPTIONS)}."
        raise InvalidInputError(sentence)
    window = [key for key in (BOOKMARK_FROM, BOOKMARK_TO) if merged.get(key)]
    if window and option != BOOKMARK_PAUSE:
        sentence = f"{' and '.join(window)} may only be given with {BOOKMARK_OPTION} {BOOKMARK_PAUSE}."
        raise InvalidInputError(sentence)
    if len(window) == 1:
        sentence = f"{BOOKMARK_FROM} and {BOOKMARK_TO} belong together; only {window[0]} was given."
        raise InvalidInputError(sentence)
    if CUSTOMER_ENV in merged:
        customer_environment(merged[CUSTOMER_ENV])
    modules_to_preload(merged.get(PRELOAD, ""))
    modules.wanted(merged)
    debugger_port(merged)


def bookmark_option(merged: Mapping[str, str]) -> str:
    """Return how the run treats its job's bookmark; Glue's default is to disable it."""
    return merged.get(BOOKMARK_OPTION) or BOOKMARK_DISABLE


def customer_environment(text: str) -> dict[str, str]:
    """Parse `CUSTOMER_A=1,CUSTOMER_B="x,y"`; keys without the prefix CUSTOMER_ are ignored, as in Glue.

    Raises:
        InvalidInputError: a quotation that is not closed.
    """
    pairs: dict[str, str] = {}
    for item in _split_quoted(text):
        key, equals, value = item.partition("=")
        if equals and key.strip().startswith("CUSTOMER_"):
            pairs[key.strip()] = value
    return pairs


def modules_to_preload(text: str) -> tuple[str, ...]:
    """Parse `pandas, pyarrow.compute`.

    Raises:
        InvalidInputError: something that is no module's name.
    """
    names = tuple(filter(None, map(str.strip, text.split(","))))
    for name in names:
        if not all(part.isidentifier() for part in name.split(".")):
            sentence = f"{PRELOAD}: '{name[:80]}' is not the name of a Python module."
            raise InvalidInputError(sentence)
    return names


def debugger_port(merged: Mapping[str, str]) -> int | None:
    """Return the port at which the script is to wait for a debugger, 0 for any; None where it is not to wait.

    Raises:
        InvalidInputError: it is none.
    """
    text = merged.get(DEBUG)
    if text is None:
        return None
    if not (text.isascii() and text.isdecimal() and int(text) <= MAX_PORT):
        sentence = f"{DEBUG}: '{text[:80]}' is no port; it must be between 0 (any) and {MAX_PORT}."
        raise InvalidInputError(sentence)
    return int(text)


def _split_quoted(text: str) -> list[str]:
    items, item, quoted = [], "", False
    for character in text:
        if character == '"':
            quoted = not quoted
        elif character == "," and not quoted:
            items.append(item)
            item = ""
        else:
            item += character
    if quoted:
        sentence = f"{CUSTOMER_ENV}: a quotation mark is not closed."
        raise InvalidInputError(sentence)
    return [*items, item]
