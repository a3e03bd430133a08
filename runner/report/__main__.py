"""`python -P -m runner.report RUN_DIRECTORY`: write report.md and curve.svg into it."""

from __future__ import annotations

import sys
from pathlib import Path

from runner import plain_text
from runner.report.markdown import write
from runner.store.directory import RunDirectory


def main() -> int:
    print(plain_text.line(str(write(RunDirectory(Path(sys.argv[1]))))))
    return 0


if __name__ == "__main__":
    sys.exit(main())
