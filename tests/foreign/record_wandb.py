"""Records what `wandb leet inspect` says of a real run: `python -m tests.foreign.record_wandb FOLDER`.

Needs wandb>=0.31, which the tests do without: it is a program of 50 MB that reads one format. Its WandbCallback writes
an offline run of the overfitting training in train_tiny.py; what the program then says goes to tests/data/wandb beside
the trainer_state.json of the same run. Records without numbers of the training, the host among them, are left out.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

TARGET = Path(__file__).parent.parent / "data" / "wandb"
KEPT = ("header", "run", "config", "history", "exit")
PRIVATE = ("host", "_wandb", "git", "telemetry")


def main(folder: Path) -> None:
    os.environ |= {"WANDB_MODE": "offline", "WANDB_DIR": str(folder), "WANDB_SILENT": "true"}
    from tests.foreign.train_tiny import train

    folder.mkdir(parents=True)
    # On its own, because what a run prints goes into its log from then on.
    train(folder / "overfit", [], logging_steps=2, eval_steps=12, report_to=["wandb"])
    import wandb

    wandb.finish()
    (run,) = folder.glob("wandb/offline-run-*/run-*.wandb")
    said = subprocess.run(["wandb", "leet", "inspect", "--json", str(run)], capture_output=True, check=True)
    TARGET.mkdir(exist_ok=True)
    with (TARGET / "inspect.jsonl").open("w", encoding="utf-8") as stream:
        for line in said.stdout.splitlines():
            record = json.loads(line, object_hook=without_private)
            if record["type"] in KEPT:
                stream.write(json.dumps(record).replace(str(folder), "/home/you/outputs") + "\n")
    newest = max((folder / "overfit").glob("checkpoint-*"), key=lambda path: int(path.name.split("-")[1]))
    shutil.copy(newest / "trainer_state.json", TARGET)


def without_private(record: dict[str, object]) -> dict[str, object]:
    return {key: value for key, value in record.items() if key not in PRIVATE}


if __name__ == "__main__":
    main(Path(sys.argv[1]))
