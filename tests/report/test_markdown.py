"""report.md: valid Markdown whatever the run left behind."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from runner.report import write
from runner.store.directory import RunDirectory, write_json
from runner.store.events import Phase
from tests.conftest import wait_for
from tests.run.conftest import Scripted, scripted  # noqa: F401 - a fixture
from tests.run.scenes import (
    Event,
    add,
    end,
    evaluation,
    made_run,
    overfitting,
    phase,
    plan,
    scripted_lines,
    step,
)
from tests.run.test_supervise import over
from tui.cli import cli

NASTY = "a|b\nc\r\nd\x1b[31me\x1b]0;title\x07f\x9bg`h\u2028i<b>|"
CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f]")


def cells(row: str) -> int:
    """How many cells a row of a table has: bars that are not escaped part them."""
    return len(re.findall(r"(?<!\\)\|", row)) - 1


def check(text: str) -> None:
    """Nothing a terminal would obey, and every table has as many cells in each row."""
    assert not CONTROL.search(text), CONTROL.findall(text)
    lines = text.split("\n")
    for at, line in enumerate(lines):
        if re.fullmatch(r"(\| --- )+\|", line.strip()) or re.fullmatch(r"\|( --- \|)+", line):
            width = cells(line)
            assert cells(lines[at - 1]) == width
            assert lines[at - 2] == ""
            body = at + 1
            while body < len(lines) and lines[body].startswith("|"):
                assert cells(lines[body]) == width, lines[body]
                body += 1
            assert body == len(lines) or lines[body] == "", lines[body]


def report_of(run: RunDirectory) -> str:
    text = write(run).read_text(encoding="utf-8")
    check(text)
    return text


def test_an_overfit_run_has_every_part(home: Path) -> None:
    ledger = {"train_rows": 80, "eval_rows": 16, "truncated_rows": 0, "shapes": {"chat": 80}}
    events = [
        *overfitting(),
        plan(ledger=ledger, method="QLoRA", device="cpu", dtype="float32"),
        {"type": "sample", "step": 80, "prompt_id": 0, "prompt": "old", "text": "old answer"},
        {
            "type": "sample",
            "step": 90,
            "prompt_id": 0,
            "prompt": "Who?",
            "text": "<I>\nam",
            "copied": {"words": 7, "row": 3},
        },
        {"type": "end", "status": "stopped", "reason": "stopped after step 90", "saved": "adapter"},
    ]
    run = made_run(home, *events, overrides=("train.learning_rate=1e-3",))
    text = report_of(run)
    for words in (
        f"# {run.id}",
        "**OVERFITTING since step 30.**",
        "- keep checkpoint-30",
        "![loss](curve.svg)",
        "### overfitting (critical, since step 30)",
        "| step | held-out | training rows | saved |",
        "| 30 | 1.2 | 1.1 | yes |",
        "| `train.learning_rate` | `0.001` |",
        "| train rows | 80 |",
        "## Samples at step 90",
        "> Who?",
        "&lt;I> am",
        "7 words of it stand in training row 3.",
        "stopped (stopped after step 90)",
        "started 2023-11-14 22:13 UTC",
        f"Saved: `{run.path}/adapter`",
    ):
        assert words in text
    assert "old answer" not in text
    assert "truncated rows" not in text


def test_what_comes_from_data_stays_in_its_cell(home: Path) -> None:
    events = [
        phase("training"),
        plan(
            method=NASTY,
            device=NASTY,
            dtype=NASTY,
            ledger={NASTY: NASTY, "list": [NASTY], "none": None},
        ),
        *(step(i, 2 / i) for i in range(1, 5)),
        *(evaluation(i, 2 / (i + 1), NASTY) for i in range(4)),
        {
            "type": "sample",
            "step": 3,
            "prompt": NASTY,
            "text": NASTY * 200,
            "copied": {"words": NASTY, "row": NASTY},
        },
        *end("failed", NASTY),
        {"type": "end", "status": "failed", "reason": NASTY, "saved": NASTY},
    ]
    run = made_run(home, *events, overrides=("report.run_name=a|b",))
    record = {"gpu": {"name": NASTY}, "argv": NASTY, "host": NASTY, "python": NASTY, "driver": NASTY}
    write_json(run.run, {**record, "git_commit": NASTY, "versions": {NASTY: NASTY}})
    text = report_of(run)
    assert "`a\\|b`" in text
    assert "b c" in text


@pytest.mark.parametrize(
    "record",
    [
        None,
        b"",
        b"{",
        b"[]",
        b"\xff\xfe",
        b'{"created_at":1e300}',
        b'{"created_at":-1e300}',
        b'{"created_at":NaN}',
        b'{"created_at":Infinity}',
        b'{"created_at":true,"gpu":7,"versions":[1],"argv":null}',
        b'{"gpu":{},"versions":{"a":{"b":1}},"host":["x"]}',
        b'{"argv":"\\ud800"}',
    ],
)
@pytest.mark.parametrize("preset", [None, b"", b"trian: 1\n", b"\xff\x00", b"a: b: c"])
def test_broken_files_do_not_break_it(home: Path, record: bytes | None, preset: bytes | None) -> None:
    run = made_run(home, *overfitting())
    for path, content in ((run.run, record), (run.preset, preset)):
        path.unlink()
        if content is not None:
            path.write_bytes(content)
    text = report_of(run)
    assert "OVERFITTING" in text
    assert "## Settings" not in text


def test_a_run_of_which_nothing_is_left(tmp_path: Path) -> None:
    assert "too early to tell" in report_of(RunDirectory(tmp_path))


scalars: st.SearchStrategy[Any] = (
    st.none()
    | st.booleans()
    | st.integers(-5, 10**12)
    | st.floats()
    | st.text(max_size=8)
    | st.just([])
    | st.just({})
)
FIELDS = (
    *(
        "step",
        "loss",
        "set",
        "n",
        "epoch",
        "phase",
        "status",
        "reason",
        "saved",
        "text",
        "prompt",
        "prompt_id",
    ),
    *("copied", "ledger", "method", "device", "dtype", "total_steps", "steps_per_epoch", "message"),
)
events: st.SearchStrategy[Event] = st.builds(
    lambda kind, fields: {**fields, "type": kind},
    st.sampled_from(
        ["step", "eval", "phase", "plan", "checkpoint", "sample", "memory", "warning", "error", "end"]
    ),
    st.dictionaries(
        st.sampled_from(FIELDS),
        scalars
        | st.dictionaries(st.text(max_size=5), scalars, max_size=3)
        | st.sampled_from(["val", "train_probe", "general", *(phase.value for phase in Phase)]),
    ),
)


@given(st.lists(events, max_size=15))
def test_any_events_can_be_reported(tmp_path_factory: pytest.TempPathFactory, found: list[Event]) -> None:
    run = RunDirectory(tmp_path_factory.mktemp("run"))
    with run.events.open("w", encoding="utf-8") as stream:
        stream.writelines(json.dumps(event) + "\n" for event in found)
    report_of(run)


@pytest.mark.parametrize(
    ("lines", "phase"),
    [
        (scripted_lines(*overfitting(), *end("finished", "all done")), "finished"),
        ([*scripted_lines(*overfitting()), "kill 9"], "failed"),
        (["exit 1"], "failed"),
        ([*scripted_lines(*overfitting()), "until-asked"], "stopped"),
    ],
)
def test_the_supervisor_writes_it_at_every_end(
    scripted: Scripted,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
    lines: list[str],
    phase: str,
) -> None:
    secret = "hf_QpZsecretTokenOfMine1234567890"
    for name in ("HF_TOKEN", "WANDB_API_KEY", "HUGGING_FACE_HUB_TOKEN"):
        monkeypatch.setenv(name, secret)
    run = scripted(*lines, overrides=("eval.auto_stop=critical",) if phase == "stopped" else ())
    assert over(run)["phase"] == phase
    text = wait_for(lambda: run.report.exists() and run.report.read_text(encoding="utf-8"))
    assert isinstance(text, str)
    check(text)
    assert f"{phase} (" in text
    assert secret not in text
    picture = (run.path / "curve.svg").read_text(encoding="utf-8")
    assert picture.endswith("</svg>\n")
    assert secret not in picture
    assert not list(run.path.glob(".*.tmp"))


def test_it_is_written_into_any_folder(home: Path, tmp_path: Path) -> None:
    run = made_run(home, *overfitting())
    target = tmp_path / "new" / "folder"
    done = CliRunner().invoke(cli, ["report", "last", "-o", str(target)])
    assert (done.exit_code, done.output.strip()) == (0, str(target / "report.md"))
    assert sorted(path.name for path in target.iterdir()) == ["curve.svg", "report.md"]
    assert not run.report.exists()
    add(run, step(91))
    assert CliRunner().invoke(cli, ["report", run.id]).output.strip() == str(run.report)
    assert "step 91 of 100" in run.report.read_text(encoding="utf-8")


@pytest.mark.parametrize("arguments", [["nothing-like-it"], ["last", "-o", "/proc/nowhere"]])
def test_what_cannot_be_written_is_said(home: Path, arguments: list[str]) -> None:
    made_run(home, *overfitting())
    done = CliRunner().invoke(cli, ["report", *arguments])
    assert done.exit_code == 1
    assert done.output.startswith("Error: ")
    assert "Traceback" not in done.output
