"""What counts as the answer that was expected, and how two counts of the same rows are compared."""

from __future__ import annotations

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.insight import answers
from runner.insight.answers import Answer
from runner.insight.curves import AnswerPoint

texts = st.text(max_size=60)
outcomes = st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=64)


@pytest.mark.parametrize(
    ("expected", "answer"),
    [
        ("Yes", "Yes."),
        ("forty two", "  forty\n two  "),
        ("ﬁne", "fine"),
        ("Ａ１", "A1"),
        ("Paris!", "Paris"),
        ("はい。", "はい"),
        ('{"a": 1, "b": [2]}', '{"b":[2],"a":1}'),
        ("[1, 2]", "[1,2]"),
    ],
)
def test_the_same_answer(expected: str, answer: str) -> None:
    assert answers.is_exact(expected, answer)


@pytest.mark.parametrize(
    ("expected", "answer"),
    [
        ("Yes", "yes"),
        ("Yes", "Yes, it is"),
        ("-1", "1"),
        ("1.5", "15"),
        ("", "."[:0] + "x"),
        ('{"a": 1}', '{"a": true}'),
        ('{"a": 1}', '{"a": "1"}'),
        ('{"a": [1, 2]}', '{"a": [2, 1]}'),
        ('{"a": 1}', "a: 1"),
        ('{"a": 1}', '```json\n{"a": 1}\n```'),
    ],
)
def test_another_answer(expected: str, answer: str) -> None:
    assert not answers.is_exact(expected, answer)


@pytest.mark.parametrize(
    ("text", "fields"),
    [
        ("[item=lamps] [count=4]", {"item": "lamps", "count": "4"}),
        ("[item: old lamps]", {"item": "old lamps"}),
        ("item=lamps, count=4", {"item": "lamps", "count": "4"}),
        ("item=lamps count=4", {"item": "lamps", "count": "4"}),
        ("item: lamps; count: 4", {"item": "lamps", "count": "4"}),
        ("- Name: Ada Byron\n- Born: 1815\n", {"Name": "Ada Byron", "Born": "1815"}),
        ("Label: positive", {"Label": "positive"}),
        ('{"a": 1, "b": null, "c": " x. "}', {"a": "1", "b": "null", "c": "x"}),
        ("The answer: it depends on whom you ask, and when: always.", {}),
        ("see https://example.org", {}),
        ("A lamp.", {}),
        ("12:30", {}),
        ("[1, 2]", {}),
        ("x = [item=lamps] and more", {}),
        ("", {}),
    ],
)
def test_fields_are_found_by_themselves(text: str, fields: dict[str, str]) -> None:
    assert answers.fields_of(text) == fields


@pytest.mark.parametrize(
    ("expected", "judgeable"),
    [
        ("positive", True),
        ("42", True),
        ("New York City", True),
        ("[item=lamps] [count=4]", True),
        ('{"city": "Ulm", "people": 3}', True),
        ("I would say that it depends.", False),
        ('{"summary": "A long text about a town in which nothing ever happens at all."}', False),
        ("Note: this answer is a sentence that can be put in many ways.", False),
        ("それは場合によって異なると思います", False),
        ("はい", True),
        ("3.742", False),
        ('{"price": 12.5}', False),
        ("[price=1,50]", False),
    ],
)
def test_what_exact_match_can_judge(expected: str, judgeable: bool) -> None:
    assert answers.is_judgeable(expected) is judgeable


def test_right_ones_are_counted_by_field() -> None:
    rows = ["[item=lamps] [count=4]", "[item=ropes] [count=2]", "[item=pears] [count=3]"]
    found = answers.count(
        [
            Answer(rows[0], "[item=lamps] [count=4]"),
            Answer(rows[1], "[item=ropes] [count=9]", ended=False),
            Answer(rows[2], "The record is: item=pears, and so on"),
        ]
    )
    assert (found.n, found.exact, found.ended, found.judgeable) == (3, 1, 2, 3)
    assert found.fields == {"item": 3, "count": 1}
    assert found.rows == (True, False, False)


def test_fields_of_a_fenced_answer_count_although_it_is_not_exact() -> None:
    found = answers.count([Answer('{"a": 1, "b": 2}', '```json\n{"a": 1, "b": 3}\n```')])
    assert (found.exact, found.fields) == (0, {"a": 1, "b": 0})


