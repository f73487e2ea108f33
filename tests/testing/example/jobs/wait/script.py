"""Waits for what never comes, with a process beside it that does, too."""

import subprocess
import sys

beside = subprocess.Popen([sys.executable, "-c", "import signal; signal.pause()"], start_new_session=True)
print("waits", flush=True)
beside.wait()
