"""Secrets in reach of a run: none is written into a record, and none keeps a run from going on."""

from __future__ import annotations

import sys

import pytest

from runner.preset import files
from runner.redaction.token_shapes import BLOT
from runner.store.directory import RunDirectory, list_runs, read_json
from runner.store.events import Phase
from tests.faults.scene import (
    Scene,
    events,
    finished,
    ftui,
    goes_on,
    kept,
    kill,
    nothing_lost,
    over,
    processes,
    shown,
)
from tests.faults.secrets import ESCAPED, TOKEN, Secret, holders, pieces

TELLING = "tests.faults.telling_trainer"
INSTEAD = "A run gets tokens from its environment"


def told(run: RunDirectory) -> list[str]:
    """What the trainer said in the texts of its events, as Python reads them, and on its console."""
    texts = [run.console.read_text(encoding="utf-8")]
    texts += [event["message"] for event in events(run, "warning") if event["id"] == "training"]
    texts += [event[key] for event in events(run, "sample") for key in ("prompt", "text")]
    for event in events(run, "effective"):
        texts += [event["arguments"]["token_of"], *event["arguments"]["all"]]
    assert len(texts) > 10
    return texts


@pytest.mark.parametrize(
    "word", ["training", "finished", "checkpoint", "checkpoints", "evaluating", "Infinity"]
)
@pytest.mark.fault(
    "a password is a word of the protocol: {word}",
    "the run finishes, and is listed so; no text for people holds it",
)
def test_a_word_of_the_protocol(scene: Scene, secret: Secret, word: str) -> None:
    secret("MY_PASSWORD", word)
    run = scene.start(trainer=TELLING)
    finished(run)
    nothing_lost(run, *kept(run))
    phases = {event["phase"] for event in events(run, "phase")}
    assert phases == {"loading model", "evaluating", "training", "saving", "finished"}
    assert [event["path"] for event in events(run, "checkpoint")] == [
        f"checkpoints/checkpoint-{step}" for step in (4, 8, 12)
    ]
    assert [text for text in told(run) if word in text] == []
    assert BLOT in run.console.read_text(encoding="utf-8")


@pytest.mark.fault(
    "kill -9 of both, and a password is in the path of the checkpoints", "it goes on from its last checkpoint"
)
def test_going_on_with_such_a_word(scene: Scene, secret: Secret) -> None:
    secret("MY_PASSWORD", "checkpoints")
    secret("MY_SECRET", "finished")
    run = scene.start("training")
    for pid in processes(run).values():
        kill(pid)
    scene.release()
    goes_on(run, 4)


@pytest.mark.parametrize(
    "name",
    ["OUR_KEY", "GITLAB_PAT", "MYSQL_PWD", "REDIS_AUTH", "SENTRY_DSN", "MY_CREDS", "SSHPASS"],
)
@pytest.mark.fault("the trainer prints and logs what {name} holds", "no file of the run holds it")
def test_names(scene: Scene, secret: Secret, name: str) -> None:
    secret(name, "of-no-known-shape-7")
    run = scene.start(trainer=TELLING)
    finished(run)
    assert holders(run.path, "of-no-known-shape-7") == []
    assert len(told(run)) == sum(BLOT in text for text in told(run))


@pytest.mark.parametrize("value", [ESCAPED, ".begins-with-a-dot", "~of-the-seas", "/sl4sh+and/more=="])
@pytest.mark.fault(
    "a password is {value}, printed as JSON, Python, an address and a shell write it",
    "no file of the run holds it",
)
def test_values(scene: Scene, secret: Secret, monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    secret("MY_DB_PASSWORD", value)
    monkeypatch.setattr(sys, "argv", ["ftui", "run", "demo", f"--note={value}"])
    run = scene.start(trainer=TELLING, crash="yes")
    over(run)
    found = shown(run)
    assert found.phase is Phase.FAILED
    assert found.reason.endswith(f"no connection with {BLOT}"), found
    assert f"--note={BLOT}" in read_json(run.run)["argv"]
    assert holders(run.path, value) == []


@pytest.mark.fault(
    "a password is the number of a run's tokens", "numbers stay numbers; no text for people holds it"
)
def test_a_number(scene: Scene, secret: Secret) -> None:
    secret("MY_PASSWORD", "12345678")
    run = scene.start(trainer=TELLING)
    finished(run)
    assert [text for text in told(run) if "12345678" in text] == []
    assert {event["rss_mib"] for event in events(run, "memory")} == {12345678}


PRESETS = {
    "a token": f"report: {{run_name: {TOKEN}}}",
    "a token in its description": f"description: made with {TOKEN} in spring",
    "what a variable holds": "eval: {sample_prompts: [a, 'of-no-known-shape-7']}",
    "an address with a password": "data: {train_dataset: 'https://me:pa55word@host.example.org/a.jsonl'}",
    "a token where a number belongs": f"train: {{learning_rate: {TOKEN}}}",
    "a token in place of a key": f"report: {{{TOKEN}: 1}}",
    "a token in a preset it extends": "extends: ./theirs.yaml",
}


@pytest.mark.parametrize("what", PRESETS)
@pytest.mark.fault(
    "a preset holds {what}", "refused in two lines that do not tell it; no run is made; the file stays"
)
def test_a_preset(scene: Scene, secret: Secret, what: str) -> None:
    secret("OUR_KEY", "of-no-known-shape-7")
    folder = files.own_folder(scene.home)
    folder.mkdir(parents=True)
    path = folder / "mine.yaml"
    text = PRESETS[what] + "\n" + ("" if "extends" in PRESETS[what] else "extends: demo\n")
    path.write_text(text)
    (folder / "theirs.yaml").write_text(f"extends: demo\n{PRESETS['a token']}\n")
    for verb in (("check",), ("run", "--detach")):
        refused(ftui(verb[0], "mine", *verb[1:], code=1))
    assert list_runs(scene.home) == []
    assert path.read_text() == text


def refused(said: str) -> None:
    """Where and which setting, and what to do; not what it holds."""
    lines = said.strip().splitlines()
    assert len(lines) == 2, said
    assert ": holds " in lines[0]
    assert INSTEAD in lines[1]
    assert not any(value in said for value in (TOKEN, "of-no-known-shape-7", "pa55word", "a-pass phrase"))


OVERRIDES = {
    "a token": f"report.run_name={TOKEN}",
    "a token as its key": f"{TOKEN}=1",
    "what a variable holds, in a list": 'eval.sample_prompts=["a-pass phrase"]',
    "an address with a password": "data.train_dataset=https://me:pa55word@host.example.org/a.jsonl",
    "what is no YAML, with a token": f"report.run_name=[{TOKEN}",
}


@pytest.mark.parametrize("what", OVERRIDES)
@pytest.mark.fault("--set is given {what}", "refused in two lines that do not tell it; nothing is written")
def test_an_override(scene: Scene, secret: Secret, what: str) -> None:
    secret("MY_PASSPHRASE", "a-pass phrase")
    for verb in (("check",), ("run", "--detach"), ("queue", "add")):
        refused(ftui(*verb, "demo", "--set", OVERRIDES[what], code=1))
    refused(ftui("presets", "new", "mine", "--from", "demo", "--set", OVERRIDES[what], code=1))
    assert [name for name, _ in pieces(scene.home)] == []
