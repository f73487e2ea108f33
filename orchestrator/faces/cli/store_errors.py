"""What commands that use the state directory themselves say when it cannot be used."""

from collections.abc import Iterator
from contextlib import contextmanager

from orchestrator.faces.cli.errors import CommandError
from orchestrator.faces.cli.exit_codes import ExitCode
from orchestrator.model.errors import StateDirectoryHeldError, StoreError, StoreRefusedError


@contextmanager
def store_errors() -> Iterator[None]:
    """Turn the store's errors into the command's: 75 while a daemon is up, 78 for what cannot be used, 74 for the disk."""
    try:
        yield
    except StateDirectoryHeldError as error:
        raise CommandError(
            str(error), ExitCode.TRY_LATER, hint="Stop the daemon first; its runs live on meanwhile."
        ) from None
    except StoreRefusedError as error:
        raise CommandError(str(error), ExitCode.CONFIGURATION) from None
    except StoreError as error:
        raise CommandError(str(error), ExitCode.STORE_FAILED) from None
