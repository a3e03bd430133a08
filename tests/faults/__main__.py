"""`python -m tests.faults [--quick] [PYTEST ARGUMENTS]`: run every fault and write what came of it to RESULTS.md.

--quick leaves the fuzzing out. With a choice of tests (-k, -m), or interrupted, nothing is written.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

import pytest

from tests.faults.table import RESULTS, FaultTable, as_markdown, as_text

HERE = Path(__file__).parent
ROOT = HERE.parent.parent


def main(arguments: list[str]) -> int:
    quick = "--quick" in arguments
    chosen = [one for one in arguments if one != "--quick"]
    files = sorted(HERE.glob("test_*.py"))
    if quick:
        files = [path for path in files if "fuzz" not in path.name]
    table = FaultTable()
    began = time.monotonic()
    code = pytest.main(
        ["-q", "-n", "2", "--dist", "worksteal", "--no-header", "-rf", "-m", "", *map(str, files), *chosen],
        plugins=[table],
    )
    print(f"\n{as_text(table.rows)}\n")
    count, failed = table.others
    if count:
        print(f"and {count} tests without a row, {failed} of them failed")
    print(f"{len(table.rows)} faults in {time.monotonic() - began:.0f} s")
    ran_all = code in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED)
    if ran_all and not chosen:
        RESULTS.write_text(as_markdown(table.rows), encoding="utf-8")
        print(f"written: {RESULTS.relative_to(ROOT)}")
    return int(code)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
