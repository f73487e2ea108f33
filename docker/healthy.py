"""Exit with 0 if the daemon of this container answers, else with 1 and the reason: the image's HEALTHCHECK."""

import http.client
import os
import sys
from pathlib import Path
from typing import Final

from orchestrator.faces import unix_socket

TIMEOUT_S: Final = 5.0


def main() -> int:
    """Ask; return the exit code."""
    connection = http.client.HTTPConnection("localhost")
    try:
        place = Path(os.environ["ORCHESTRATOR_STATE_DIR"]) / unix_socket.SOCKET_NAME
        connection.sock = unix_socket.connect(place, TIMEOUT_S)
        connection.request("GET", "/healthz")
        status = connection.getresponse().status
    except (OSError, http.client.HTTPException) as error:
        sys.stderr.write(f"the daemon does not answer: {error}\n")
        return 1
    finally:
        connection.close()
    return 0 if status == http.client.OK else 1


if __name__ == "__main__":
    sys.exit(main())
