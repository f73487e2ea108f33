"""What a private daemon is told: its settings as variables of its environment, and none that were meant for another."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Final

_PREFIX: Final = "ORCHESTRATOR_"
_FOR_ANOTHER: Final = (_PREFIX, "NOTIFY_SOCKET", "WATCHDOG_", "INVOCATION_ID", "LISTEN_", "STATE_DIRECTORY")
_OURS: Final = {
    "state_dir": "it is the fixture's, and is removed",
    "jobs_dir": "use jobs_dir= beside settings=",
    "triggers_file": "use triggers_file= beside settings=",
    "host": "it is 127.0.0.1",
    "port": "it is a free one",
    "log_format": "the fixture reads the log",
}
_LEVELS: Final = ("debug", "info")
_DEFAULTS: Final[Mapping[str, Mapping[str, object]]] = {
    "runs": {"allow_root": True},  # its scripts are those of whoever runs the tests, be it root
    "limits": {"cgroup": "off"},  # nothing is left in a file system of the kernel's
}


def environment(base: Mapping[str, str], settings: Mapping[str, object]) -> dict[str, str]:
    """Return the environment of a daemon: `base` without what is another daemon's, and `settings` by their names in orchestrator.toml.

    A section is a mapping: `{"runs": {"stop_grace_s": 1}}`.

    Raises:
        ValueError: a setting is the fixture's own.
    """
    for name, reason in _OURS.items():
        if name in settings:
            raise ValueError(f"the setting {name} cannot be given to a private daemon: {reason}")
    if settings.get("log_level", "info") not in _LEVELS:
        raise ValueError("the setting log_level of a private daemon must be debug or info: the fixture reads the log")
    told = {name: value for name, value in base.items() if not name.startswith(_FOR_ANOTHER)}
    for name, value in {**_DEFAULTS, **settings}.items():
        if isinstance(value, Mapping):
            told[_PREFIX + name.upper()] = _text({**_DEFAULTS.get(name, {}), **value})
        else:
            told[_PREFIX + name.upper()] = _text(value)
    return {**told, _PREFIX + "LOG_FORMAT": "json"}


def _text(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, default=_plain)


def _plain(value: object) -> object:
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"{value!r} is no value of a setting")
