"""One made-up run as each trainer would have written it down."""

from __future__ import annotations

import json
import math
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Made:
    """Train losses by step, held-out losses by step, and how many steps there were to be."""

    train: dict[int, float]
    evals: dict[int, float]
    total: int


def overfit() -> Made:
    """Learns for a third of the run; the held-out loss rises from there on."""
    train = {
        step: 0.3 + 2.2 * math.exp(-step / 60) + 0.02 * math.sin(7 * step) for step in range(10, 301, 10)
    }
    evals = {
        step: 1.2 + 1.1 * math.exp(-step / 40) + max(0, step - 100) * 0.004 for step in range(25, 301, 25)
    }
    return Made(train, evals, 300)


def not_finite() -> Made:
    """NaN from step 210 on."""
    made = overfit()
    return Made({s: math.nan if s > 200 else loss for s, loss in made.train.items()}, {}, made.total)


def rows(made: Made) -> Iterator[tuple[int, float | None, float | None]]:
    """Step, train loss, held-out loss, in order."""
    for step in sorted({*made.train, *made.evals}):
        yield step, made.train.get(step), made.evals.get(step)


Writer = Callable[[Made, Path], Path]


def trainer_state(made: Made, folder: Path, has_epochs: bool = True) -> Path:
    log: list[dict[str, float]] = []
    for step, loss, held in rows(made):
        where = {"step": step} | ({"epoch": step / 100} if has_epochs else {})
        log += [{**where, "loss": loss}] if loss is not None else []
        log += [{**where, "eval_loss": held}] if held is not None else []
    path = folder / "trainer_state.json"
    head = {"global_step": made.total, "max_steps": made.total}
    path.write_text(json.dumps({**head, "log_history": log}))
    return path


def printed(line: Callable[[int, float | None, float | None], str], name: str = "train.log") -> Writer:
    def write(made: Made, folder: Path) -> Path:
        path = folder / name
        path.write_text("".join(f"{text}\n" for row in rows(made) for text in line(*row).splitlines()))
        return path

    return write


def console(step: int, loss: float | None, held: float | None) -> str:
    bar = f"{step // 3:3}%|████      | {step}/300 [00:10<00:10,  1.00it/s]"
    epoch = f"'epoch': {step / 100:.2f}"
    train = f"{{'loss': {loss:.6f}, {epoch}}}\n{bar}\n" if loss is not None else ""
    return train + (f"{{'eval_loss': {held:.6f}, {epoch}}}\n{bar}" if held is not None else "")


def torchtune(step: int, loss: float | None, held: float | None) -> str:
    train = f"Step {step} | loss:{loss} lr:2e-05 tokens_per_second_per_gpu:57.8\n" if loss is not None else ""
    return train + (f"Step {step} | val_loss:{held}" if held is not None else "")


def mlx(step: int, loss: float | None, held: float | None) -> str:
    train = (
        f"Iter {step}: Train loss {loss:.6f}, Learning Rate 1.000e-05, It/sec 1.022\n"
        if loss is not None
        else ""
    )
    return train + (f"Iter {step}: Val loss {held:.6f}, Val took 0.732s" if held is not None else "")


def nanogpt(step: int, loss: float | None, held: float | None) -> str:
    train = f"iter {step}: loss {loss:.6f}, time 52.57ms, mfu 7.09%\n" if loss is not None else ""
    near = 0.3 + 2.2 * math.exp(-step / 60)
    return (f"step {step}: train loss {near:.6f}, val loss {held:.6f}\n" if held is not None else "") + train


def verl(step: int, loss: float | None, held: float | None) -> str:
    values = [f"train/loss:{loss}"] if loss is not None else []
    values += [f"val/loss:{held}"] if held is not None else []
    return f"step:{step} - " + " - ".join(values)


def fairseq(step: int, loss: float | None, held: float | None) -> str:
    head = f"2023-06-13 17:30:31 | INFO | train_inner | epoch 001: {step} / 300 "
    train = f"{head}loss={loss}, num_updates={step}, lr=1e-05\n" if loss is not None else ""
    words = f"| INFO | valid | epoch 001 | valid on 'valid' subset | loss {held} | num_updates {step}"
    return train + (words if held is not None else "")


def kohya(step: int, loss: float | None, held: float | None) -> str:
    return (
        f"steps: {step // 3:3}%|███▌  | {step}/300 [25:54<08:09, 21.29s/it, avr_loss={loss}]" if loss else ""
    )


def csv(made: Made, folder: Path) -> Path:
    path = folder / "metrics.csv"
    cells = ((str(cell) if cell is not None else "" for cell in row) for row in rows(made))
    path.write_text("step,train_loss,val_loss\n" + "".join(",".join(row) + "\n" for row in cells))
    return path


def json_lines(made: Made, folder: Path) -> Path:
    path = folder / "metrics.jsonl"
    known = ({"step": s, "loss": loss, "val/loss": held} for s, loss, held in rows(made))
    path.write_text(
        "".join(json.dumps({k: v for k, v in one.items() if v is not None}) + "\n" for one in known)
    )
    return path


def table(made: Made, folder: Path) -> Path:
    path = folder / "table.txt"
    both = [(s, loss, held) for s, loss, held in rows(made) if held is not None or not made.evals]
    head = "Step\tTraining Loss" + ("\tValidation Loss" if made.evals else "")
    lines = [
        "\t".join(str(cell) if cell is not None else "No log" for cell in row if made.evals or cell)
        for row in both
    ]
    path.write_text("\n".join([head, *lines]) + "\n")
    return path


def ms_swift(made: Made, folder: Path) -> Path:
    path = folder / "logging.jsonl"
    lines = []
    for step, loss, held in rows(made):
        where = {"epoch": step / 100, "global_step/max_steps": f"{step}/{made.total}", "percentage": "1%"}
        lines += [{"loss": loss, **where}] if loss is not None else []
        lines += [{"eval_loss": held, **where}] if held is not None else []
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return path


# As trackio makes it (trackio/sqlite_storage.py).
SCHEMA = """CREATE TABLE metrics (id INTEGER PRIMARY KEY AUTOINCREMENT, timestamp TEXT NOT NULL, run_name TEXT NOT NULL,
step INTEGER NOT NULL, metrics TEXT NOT NULL)"""


def trackio(made: Made, folder: Path) -> Path:
    path = folder / "project.db"
    with closing(sqlite3.connect(path)) as base, base:
        base.execute(SCHEMA)
        for step, loss, held in rows(made):
            values = {"train/loss": loss, "eval/loss": held, "train/global_step": step}
            known = json.dumps({k: v for k, v in values.items() if v is not None})
            base.execute(
                "INSERT INTO metrics (timestamp, run_name, step, metrics) VALUES (?, ?, ?, ?)",
                (f"2026-01-01T00:00:{step % 60:02}", "run-1", step // 5, known),
            )
    return path


WRITERS: dict[str, Writer] = {
    "Trainer state": trainer_state,
    "console log": printed(console),
    "torchtune log": printed(torchtune),
    "mlx-lm log": printed(mlx),
    "nanoGPT log": printed(nanogpt),
    "verl log": printed(verl),
    "fairseq log": printed(fairseq),
    "progress bars": printed(kohya),
    "CSV table": csv,
    "JSON lines": json_lines,
    "results table": table,
    "ms-swift log": ms_swift,
    "trackio": trackio,
}
# The others name no epochs, by which rises are judged too.
WITH_EPOCHS = {"Trainer state", "console log", "ms-swift log"}
