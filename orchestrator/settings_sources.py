"""Where the settings come from, and what is wrong with them: the file, variable or flag, and the line where there is one."""

import json
import os
import re
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from pydantic import BaseModel, ValidationError
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from orchestrator.places import DEFAULT_CONFIG
from orchestrator.settings import Mistake, Settings, SettingsError, usable

_TOML_LINE: Final = re.compile(r"\(at line (\d+), column \d+\)")
_FIELD_OF_JSON: Final = re.compile(r'^error parsing value for field "(\w+)"')
_VARIABLES: Final = "ORCHESTRATOR_"
_OTHER_VARIABLES: Final = frozenset(
    {"ORCHESTRATOR_CONFIG", "ORCHESTRATOR_CRASH_AT", "ORCHESTRATOR_CRASH_LOG", "ORCHESTRATOR_TESTS_NO_SKIP"}
)
"""Those that are no settings: where the file is, and what our own tests say."""


def load(config: Path | None, flags: Mapping[str, object]) -> Settings:
    """Return the settings; `flags` that are None were not given.

    Raises:
        SettingsError: a file that was named does not exist, or a value is not allowed.
    """
    path = _config_path(config)
    given: dict[str, Any] = {name: value for name, value in flags.items() if value is not None}
    mistakes = _unknown_variables()
    try:
        if path is not None:
            _check_toml(path)

        class FromFile(Settings):
            model_config = SettingsConfigDict(toml_file=path)

        loaded = FromFile(**given)
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        raise SettingsError(*mistakes, Mistake(str(path), line, str(error))) from None
    except OSError as error:
        raise SettingsError(*mistakes, Mistake(str(path), None, str(error))) from None
    except ValidationError as error:
        raise SettingsError(*mistakes, *_explained(error, path, given)) from None
    except (ValueError, RecursionError) as error:  # a variable that should hold JSON, and does not
        raise SettingsError(*mistakes, _not_json(error)) from None
    if mistakes:
        raise SettingsError(*mistakes)
    return _anchored(loaded)


