"""Secrets on their other ways out: real training, the form, the doctor, the look at the data, alerts, a probe."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from runner.check import xray
from runner.check.probe import probe
from runner.check.records import PROBES
from runner.config import AlertSettings
from runner.preset import files
from runner.redaction.token_shapes import BLOT
from runner.store.directory import list_runs
from runner.supervision.alerts import Alert, send
from tests.conftest import wait_for
from tests.faults.scene import Scene, events, finished, over, run_verb
from tests.faults.secrets import ESCAPED, KEY, TOKEN, Secret, holders
from tests.train.small_runs import chat, write_rows
from tests.tui.conftest import shows, until
from tests.tui.test_editor import editing, go_to, looked_at, mine  # noqa: F401

STEPS = 2
SMALL = (
    f"train.max_steps={STEPS}",
    "eval.eval_steps=1",
    "eval.sample_max_new_tokens=4",
    "eval.answer_rows=2",
    "output.save_steps=1",
    "report.report_to=[tensorboard]",
)
SECRETS = {"HF_TOKEN": TOKEN, "WANDB_API_KEY": KEY, "MY_DB_PASSWORD": ESCAPED, "MY_PASSWORD": "training"}


@pytest.fixture
def rows(tmp_path: Path) -> Path:
    """Rows in which a person wrote secrets down."""
    said = [f"{value}, what is it for ({number})?" for number in range(20) for value in SECRETS.values()]
    return write_rows(tmp_path / "rows.jsonl", (chat(text, f"For {text}") for text in said))


@pytest.mark.slow
@pytest.mark.fault(
    "tokens, a password and a common word are in the environment of a real training, and in its rows",
    "it finishes; no byte of the run's files holds one, archives' members included",
)
def test_a_real_training(scene: Scene, secret: Secret, rows: Path) -> None:
    for name, value in SECRETS.items():
        secret(name, value)
    overrides = (*SMALL, f"data.train_dataset={rows}", "data.eval_dataset=null", "data.eval_fraction=0.4")
    run = scene.start(trainer="runner.train", overrides=overrides)
    over(run, 250)
    finished(run, STEPS)
    assert events(run, "sample")
    assert any(BLOT in sample["prompt"] for sample in events(run, "sample"))
    written = {path.name.partition(".")[0] for path in run.path.rglob("*") if path.is_file()}
    assert {"adapter_config", "trainer_state", "optimizer", "events", "README", "report"} <= written
    assert list(run.path.rglob("events.out.tfevents.*"))
    for value in (TOKEN, KEY, ESCAPED):
        assert holders(run.path, value) == []
    assert "training" not in run.console.read_text(encoding="utf-8")
    assert not list(run.path.rglob("training_args.bin"))


@pytest.mark.fault(
    "a token is typed into the form", "said at the setting, without it; it cannot be launched; no run is made"
)
async def test_the_form(secret: Secret, mine: Path, home: Path) -> None:  # noqa: F811
    secret("OUR_KEY", "of-no-known-shape-7")
    async with editing("mine") as (app, pilot, editor):
        await go_to(pilot, "run_name")
        await pilot.press("enter", *"of-no-known-shape-7")
        await shows(pilot, "report.run_name", "holds the value of OUR_KEY")
        assert editor.assessment is None or editor.draft.problems()
        assert "of-no-known-shape-7" not in str(editor.draft.problems())
        await pilot.press("escape")
        await until(pilot, lambda: app.screen is editor)
    assert list_runs(home) == []


@pytest.mark.parametrize("name", ["HF_PAT", "WANDB_KEY", "HF_AUTH", "WANDB_DSN", "HF_HOME"])
@pytest.mark.fault("`ftui doctor` with a secret in {name}", "the variable is named, its value is not shown")
def test_the_doctor(scene: Scene, name: str) -> None:
    value = f"/data/{TOKEN}/hub" if name == "HF_HOME" else ".of-no-known-shape"
    more = {
        name: value,
        "HTTPS_PROXY": "http://me:pa55word-of-mine@proxy:3128",
        "TORCH_X": "pa55word-of-mine",
    }
    page = run_verb("doctor", env={**os.environ, **more}, seconds=250).stdout
    assert f"{name}=" in page
    assert "TORCH_X=" + BLOT in page
    assert not any(one in page for one in (".of-no-known-shape", TOKEN, "pa55word-of-mine"))


@pytest.mark.fault(
    "a password is a key of the X-ray's report", "the report is read, and is what it is without that"
)
def test_the_xray(home: Path, secret: Secret) -> None:
    preset = files.load("demo", home, ("data.max_train_samples=50",)).preset
    secret("MY_PASSWORD", "train_rows")
    secret("OUR_KEY", "chat messages")
    report = xray.complete(preset, home)
    assert (report.complete, report.problem) == (True, "")
    assert report.train_rows > 0
    assert any("chat messages" in source.formats for source in report.sources)


@pytest.mark.fault(
    "the path of a model that cannot be read holds a password, in a probe",
    "its console and its reason do not hold it",
)
def test_a_probe(home: Path, tmp_path: Path, secret: Secret) -> None:
    secret("OUR_API_KEY", "s3cr3t-in-a-path")
    model = tmp_path / "s3cr3t-in-a-path"
    model.mkdir()
    preset = files.load("demo", home, (f"model.model_name_or_path={model}",)).preset
    found = probe(preset, home, None, lambda phase: None)
    assert found.problem
    assert "s3cr3t" not in found.problem
    (folder,) = (home / PROBES).iterdir()
    assert "Traceback" in (folder / "console.log").read_text()
    # What is to be measured has to be named.
    assert holders(folder, "s3cr3t-in-a-path") == ["preset.yaml"]


@pytest.mark.parametrize("ends", ["exit 3", "exec sleep 60"])
@pytest.mark.fault(
    "the command for alerts, with a password in it, fails: {ends}", "a warning says so without the command"
)
def test_an_alert(monkeypatch: pytest.MonkeyPatch, ends: str) -> None:
    monkeypatch.setattr("runner.supervision.alerts.SECONDS", 0.2)
    said: list[str] = []
    send(
        Alert("failed", "a-run", "a-run failed", "It failed."),
        AlertSettings(command=("sh", "-c", ends, "--token", "of-no-known-shape-7")),
        said.append,
    )
    wait_for(lambda: said, 30, "it is told that the alert was not delivered")
    assert "did not reach its command" in said[0]
    assert "of-no-known-shape-7" not in said[0]
