"""A pipe where a file belongs: a reader that opened one would wait for its other end for ever."""

from __future__ import annotations

import os

import pytest

from runner.store.directory import RunDirectory
from tests.faults.scene import Scene, kept, processes, run_verb
from tests.tui.conftest import running, screen_text, until
from tui.widgets.run_list import RunList

FILES = (
    "run.json",
    "state.json",
    "events.jsonl",
    "system.jsonl",
    "rows.jsonl",
    "console.log",
    "preset.yaml",
    "replan.json",
    "lock",
    "trainer.lock",
    "report.md",
)
READING = ("ls", "status", "show {}", "show {} --json", "diagnose {}", "compare {} {}", "clean", "queue")
DOING = ("report {}", "presets new mine --from {}", "stop {}", "resume {} --detach")


def in_place_of(run: RunDirectory, name: str) -> None:
    path = run.path / name
    path.unlink(missing_ok=True)
    os.mkfifo(path)


@pytest.mark.parametrize("name", FILES)
@pytest.mark.fault("a pipe lies in place of {name}", "every verb ends, with words; no process is left over")
def test_verbs_of_a_run_with_a_pipe(dead: RunDirectory, scene: Scene, name: str) -> None:
    in_place_of(dead, name)
    for verb in (*READING, *DOING):
        done = run_verb(*(part.format(dead.id) for part in verb.split()))
        assert done.returncode in (0, 1, 2), (verb, done.stdout, done.stderr)
        assert "Traceback" not in done.stderr, (verb, done.stderr)


@pytest.mark.fault("a run of every kind of pipe lies in the store", "the others are listed and shown as ever")
async def test_the_screen_with_pipes_in_the_store(dead: RunDirectory, scene: Scene) -> None:
    whole = scene.start()
    for name in FILES:
        in_place_of(dead, name)
    before = kept(whole)
    async with running((120, 40)) as (app, pilot):
        await until(pilot, lambda: len(app.main.query_one(RunList).listed) == 2)
        for key in ("down", "up", "v", "escape", "g", "escape"):
            await pilot.press(key)
        await until(pilot, lambda: "finished" in screen_text(pilot), 40)
    assert kept(whole)[0].keys() >= before[0].keys()
    assert processes(whole)
