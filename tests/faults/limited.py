"""`python -P -m tests.faults.limited LIMIT …`: the command line under a soft limit, [number, most] or null as JSON."""

from __future__ import annotations

import json
import resource
import sys

from tui.cli import main

if __name__ == "__main__":
    if limit := json.loads(sys.argv.pop(1)):
        number, most = limit
        resource.setrlimit(number, (most, resource.getrlimit(number)[1]))
    main()
