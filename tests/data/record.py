"""Keep finished runs as test data: `python -m tests.data.record RUN_DIRECTORY NAME` copies a run into tests/data/runs.

What tests and screenshots show is what such a run really wrote; only paths, host and process ids are replaced.
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

KEPT = ("preset.yaml", "run.json", "state.json", "events.jsonl", "system.jsonl", "console.log", "rows.jsonl")
FOLDER = Path(__file__).parent / "runs"


def record(run: Path, name: str) -> Path:
    """Copy a run directory without its weights; returns the copy."""
    target = FOLDER / name
    target.mkdir(parents=True, exist_ok=True)
    record_ = json.loads((run / "run.json").read_text())
    checkout = str(Path(record_["preset_path"]).parent.parent)
    for part in KEPT:
        if not (run / part).exists():
            continue
        text = (run / part).read_text(encoding="utf-8")
        text = text.replace(str(run), f"/home/you/runs/{name}").replace(checkout, "/home/you/ftui")
        text = re.sub(r'"(host|cwd|python|git_commit|argv)": "[^"]*"', r'"\1": ""', text)
        text = re.sub(r'"(supervisor_pid|trainer_pid)": \d+', r'"\1": 0', text)
        (target / part).write_text(text.replace(run.name, name), encoding="utf-8")
    return target


if __name__ == "__main__":
    print(record(Path(sys.argv[1]).absolute(), sys.argv[2]))
