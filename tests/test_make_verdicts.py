"""docs/verdicts.md and its pictures are what the texts and the detectors say now."""

from __future__ import annotations

import re
from pathlib import Path
from xml.etree import ElementTree

import pytest

from runner.insight.explained import EXPLANATIONS
from tests.make_verdicts import PAGE, PICTURES, files, write

DOCS = Path(__file__).parent.parent / "docs"
NUMBER = re.compile(r"-?\d+(?:\.\d+)?(?:e[-+]?\d+)?")
# The last place of a coordinate may differ between processors.
ROUNDING = 0.11
LARGEST_PICTURE = 16_000


def assert_alike(name: str, stored: str, made: str) -> None:
    """The same text, its numbers within rounding."""
    assert NUMBER.sub("#", stored) == NUMBER.sub("#", made), f"{name} is stale: make verdicts"
    for was, now in zip(NUMBER.findall(stored), NUMBER.findall(made), strict=True):
        assert float(was) == pytest.approx(float(now), abs=ROUNDING), f"{name} is stale: make verdicts"


def test_the_stored_page_and_pictures_are_those_of_now() -> None:
    made = files()
    stored = {PAGE, *(f"{PICTURES}/{path.name}" for path in (DOCS / PICTURES).iterdir())}
    assert stored == set(made)
    assert (DOCS / PAGE).read_text(encoding="utf-8") == made[PAGE]
    for name, text in made.items():
        assert_alike(name, (DOCS / name).read_text(encoding="utf-8"), text)


def test_a_changed_page_is_seen() -> None:
    with pytest.raises(AssertionError, match="stale"):
        assert_alike("a", '<circle cx="1.0"/>', '<circle cx="1.3"/>')
    with pytest.raises(AssertionError, match="stale"):
        assert_alike("a", "over 5 %", "above 5 %")


def test_every_finding_has_a_section_a_picture_and_a_link() -> None:
    page = (DOCS / PAGE).read_text(encoding="utf-8")
    for slug in EXPLANATIONS:
        assert f"\n## {slug}\n" in page
        assert f"]({PICTURES}/{slug}.svg)" in page
        assert f"[{slug}](#{slug})" in page
        picture = (DOCS / PICTURES / f"{slug}.svg").read_text(encoding="utf-8")
        assert len(picture) < LARGEST_PICTURE
        assert ElementTree.fromstring(picture).tag.endswith("svg")


def test_pictures_of_findings_that_are_gone_go(tmp_path: Path) -> None:
    old = tmp_path / PICTURES / "no-such-finding.svg"
    old.parent.mkdir()
    old.write_text("<svg/>")
    write(tmp_path)
    assert not old.exists()
    assert {path.stem for path in (tmp_path / PICTURES).iterdir()} == set(EXPLANATIONS)
