"""The X-ray of a large file: `python -m tests.benchmarks.xray_million [ROWS]` (a million unless told).

Prints when the first answer came, rows a second, and the child's greatest resident memory.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
from pathlib import Path

import psutil

from runner.check import xray
from runner.preset import files
from tests.benchmarks.keystroke import write_rows


def main() -> None:
    rows = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        path = home / "rows.jsonl"
        write_rows(path, rows)
        preset = files.load("demo", home, [f"data.train_dataset={path}"]).preset
        first: float | None = None
        peak = 0
        started = time.monotonic()
        key = xray.xray_key(preset)
        hashed = time.monotonic() - started
        for newest in xray.made(preset, home, key):
            report = newest
            if first is None:
                first = time.monotonic() - started
            for child in psutil.Process().children():
                peak = max(peak, child.memory_info().rss)
        seconds = time.monotonic() - started
        assert report.complete
        assert report.rows_read == rows + 64
    print(
        json.dumps(
            {
                "rows": rows,
                "hashed_s": round(hashed, 2),
                "first_report_s": round(first or 0.0, 2),
                "complete_s": round(seconds, 1),
                "rows_per_s": round(rows / seconds),
                "peak_rss_mib": peak >> 20,
                "cpus": os.cpu_count(),
            }
        )
    )


if __name__ == "__main__":
    main()