def test_fields_that_few_rows_have_are_left_out() -> None:
    found = answers.count([Answer("[a=1]", "[a=1]"), Answer("yes", "yes"), Answer("no", "no")])
    assert (found.exact, found.fields) == (3, {})


def test_a_count_of_nothing() -> None:
    assert answers.count([]) == answers.Count(0, 0, 0, 0)


@given(texts)
def test_every_answer_is_its_own(text: str) -> None:
    assert answers.is_exact(text, text)
    (found,) = answers.count([Answer(text, text)]).rows
    assert found
    assert answers.normalised(answers.normalised(text)) == answers.normalised(text)


@given(texts, texts)
def test_no_text_breaks_the_count(expected: str, given_text: str) -> None:
    found = answers.count([Answer(expected, given_text)])
    assert 0 <= found.exact <= found.n == 1
    assert set(found.fields) == set(answers.fields_of(expected))
    if found.exact:
        assert all(found.fields.values())


@given(
    st.dictionaries(st.from_regex(r"[a-z]{1,8}", fullmatch=True), st.integers(0, 999), min_size=1, max_size=5)
)
def test_one_record_in_four_shapes_has_the_same_fields(record: dict[str, int]) -> None:
    wanted = {key: str(value) for key, value in record.items()}
    for text in (
        " ".join(f"[{key}={value}]" for key, value in record.items()),
        "\n".join(f"{key}: {value}" for key, value in record.items()),
        "; ".join(f"{key}={value}" for key, value in record.items()),
        json.dumps(record),
    ):
        assert answers.fields_of(text) == wanted


def test_deeply_nested_json_is_no_json() -> None:
    deep = "[" * 100_000 + "]" * 100_000
    assert not answers.is_exact(deep, "1")
    assert answers.fields_of('{"a": ' + deep + "}") == {}


def test_mcnemar_worked_by_hand() -> None:
    """Five rows changed, all for the better: p = 2 · (1/2)⁵."""
    found = answers.difference([False] * 5 + [True] * 3, [True] * 8)
    assert found is not None
    assert (found.n, found.gained, found.lost, found.more) == (8, 5, 0, 5)
    assert found.p == pytest.approx(0.0625)
    assert not found.is_seen
    six = answers.difference([False] * 6, [True] * 6)
    assert six is not None
    assert six.is_seen


@given(outcomes)
def test_there_and_back_have_the_same_p(pairs: list[tuple[bool, bool]]) -> None:
    before, now = ([pair[i] for pair in pairs] for i in (0, 1))
    there, back = answers.difference(before, now), answers.difference(now, before)
    assert there is not None
    assert back is not None
    assert there.more == -back.more == sum(now) - sum(before)
    assert there.p == back.p
    assert 0 < there.p <= 1
    same = answers.difference(now, now)
    assert same is not None
    assert same.p == 1


def test_different_rows_are_not_compared() -> None:
    assert answers.difference([True], [True, False]) is None
    assert answers.difference([], []) is None


def point(exact: int, n: int = 16, judgeable: int = 16) -> AnswerPoint:
    return AnswerPoint(10, n, exact, n, {"count": exact, "item": n}, judgeable=judgeable)


def test_words() -> None:
    assert answers.words(point(15)) == "15 of 16 answers right"
    assert answers.short(point(0)) == "0/16"
    assert answers.course([point(0), point(9)]) == (
        "0 → 9 of 16 answers right, 16 end by themselves; count 9, item 16 of 16"
    )


def test_nothing_is_said_of_prose_that_is_never_exact() -> None:
    prose = point(0, judgeable=3)
    assert (answers.words(prose), answers.short(prose), answers.course([prose])) == ("", "", "")
    assert answers.short(point(2, judgeable=3)) == "2/16"
    assert answers.words(None) == answers.course([]) == answers.words(AnswerPoint(0, 0, 0)) == ""


def test_p_of_many_rows_is_a_number() -> None:
    found = answers.difference([True, False] * 2000, [False, True] * 2000)
    assert found is not None
    assert math.isfinite(found.p)
