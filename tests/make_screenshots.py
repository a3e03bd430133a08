"""The pictures of the README, from recorded real runs: `python -m tests.make_screenshots screenshots`."""

from __future__ import annotations

import asyncio
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import cairosvg

from runner.preset import files
from runner.queue import tickets
from runner.queue.tickets import Ticket
from runner.store import directory, locks
from runner.store.directory import RunDirectory
from runner.store.events import Phase
from tests.benchmarks.keystroke import write_rows
from tests.data.record import FOLDER
from tests.gpu.shapes import QWEN3_8B
from tests.tui.conftest import HEALTHY, OVERFIT, has_looked_at_data, running, shows, until
from tui.widgets.preset_list import PresetList

RECORDED = "20261124-070000-demo-overfit-0003"
SHORTER = "20261124-071000-demo-overfit-0004"

# The exported picture names fonts on a server; a picture in a repository should load nothing.
REMOTE_FONTS = re.compile(r"@font-face\s*\{.*?\}", re.DOTALL)


async def picture(folder: Path, name: str, size: tuple[int, int], keys: tuple[str, ...], *words: str) -> None:
    """One screen after some keys, once these words are on it, as SVG and PNG."""
    async with running(size) as (app, pilot):
        await shows(pilot, "Verdict", "qlora")
        for key in keys:
            await pilot.press(key)
        await shows(pilot, *words)
        await pilot.pause(0.5)
        save(folder, name, app.export_screenshot(title="ftui"))


def save(folder: Path, name: str, picture: str) -> None:
    """Write a screen as SVG and PNG."""
    svg = REMOTE_FONTS.sub("", picture).replace("Fira Code", "DejaVu Sans Mono")
    svg = svg.replace("<svg ", '<svg xml:space="preserve" ', 1)
    (folder / f"{name}.svg").write_text(svg, encoding="utf-8")
    # rsvg-convert looks for braille and box signs in other fonts; cairosvg draws boxes for those a font lacks.
    source, target = folder / f"{name}.svg", folder / f"{name}.png"
    if shutil.which("rsvg-convert"):
        subprocess.run(["rsvg-convert", "-w", "1400", "-o", target, source], check=True)
    else:
        cairosvg.svg2png(bytestring=svg.encode(), write_to=str(target), output_width=1400)
    print(target)


def write_preset(home: Path) -> None:
    """A preset for an 8 B model of which only config.json and a tokenizer are here, with rows of different lengths."""
    model = home / "qwen3-8b"
    shutil.copytree(files.shipped_folder() / "demo" / "model", model)
    (model / "config.json").write_text(json.dumps({**QWEN3_8B, "model_type": "qwen3"}), encoding="utf-8")
    own = files.own_folder(home)
    own.mkdir(parents=True, exist_ok=True)
    rows = own / "chats.jsonl"
    write_rows(rows, 3000)
    with rows.open("a", encoding="utf-8") as stream:
        long = [{"role": "user", "content": "Tell it all."}, {"role": "assistant", "content": "lamp " * 3000}]
        stream.write(
            json.dumps({"messages": long}) + "\n" + rows.read_text(encoding="utf-8").splitlines()[6] + "\n"
        )
    (own / "our-chats.yaml").write_text(
        "extends: qlora-8b-24gb\ndescription: Our support chats.\nmodel:\n"
        f"  model_name_or_path: {model}\ndata:\n  train_dataset: ./chats.jsonl\n"
        "train:\n  per_device_train_batch_size: 8\n  num_train_epochs: 6     # the boss wants six\n",
        encoding="utf-8",
    )


async def workbench(
    folder: Path, name: str, size: tuple[int, int], keys: tuple[str, ...], *words: str
) -> None:
    """The preset opened for an RTX 4090, once its data are looked at, after some more keys."""
    async with running(size) as (app, pilot):
        presets = app.main.query_one(PresetList)
        await until(pilot, lambda: presets.option_count)
        presets.focus()
        presets.highlighted = [card.name for card in app.main.cards].index("our-chats")
        await pilot.press("e")
        await until(
            pilot,
            lambda: has_looked_at_data(app),
            60,
        )
        await pilot.press("g", *"4090", "enter", "slash", *"num_train", "enter", *keys)
        await shows(pilot, *words)
        await pilot.pause(0.5)
        save(folder, name, app.export_screenshot(title="ftui"))


WAITING = (
    ("qlora-8b-24gb-5e-5", 18_600, "it needs 18.2 GiB, and 9.8 are free on RTX 4090"),
    ("qlora-8b-24gb-1e-4", 18_600, "it comes after 20261124-120000-qlora-8b-24gb-5e-5-0000"),
    ("qlora-8b-24gb-2e-4", 18_600, "it comes after 20261124-120000-qlora-8b-24gb-5e-5-0000"),
    ("our-chats", 9_300, "paused: `ftui queue start 20261124-120003-our-chats-0003`"),
)


def write_queue(home: Path) -> list[int | None]:
    """Runs that wait; the locks that make them living."""
    held = []
    for place, (name, need, why) in enumerate(WAITING, 1):
        run = RunDirectory(directory.runs_folder(home) / f"20261124-12000{place - 1}-{name}-000{place - 1}")
        run.path.mkdir(parents=True)
        tickets.write_ticket(run, Ticket(place, None, need, paused=why.startswith("paused")))
        tickets.say(run, Phase.QUEUED, why, place=place)
        held.append(locks.take(run.lock))
    return held


async def main(folder: Path) -> None:
    folder.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as home:
        os.environ["FTUI_HOME"] = home
        for run in (OVERFIT, HEALTHY):
            shutil.copytree(FOLDER / run, directory.runs_folder(Path(home)) / run)
        await picture(folder, "overfitting", (120, 40), (), "OVERFITTING since step 48")
        await picture(folder, "healthy", (120, 40), ("down",), "Verdict: healthy")
        await picture(folder, "launch", (120, 40), ("tab", "l"), "Launch demo")
        await picture(folder, "help", (120, 40), ("question_mark",), "Launch the chosen preset")
        await picture(folder, "small", (80, 24), (), "OVERFITTING since step 48")
        # Newer recordings, with the losses of single rows and answers.
        for run in (RECORDED, SHORTER):
            shutil.copytree(
                FOLDER / run, directory.runs_folder(Path(home)) / run.replace("20261124-07", "20261124-11")
            )
        await picture(
            folder, "evidence", (120, 40), ("down", "v"), "rows that got worse", "change since the best"
        )
        await picture(folder, "answers", (120, 40), ("down", "a"), "answers at step", "expected")
        await picture(folder, "compare", (120, 40), ("c",), "held-out rows", "setting that differs")
        held = write_queue(Path(home))
        await picture(folder, "queue", (120, 40), ("end", "w"), "it needs 18.2 GiB")
        assert None not in held
        write_preset(Path(home))
        await workbench(folder, "workbench", (120, 40), (), "free on RTX 4090", "6 epochs")
        await workbench(folder, "batch", (120, 40), ("b",), "Effective batch", "fits")
        await workbench(folder, "data", (120, 40), ("v",), "to train on", "train row 1", "<|im_start|>")
        await workbench(folder, "workbench-small", (80, 24), (), "warning")


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
