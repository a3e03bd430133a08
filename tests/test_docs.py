"""What README and docs say is so: links lead somewhere, commands and settings are there, examples work."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from click.testing import CliRunner
from ruamel.yaml import YAML

from runner.config import Config
from runner.insight.lint import RULES
from runner.preset import document, files
from tests import make_reference
from tests.faults.table import RESULTS
from tests.pages import (
    ROOT,
    Block,
    anchors,
    blocks,
    command_problem,
    commands,
    guides,
    key_problems,
    link_problems,
    pages,
)
from tui.cli import cli

README = ROOT / "README.md"
MOST_LINES = 150
GUIDES = [pytest.param(page, id=str(page.relative_to(ROOT))) for page in guides()]
ALL = [pytest.param(page, id=str(page.relative_to(ROOT))) for page in pages()]


def read(page: Path) -> str:
    return page.read_text(encoding="utf-8")


@pytest.mark.parametrize("page", ALL)
def test_links_lead_somewhere(page: Path) -> None:
    assert list(link_problems(page, read(page))) == []


@pytest.mark.parametrize("page", GUIDES)
def test_commands_are_there(page: Path) -> None:
    assert [found for line, whole in commands(read(page)) if (found := command_problem(line, whole))] == []


@pytest.mark.parametrize("page", GUIDES)
def test_settings_are_there(page: Path) -> None:
    assert list(key_problems(read(page))) == []


def examples(language: str) -> list[Block]:
    return [block for page in guides() for block in blocks(read(page)) if block.language == language]


@pytest.mark.parametrize("block", examples("yaml"), ids=lambda block: block.text[:30].split("\n")[0])
def test_examples_of_files_are_valid(block: Block, tmp_path: Path) -> None:
    values = document.plain(document.load(block.text))
    if "alerts" in values:
        assert Config.model_validate(values).alerts.on
        return
    own = files.own_folder(tmp_path)
    own.mkdir()
    more = "" if "extends" in values else "extends: qlora-quickstart\n"
    (own / "example.yaml").write_text(more + block.text)
    assert ".jsonl" in str(files.load("example", tmp_path).preset.data.train_dataset)


SESSIONS = [block for page in guides() for block in blocks(read(page)) if block.is_session]


@pytest.mark.parametrize("block", SESSIONS, ids=lambda block: block.text.split("\n")[0])
def test_what_is_shown_as_printed_is_printed(
    block: Block, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FTUI_HOME", str(tmp_path / "home"))
    Path("my_log.csv").write_text("batch,nll\n" + "".join(f"{n},{2 - n / 100}\n" for n in range(1, 50)))
    line, _, shown = block.text.strip().partition("\n")
    done = CliRunner().invoke(cli, line.removeprefix("$ ftui ").split())
    assert done.output.replace(f"{tmp_path}/", "").strip() == shown.strip()


def test_there_is_something_to_check() -> None:
    text = "".join(map(read, guides()))
    assert len(list(commands(text))) > 100
    assert len(examples("yaml")) >= 4
    assert len(SESSIONS) == 3
    assert len(re.findall(r"!\[", text)) > 10


def test_the_readme_is_short() -> None:
    assert len(read(README).splitlines()) <= MOST_LINES


def test_every_page_is_reached_from_the_readme() -> None:
    reached, left = set(), [README]
    while left:
        page = left.pop()
        if page not in reached and page.suffix == ".md" and page.is_file():
            reached.add(page)
            left += [(page.parent / one).resolve() for one in re.findall(r"\]\(([^)#\s]+)", read(page))]
    assert {page for page in guides() if page.parent == ROOT / "docs"} <= reached


def test_numbers_of_the_readme_are_those_of_now() -> None:
    text = read(README)
    assert f"[{len(RULES)} rules]" in text
    faults = re.search(r"^(\d+) faults", read(RESULTS), re.MULTILINE)
    assert faults is not None
    assert f"[{faults[1]} faults]" in text


@pytest.mark.parametrize("name", make_reference.files())
def test_the_reference_is_that_of_now(name: str) -> None:
    assert read(ROOT / "docs" / name) == make_reference.files()[name], f"docs/{name} is stale: make reference"


def test_every_python_that_is_supported_is_tried() -> None:
    workflow = YAML(typ="safe").load(ROOT / ".github" / "workflows" / "ci.yml")
    (job,) = workflow["jobs"].values()
    tried = job["strategy"]["matrix"]["python"]
    assert f'requires-python = ">={tried[0]}"' in read(ROOT / "pyproject.toml")
    assert tried == sorted(tried, key=lambda version: int(version.partition(".")[2]))
    assert any(step.get("run") == ".ci/run" for step in job["steps"])


class TestThatTheyCanFail:
    @pytest.mark.parametrize(
        "text",
        ["[a](docs/no-such.md)", "![a](no.png)", "[a](docs/presets.md#no-heading)", "[a](#no)\n\n# yes"],
    )
    def test_a_link_that_leads_nowhere(self, text: str) -> None:
        assert len(list(link_problems(README, text))) == 1

    def test_links_that_lead_somewhere_or_are_none(self) -> None:
        text = "[a](docs/presets.md#out-of-memory) [b](https://example.org/x.md) `[c](no.md)`\n\n    [d](no.md)\n"
        assert list(link_problems(README, text)) == []

    @pytest.mark.parametrize(
        "line",
        [
            "ftui rnu demo",
            "ftui run demo --no-such",
            "ftui queue mvoe 7f3a first",
            "ftui queue move 7f3a",
            "ftui ask dance last",
            "ftui check demo --free-gib much",
            "ftui presets diff demo",
            "ftui presets demo --no-such",
        ],
    )
    def test_a_command_that_would_be_refused(self, line: str) -> None:
        assert line in command_problem(line)

    @pytest.mark.parametrize(
        "line",
        ["ftui", "ftui presets demo", "ftui --help", "ftui queue add a b --set x.y=1", "ftui VERB --help"],
    )
    def test_a_command_that_would_not(self, line: str) -> None:
        assert command_problem(line) == ""

    def test_arguments_may_be_left_out_in_prose_alone(self) -> None:
        assert command_problem("ftui ask")
        assert command_problem("ftui ask", whole=False) == ""

    def test_commands_are_found(self) -> None:
        text = (
            "Use `ftui ls` and `ftui.py`.\n\n    ftui run demo   # ftui x\n    ftui a, ftui b\n"
            "    '#(ftui status)'\n\n```text\nftui [OPTIONS] X\n.venv/bin/ftui stop 1\n```\n"
        )
        assert sorted(commands(text)) == [
            ("ftui a", True),
            ("ftui b", True),
            ("ftui ls", False),
            ("ftui run demo", True),
            ("ftui status", True),
            ("ftui stop 1", True),
        ]

    def test_a_setting_that_is_not_there(self) -> None:
        text = "train.lr and `lora.rank`, train.log, data.mix, runner/train.py, eval.budget"
        assert list(key_problems(text)) == ["there is no setting train.lr", "there is no setting lora.rank"]

    def test_anchors_are_those_of_the_forges(self) -> None:
        text = "# A `b`: c_d!\n## E\n## E\n```text\n# no\n```\n## [F](x.md) g\n"
        assert anchors(text) == {"a-b-c_d", "e", "e-1", "f-g"}