def _check_toml(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    try:
        tomllib.loads(text)
    except (ValueError, RecursionError) as error:  # more than TOMLDecodeError: int() has a limit, and so has the stack
        told = _TOML_LINE.search(str(error))
        raise SettingsError(Mistake(str(path), int(told[1]) if told else None, str(error))) from None


def _not_json(error: Exception) -> Mistake:
    """Name the variable, where it can be told: pydantic names the section only, and none that nests too deep."""
    named = _FIELD_OF_JSON.search(str(error))
    if named is None:
        return Mistake("", None, f"one of the variables {_VARIABLES}…: {error}")
    section = f"{_VARIABLES}{named[1].upper()}"
    suspects = [
        name
        for name, value in sorted(os.environ.items())
        if (name.upper() == section or name.upper().startswith(f"{section}__")) and not _is_json(value)
    ]
    setting = named[1]
    if len(suspects) == 1:
        setting = suspects[0][len(_VARIABLES) :].lower().replace("__", ".")
    places = " or ".join(f"${name}" for name in suspects) or f"${section}"
    return Mistake(places, None, f"{setting}: it must be JSON: {error.__cause__}")


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


def defaults(config: Path | None, flags: Mapping[str, object]) -> Settings:
    """Return the defaults, with the paths that were given: what the jobs can be looked at with in spite of a mistake."""

    class FromFlags(Settings):
        @classmethod
        def settings_customise_sources(
            cls,
            settings_cls: type[BaseSettings],
            init_settings: PydanticBaseSettingsSource,
            *others: PydanticBaseSettingsSource,
            **named: PydanticBaseSettingsSource,
        ) -> tuple[PydanticBaseSettingsSource, ...]:
            """Leave the environment and the file aside."""
            del settings_cls, others, named
            return (init_settings,)

    paths: dict[str, Any] = {name: flags[name] for name in ("state_dir", "jobs_dir") if _is_usable(flags.get(name))}
    return _anchored(FromFlags(**{"jobs_dir": _jobs_dir(config), **paths}))


def _jobs_dir(config: Path | None) -> Path:
    """Return where the variable or the file says that the jobs are, if either can be read so far."""
    named: object = os.environ.get("ORCHESTRATOR_JOBS_DIR")
    if named is None:
        try:
            path = _config_path(config)
            named = None if path is None else tomllib.loads(path.read_text(encoding="utf-8")).get("jobs_dir")
        except (SettingsError, OSError, ValueError):  # told already, by `load`
            named = None
    return Path(named) if isinstance(named, str) and _is_usable(named) else Path("jobs")


def _is_usable(path: object) -> bool:
    try:
        return path is not None and usable(path) is path
    except ValueError:  # told already, by `load`
        return False


def _unknown_variables() -> list[Mistake]:
    return [
        Mistake(f"${variable}", None, "there is no such setting")
        for variable in sorted(os.environ)
        if variable.startswith(_VARIABLES) and variable not in _OTHER_VARIABLES and not _is_setting(variable)
    ]


def _is_setting(variable: str) -> bool:
    """Say whether the variable is a setting, or part of one that has parts; which parts, pydantic knows."""
    name, _, part = variable.removeprefix(_VARIABLES).lower().partition("__")
    field = Settings.model_fields.get(name)
    return field is not None and (
        not part or isinstance(field.get_default(call_default_factory=True), BaseModel | dict)
    )


def _config_path(config: Path | None) -> Path | None:
    if config is not None:
        if not config.is_file():
            raise SettingsError(Mistake(str(config), None, "no such file"))
        return config
    named = os.environ.get("ORCHESTRATOR_CONFIG")
    if named:
        return _config_path(Path(named))
    return DEFAULT_CONFIG if DEFAULT_CONFIG.is_file() else None


def _anchored(settings: Settings) -> Settings:
    """Make the paths absolute, so that nothing depends on where the daemon was started."""
    return settings.model_copy(
        update={
            "state_dir": settings.state_dir.expanduser().absolute(),
            "jobs_dir": settings.jobs_dir.expanduser().absolute(),
            "s3": {bucket: directory.expanduser().absolute() for bucket, directory in settings.s3.items()},
            "triggers_file": settings.triggers_file.expanduser().absolute(),
            "runs": settings.runs.model_copy(
                update={"script_roots": tuple(root.expanduser().resolve() for root in settings.runs.script_roots)}
            ),
        }
    )


def _explained(error: ValidationError, path: Path | None, flags: Mapping[str, object]) -> Iterator[Mistake]:
    for problem in error.errors():
        names = [str(part) for part in problem["loc"]] or ["host"]  # the one rule about several is about this one
        place, line = _origin(names, path, flags)
        yield Mistake(place, line, f"{'.'.join(names)}: {problem['msg'].removeprefix('Value error, ')}")


def _origin(names: list[str], path: Path | None, flags: Mapping[str, object]) -> tuple[str, int | None]:
    """Return the strongest place that gives the setting: a flag, a variable (of it, or of its section), or the file."""
    if names[0] in flags:
        return f"--{names[0].replace('_', '-')}", None
    for count in range(len(names), 0, -1):
        variable = _VARIABLES + "__".join(names[:count]).upper()
        if variable in os.environ:
            return f"${variable}", None
    below = _VARIABLES + "__".join(names).upper() + "__"  # a part of what has none
    for variable in sorted(os.environ):
        if variable.upper().startswith(below):
            return f"${variable}", None
    if path is None or names[0] not in tomllib.loads(path.read_text(encoding="utf-8")):
        return "", None
    return str(path), _line_of(names, path)


def _line_of(names: list[str], path: Path) -> int | None:
    """Return the line that sets the value, or else what it is a part of."""
    section = ""
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        text = line.strip()
        if text.startswith("["):
            section = text.strip("[] ")
            if section == ".".join(names):
                return number
        elif text.partition("=")[0].strip(" \"'") == names[-1] and section == ".".join(names[:-1]):
            return number
    return _line_of(names[:-1], path) if len(names) > 1 else None
