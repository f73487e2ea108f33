"""The parts of AWS's `awsglue` that make sense without Spark: `awsglue.utils` and `awsglue.job`.

This directory comes first on a script's path, yet an `awsglue` that is installed in the job's environment wins: this
module looks for one on the rest of `sys.path` and, if it imports, puts it in its own place, submodules included. If
the installed one cannot be imported because something it needs is missing (in practice pyspark or py4j), this one
serves and remembers why for `awsglue.context`'s message. Any other failure of the installed one is raised: it is
broken, and to hide that would change what the script runs on.
"""

from __future__ import annotations

import sys
from importlib.machinery import PathFinder
from importlib.util import module_from_spec
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from importlib.machinery import ModuleSpec

# Why an installed awsglue does not serve; None when there is none.
installed_refusal: str | None = None


def _find_installed() -> ModuleSpec | None:
    ours = Path(__file__).resolve().parent.parent
    elsewhere = [entry for entry in sys.path if Path(entry).resolve() != ours]
    spec = PathFinder.find_spec(__name__, elsewhere)
    # A directory without __init__.py has no origin: somebody's folder, not a package.
    return spec if spec is not None and spec.loader is not None and spec.origin is not None else None


def _give_way() -> None:
    """Make the installed `awsglue` the module of that name, if there is one and it imports."""
    global installed_refusal  # noqa: PLW0603 - set once, while this module is imported
    spec = _find_installed()
    if spec is None or spec.loader is None:
        return
    ours = sys.modules[__name__]
    installed = module_from_spec(spec)
    sys.modules[__name__] = installed
    try:
        spec.loader.exec_module(installed)
    except BaseException as error:
        for name in [name for name in sys.modules if name.startswith(f"{__name__}.")]:
            del sys.modules[name]  # its submodules that did import must not be mixed with ours
        sys.modules[__name__] = ours
        if not isinstance(error, ImportError):
            raise
        installed_refusal = f"the awsglue installed at {spec.origin} cannot be imported: {error}"


def _refuse_without_spark(module: str) -> ImportError:
    """Return the error for a part of `awsglue` that only exists with Spark."""
    return ImportError(
        f"{module} needs Spark and AWS's own Glue libraries, which this interpreter does not have"
        + (f" ({installed_refusal})" if installed_refusal else "")
        + ". In a plain script, read and write data with pyarrow or pandas, take arguments with"
        " awsglue.utils.getResolvedOptions, and keep bookmarks with awsglue.job.Job or orchestrator_bookmark."
        " To use GlueContext, install pyspark and AWS's awsglue in the job's environment; they are then used.",
        name=module,
    )


if __name__ == "awsglue":  # not when it is read as a part of the orchestrator itself
    _give_way()
