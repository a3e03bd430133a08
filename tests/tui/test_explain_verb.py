"""`ftui explain`: the list, one finding with its chart, names that are nearly right, plain terminals."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest
from click.testing import CliRunner, Result

from runner.insight.explained import EXPLANATIONS, Group
from tui.cli import cli

EACH = pytest.mark.parametrize("slug", EXPLANATIONS)
BRAILLE = {chr(code) for code in range(0x2801, 0x2900)}
WIDEST = 100


def ftui(*arguments: str) -> Result:
    return CliRunner().invoke(cli, list(arguments), env={"COLUMNS": "80"})


def in_a_process(*arguments: str, **environment: str) -> bytes:
    done = subprocess.run(
        [sys.executable, "-m", "tui.cli", *arguments],
        env={**os.environ, **environment},
        capture_output=True,
        check=True,
    )
    return done.stdout


def test_the_list_has_every_finding_under_its_group() -> None:
    done = ftui("explain")
    assert done.exit_code == 0
    lines = done.output.splitlines()
    seen = {line.split()[0] for line in lines if line.startswith("  ") and not line.startswith("   ")}
    assert seen == set(EXPLANATIONS)
    assert [line for line in lines if line in {group.value for group in Group}] == list(Group)
    assert max(map(len, lines)) <= 80
    listed = json.loads(ftui("explain", "--json").output)
    assert [one["slug"] for one in listed] == list(EXPLANATIONS)
    assert all(one["line"] == EXPLANATIONS[one["slug"]].line for one in listed)


@EACH
def test_one_finding_has_its_sections_and_a_chart(slug: str) -> None:
    done = ftui("explain", slug)
    assert done.exit_code == 0
    assert max(map(len, done.output.splitlines())) <= 80
    folded = " ".join(done.output.split())
    for heading in ("What it is", "What it looks like", "How it is computed", "What to do", "What it is not"):
        assert f"\n{heading}\n" in done.output
    for text in (EXPLANATIONS[slug].what + EXPLANATIONS[slug].computed)[:2]:
        assert text in folded
    assert "Here ftui says:" in done.output
    assert "▲ since step" in folded
    assert sum(sign in BRAILLE for sign in done.output) > 20


@EACH
def test_one_finding_as_json(slug: str) -> None:
    told = json.loads(ftui("explain", slug, "--json").output)
    assert told["slug"] == slug
    assert told["computed"] == list(EXPLANATIONS[slug].computed)
    assert told["example"]["sentence"]


@pytest.mark.parametrize(
    ("word", "slug"),
    [
        ("Overfitting", "overfitting"),
        ("learning rate too high", "rate-too-high"),
        ("held-out loss is up", "held-out-rising"),
        ("nothing left to learn", "converged"),
    ],
)
def test_names_as_the_screen_shows_them_are_understood(word: str, slug: str) -> None:
    assert ftui("explain", word).output.startswith(f"{slug}  ")


@pytest.mark.parametrize(
    ("word", "hint"),
    [
        ("overfiting", "overfitting"),
        ("diverged", "divergence"),
        ("rate", "rate-too-high"),
        ("kl", "kl-runaway"),
    ],
)
def test_a_wrong_name_is_answered_with_the_nearest(word: str, hint: str) -> None:
    done = ftui("explain", word)
    assert done.exit_code == 1
    assert f"no finding {word!r}" in done.output
    assert f"Did you mean {hint}" in done.output
    assert len(done.output.splitlines()) <= 2


@pytest.mark.parametrize("word", ["", "zzzzzz", "\x1b[31mred"])
def test_a_name_that_is_like_none_gets_the_list(word: str) -> None:
    done = ftui("explain", word)
    assert done.exit_code == 1
    assert "`ftui explain` lists them" in done.output
    assert "\x1b" not in done.output


@pytest.mark.parametrize("slug", ["overfitting", "non-finite", "memory-short"])
def test_plain_terminals_get_plain_signs(slug: str) -> None:
    shown = in_a_process("explain", slug, FTUI_ASCII="1", COLUMNS="80")
    text = shown.decode("ascii")
    assert "^ since step" in text
    assert "?" not in text.split("Here ftui says")[1].split("How it is computed")[0]


def test_without_colours_there_are_none() -> None:
    forced = {"FORCE_COLOR": "1", "TERM": "xterm-256color", "COLUMNS": "80"}
    assert b"\x1b[38;2;" in in_a_process("explain", "overfitting", **forced, COLORTERM="truecolor")
    plain = in_a_process("explain", "overfitting", **forced, NO_COLOR="1")
    assert b"[38;" not in plain
    assert b"[9" not in plain


def test_wide_and_narrow_terminals() -> None:
    for columns, most in (("300", WIDEST), ("50", 50)):
        lines = in_a_process("explain", "overfitting", COLUMNS=columns).decode().splitlines()
        assert max(map(len, lines)) <= most
