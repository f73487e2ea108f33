"""What a shim is told to do, in the words that it reads."""

import os
from dataclasses import dataclass
from typing import Any, Final

from orchestrator.executors import s3
from orchestrator.executors.interface import LaunchSpec
from orchestrator.executors.local.cgroups import Cgroups
from orchestrator.executors.local.run_directory import RunDirectory
from orchestrator.executors.world import World, WorldSettings
from orchestrator.model.limits import LimitRules, of_run

_VERSION: Final = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class ShimRules:
    """What holds for every shim of this daemon."""

    stop_grace_s: float
    log_limit_bytes: int
    open_files_limit: int  # the soft one that scripts get
    limits: LimitRules


def spec_of(
    spec: LaunchSpec,
    world: World,
    directory: RunDirectory,
    *,
    rules: ShimRules,
    settings: WorldSettings,
    group: Cgroups | None,
) -> dict[str, Any]:
    """Return the spec of one run's shim, whose cgroup is made below `group` where there is one."""
    limits = of_run(spec.dpu, rules.limits, group.controllers if group else ())
    user, roots = world.user, settings.script_roots
    is_root = os.geteuid() == 0 and user is None
    return {
        "v": _VERSION,
        "run_id": str(spec.run_id),
        "script": str(world.script),
        "argv": world.argv,
        "environment": world.environment,
        "work": str(directory.path / "work"),
        "timeout_s": spec.timeout_s,
        "stop_grace_s": rules.stop_grace_s,
        "log_limit_bytes": rules.log_limit_bytes,
        "open_files_limit": rules.open_files_limit,
        "limits": {
            "group": str(group.of_run(spec.run_id)) if group else None,
            "files": dict(limits.files),
            "nice": limits.nice,
            "data_bytes": limits.data_bytes,
        },
        "user": user and {"name": user.name, "uid": user.uid, "gid": user.gid, "groups": user.groups},
        "script_rules": {
            "roots": [*map(str, [*roots, directory.path / s3.FETCHED] if roots else ())],
            "owner": 0 if is_root and not roots else None,
        },
        "bookmark": {
            "version": spec.bookmark.version,
            "text": spec.bookmark.text,
            "to_text": spec.bookmark.to_text,
            "is_written": spec.bookmark.is_written,
        },
    }
