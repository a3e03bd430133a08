"""`python -P -m tests.fork_server.asking MODULE …`: a module with an interpreter of its own, which has others forked.

For a program on a terminal that a test has to start itself, by tmux or pty.fork: asking a server in the place of a new
interpreter is not for these, but the supervisor and the trainer that they start can be forked.
"""

from __future__ import annotations

import sys

from tests.fork_server import client
from tests.fork_server.child import run_module

if __name__ == "__main__":
    client.install()
    run_module(sys.argv[1], sys.argv[2:])
