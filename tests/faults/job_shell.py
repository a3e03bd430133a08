"""`python -P -m tests.faults.job_shell`: bash with job control, as in a terminal, without a person's settings."""

from __future__ import annotations

import os

if __name__ == "__main__":
    os.environ["PS1"] = "ready$ "
    os.environ["INPUTRC"] = os.devnull
    os.execvp("bash", ["bash", "--norc", "--noprofile", "-i"])
