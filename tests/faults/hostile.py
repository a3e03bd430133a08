"""A home in which every text that comes from outside is hostile, and what of it must not reach a terminal."""

from __future__ import annotations

import json
import os
import re
from dataclasses import dataclass
from pathlib import Path

from runner.preset import files
from runner.store.directory import RunDirectory, runs_folder, write_json
from tests.run.scenes import Event, add, evaluation, phase, plan, step

# Sets the clipboard and the title, asks the terminal where its cursor is, and so on; 8-bit too. Then what turns words
# round or is not seen, and what a label could take for markup.
OBEYED = "\x1b]52;c;aGk=\x07\x1b]0;title\x07\x1b[6n\x9b6n\x1bP+q\x1b\\\x1b[2J\x1bc\x08\x7f\x00\r"
HIDDEN = "\u202eback\u202c\u2066iso\u2069\u200b\u200f\u2060\ufeff\u061c\U000e0041\U000e0042\u2028\u0085"
MARKUP = "[bold]b[/bold][link=http://x]l[/link][@click=app.quit]c[/][/][nonsense"
HOSTILE = f"evil{OBEYED}{HIDDEN}{MARKUP}"
NAMED = "n\x1b]0;t\x07\u202e[bold]\u200b"
EVIL, NAMED_RUN, GOOD = (
    "20261201-110000-evil-0009",
    f"20261201-110001-{NAMED}-0010",
    "20261201-110002-good-0011",
)

UNSEEN = re.compile(
    "[\x00-\x08\x0b-\x1a\x1c-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff\U000e0000-\U000e007f]"
)
COLOUR = re.compile(r"\x1b\[[0-9;]*m")


@dataclass(frozen=True)
class Home:
    """Where things are."""

    path: Path
    rows: Path
    trainer_state: Path
    log: Path
    broken: Path


def hostile_home(path: Path, work: Path) -> Home:
    """Presets, runs, rows and foreign logs with hostile words in every field that holds any."""
    own = files.own_folder(path)
    own.mkdir(parents=True)
    work.mkdir(exist_ok=True)
    rows = work / f"{NAMED}.jsonl"
    rows.write_text(
        "".join(
            json.dumps({"prompt": f"{HOSTILE} {n}", "completion": f"{n} {HOSTILE}"}) + "\n" for n in range(40)
        )
        + f"{{{HOSTILE}\n",
        encoding="utf-8",
    )
    quoted = in_yaml(HOSTILE)
    preset = (
        f"extends: demo\ndescription: {quoted}\ndata:\n  train_dataset: {in_yaml(str(rows))}\n"
        f"  eval_dataset: null\n  columns: {{system: {quoted}}}\neval:\n  sample_prompts: [{quoted}]\n"
        f"report:\n  run_name: {quoted}\n"
    )
    (own / "evil.yaml").write_text(preset)
    (own / "gone.yaml").write_text(
        f"extends: demo\nmodel:\n  model_name_or_path: {in_yaml('./' + HOSTILE)}\n"
    )
    broken = own / "broken.yaml"
    broken.write_text(f"extends: demo\n{quoted}: {quoted}\ntrain: {{{quoted}: 1, max_length: {quoted}}}\n")
    _run(path, EVIL, HOSTILE)
    _run(path, NAMED_RUN, HOSTILE)
    _run(path, GOOD, "calm")
    return Home(path, rows, _trainer_state(work), _log(work), broken)


def in_yaml(text: str) -> str:
    """A text as YAML writes it in ASCII."""
    return '"' + "".join(one if one.isalnum() else f"\\U{ord(one):08X}" for one in text) + '"'


def _run(home: Path, run_id: str, words: str) -> None:
    run = RunDirectory(runs_folder(home) / run_id)
    (run.path / "requests").mkdir(parents=True)
    files.dump(files.load("evil" if words == HOSTILE else "demo", home).preset, run.preset)
    keys = ("argv", "host", "python", "driver", "git_commit", "name", "engine", "device")
    record = dict.fromkeys(keys, words) | {"versions": {words: words}, "gpu": {"name": words, "uuid": words}}
    write_json(run.run, {**record, "id": words, "created_at": 1.7e9})
    ledger = {"train_rows": 8, "eval_rows": 2, words: 3, "shapes": {words: 2}}
    add(
        run,
        phase("training", detail=words),
        plan(method=words, device=words, dtype=words, ledger=ledger, model=words),
    )
    events: list[Event] = [step(n, 3.0 - n / 30) for n in range(1, 60)]
    events += [evaluation(n, 2.0 + n / 40, words) for n in range(10, 60, 10)]
    events += [evaluation(n, 2.0 + n / 40) for n in range(10, 60, 10)]
    events += [
        {"type": "metrics", "step": 20, "values": {words: 1.0}},
        {
            "type": "answers",
            "step": 50,
            "n": 8,
            "exact": 2,
            "ended": 8,
            "fields": {words: 3},
            "rows": [True] * 8,
        },
        {"type": "sample", "step": 50, "prompt_id": 0, "prompt": words, "text": words, "expected": words},
        {"type": "warning", "message": words},
        {"type": "checkpoint", "step": 50, "path": words, "name": words},
        {"type": "error", "class": words, "message": words, "hint": words},
        {"type": "end", "status": "failed", "reason": words, "saved": words},
    ]
    add(run, *events)
    state = {
        "phase": "failed",
        "reason": words,
        "hint": words,
        "step": 59,
        "total_steps": 100,
        "verdict": words,
    }
    write_json(run.state, {**state, "name": words, "answers": words, "severity": 2})
    # After a carriage return a line is written anew.
    run.console.write_text(f"\x1b[32mloading\x1b[0m\n{words}\n".replace("\r", "") * 30, encoding="utf-8")


def _trainer_state(work: Path) -> Path:
    folder = work / f"foreign {NAMED}"
    folder.mkdir()
    log = [{"step": n, "epoch": n / 10, "loss": 3 - n / 50, HOSTILE: 0.5} for n in range(1, 41)]
    log += [
        {"step": n, "epoch": n / 10, "eval_loss": 2 + n / 50, f"eval_{HOSTILE}_loss": 1.0}
        for n in range(5, 41, 5)
    ]
    state = {"global_step": 40, "max_steps": 40, "log_history": log, "best_model_checkpoint": HOSTILE}
    (folder / "trainer_state.json").write_text(json.dumps(state))
    return folder


def _log(work: Path) -> Path:
    path = work / f"train {NAMED}.log"
    lines = [f"{HOSTILE} {{'loss': {3 - n / 50}, 'epoch': {n / 10}, {HOSTILE!r}: 1.0}}" for n in range(1, 41)]
    path.write_text("\n".join([HOSTILE, *lines]), encoding="utf-8")
    return path


def environment(**more: str) -> dict[str, str]:
    """What a verb is started with, without a width of this terminal."""
    return {**os.environ, "COLUMNS": "100", **more}


def harmless(text: str, where: object) -> None:
    """Nothing in it that a terminal obeys but colours, and nothing that cannot be seen."""
    left = COLOUR.sub("", text)
    assert "\x1b" not in left, (where, left)
    found = UNSEEN.search(left)
    assert found is None, (where, found, left)
