"""From a keystroke in the workbench to the updated advice: `python -m tests.benchmarks.keystroke`.

A preset with a data file of 10,000 rows whose X-ray is complete. In the real app, without a terminal, digits are typed
into a number; the clock starts when the key is pressed and stops when the assessment of the new value is on the screen.
Given in milliseconds, and as a ratio to how long the app takes to move the cursor.
"""

from __future__ import annotations

import asyncio
import json
import os
import statistics
import tempfile
import time
from pathlib import Path

from textual import events
from textual.widgets import Input

from runner.check import xray
from runner.preset import files
from tests.tui.conftest import has_looked_at_data, running, until
from tui.screens.editor import EditorScreen
from tui.widgets.advice_panel import AdvicePanel
from tui.widgets.preset_list import PresetList

ROWS = 10_000
KEYS = 200
POLL_SECONDS = 0.001


def write_rows(path: Path, rows: int) -> None:
    """Chat rows of different lengths, none like another."""
    with path.open("w", encoding="utf-8") as stream:
        for number in range(rows):
            answer = " ".join(f"lamp {number * 7 + i}" for i in range(3 + number % 11))
            turns = [{"role": "user", "content": f"Row {number}"}, {"role": "assistant", "content": answer}]
            stream.write(json.dumps({"messages": turns}) + "\n")


async def measure(home: Path) -> tuple[list[float], list[float]]:
    """(seconds from key to advice, seconds to move the cursor), one entry a key."""
    advice, idle = [], []
    async with running((120, 40)) as (app, pilot):
        presets = app.main.query_one(PresetList)
        await until(pilot, lambda: presets.option_count)
        presets.focus()
        presets.highlighted = [card.name for card in app.main.cards].index("bench")
        await pilot.press("e")
        await until(pilot, lambda: isinstance(app.screen, EditorScreen) and app.screen.assessment)
        editor = app.screen
        assert isinstance(editor, EditorScreen)
        await until(
            pilot,
            lambda: has_looked_at_data(app),
        )
        await pilot.press("slash", *"gradient_acc", "enter", "enter", "backspace", "1")
        panel, value = editor.query_one(AdvicePanel), editor.query_one("#value", Input)
        for number in range(KEYS):
            key = "backspace" if number % 2 else str(1 + number // 2 % 9)
            wanted = int((value.value[:-1] or "0") if key == "backspace" else value.value + key)
            started = time.perf_counter()
            app.post_message(events.Key(key, key if key != "backspace" else None))
            while panel.assessment is None or steps(panel) != (wanted or 4):
                await asyncio.sleep(POLL_SECONDS)
            app.screen._compositor.render_strips()
            advice.append(time.perf_counter() - started)
            place = value.cursor_position
            started = time.perf_counter()
            app.post_message(events.Key("left", None))
            while value.cursor_position == place:
                await asyncio.sleep(POLL_SECONDS)
            app.screen._compositor.render_strips()
            idle.append(time.perf_counter() - started)
            value.cursor_position = len(value.value)
    return advice, idle


def steps(panel: AdvicePanel) -> int:
    """The accumulation the panel speaks of."""
    assert panel.assessment is not None
    return panel.assessment.preset.train.gradient_accumulation_steps


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        os.environ["FTUI_HOME"] = folder
        own = files.own_folder(home)
        own.mkdir(parents=True)
        write_rows(own / "rows.jsonl", ROWS)
        (own / "bench.yaml").write_text(
            "extends: demo\ndata:\n  train_dataset: ./rows.jsonl\n", encoding="utf-8"
        )
        report = xray.complete(files.load("bench", home).preset, home)
        advice, idle = asyncio.run(measure(home))
    p95 = statistics.quantiles(advice, n=20)[-1]
    floor = statistics.median(idle)
    print(
        json.dumps(
            {
                "rows": report.rows_read,
                "keys": len(advice),
                "median_ms": round(1000 * statistics.median(advice), 1),
                "p95_ms": round(1000 * p95, 1),
                "cursor_key_ms": round(1000 * floor, 1),
                "ratio_p95_to_cursor": round(p95 / floor, 2),
                "cpus": os.cpu_count(),
            }
        )
    )


if __name__ == "__main__":
    main()
