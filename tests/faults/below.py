"""`python -P -m tests.faults.below MODULE …`: a module as the child of what leads the terminal, as from a script."""

from __future__ import annotations

import signal
import subprocess
import sys

if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    subprocess.run([sys.executable, "-P", "-m", *sys.argv[1:]], check=False)
    signal.pause()
