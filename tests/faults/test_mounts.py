"""The small disks of these tests are gone with them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT, wait_for
from tests.faults.mounts import small_disk

HOLD = """
import sys
from pathlib import Path
from tests.faults.mounts import small_disk
with small_disk(Path(sys.argv[1]), "1m"):
    print("mounted", flush=True)
    sys.stdin.read()
"""


def is_mounted(folder: Path) -> bool:
    return f" {folder} " in Path("/proc/mounts").read_text()


def test_a_disk_is_gone_with_tests_that_were_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with small_disk(tmp_path / "first", "1m"):
        # Skipped where nothing can be mounted.
        assert is_mounted(tmp_path / "first")
    assert not is_mounted(tmp_path / "first")
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    folder = tmp_path / "disk"
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(folder)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as tests:
        assert tests.stdout is not None
        assert tests.stdout.readline() == b"mounted\n"
        assert is_mounted(folder)
        tests.kill()
    wait_for(lambda: not is_mounted(folder), 10, "it is unmounted")
