"""Spans of answers that stand in training rows, by planted spans and against a search that tries everything."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.insight.copying import LEAST_WORDS, Copied, TrainingText, normalised

Name = tuple[int, int]

# Between words: what does not count.
GAPS = (" ", ", ", " — ", "\n", "... ", " «", "’ ", "! ", "\t", "; (")
# Letters of several scripts; each row has its own ending, so that no word stands in two rows.
STEMS = ("lamp", "Grün", "été", "ключ", "λέξη", "naïve", "x9", "ΔΕΛΤΑ", "søn", "한국", "no_1")


def row_words(row: int, count: int) -> list[str]:
    return [f"{STEMS[(row + i) % len(STEMS)]}{row}q{i}" for i in range(count)]


def joined(words: list[str], gaps: list[str]) -> str:
    return "".join(word + gaps[i % len(gaps)] for i, word in enumerate(words))


gaps = st.lists(st.sampled_from(GAPS), min_size=1, max_size=6)
cases = st.sampled_from([str, str.upper, str.lower, str.title])


@given(st.data(), st.integers(1, 4), gaps, gaps, cases)
def test_a_planted_span_is_found_to_the_letter(data, rows, inside, around, case) -> None:  # type: ignore[no-untyped-def]
    """Other gaps and another case than in the row, words of no row before and after."""
    texts = [row_words(row, data.draw(st.integers(LEAST_WORDS, 30))) for row in range(rows)]
    owner = data.draw(st.integers(0, rows - 1))
    start = data.draw(st.integers(0, len(texts[owner]) - LEAST_WORDS))
    end = data.draw(st.integers(start + LEAST_WORDS, len(texts[owner])))
    planted = [case(word) for word in texts[owner][start:end]]
    span = joined(planted[:-1], inside) + planted[-1]
    before = joined([f"before{i}" for i in range(data.draw(st.integers(0, 9)))], around)
    after = around[0] + joined([f"after{i}" for i in range(data.draw(st.integers(0, 9)))], around)
    known = TrainingText(((0, row + 1), joined(words, [" "])) for row, words in enumerate(texts))
    found = known.copied(before + span + after)
    assert found == Copied((0, owner + 1), len(before), len(before) + len(span), end - start)
    assert (before + span + after)[found.start : found.end] == span


@given(st.integers(0, 40), st.integers(0, 40), gaps)
def test_the_longest_of_two_wins_and_of_equals_the_first(one: int, two: int, around: list[str]) -> None:
    known = TrainingText(((0, row), " ".join(row_words(row, 40))) for row in (1, 2))
    first, second = row_words(1, 40)[:one], row_words(2, 40)[:two]
    found = known.copied(joined([*first, "between", *second], around))
    wanted = max((n for n in (one, two) if n >= LEAST_WORDS), default=None)
    if wanted is None:
        assert found is None
    else:
        assert found is not None
        assert (found.words, found.row) == (wanted, (0, 1) if one == wanted else (0, 2))


@given(st.integers(0, 30), st.integers(0, 30))
def test_what_the_prompt_says_is_not_copied(start: int, count: int) -> None:
    words = row_words(1, 30)
    known = TrainingText([((0, 1), " ".join(words))])
    answer = " ".join(words[start : start + count])
    assert known.copied(answer, f"Please repeat: {answer.upper()}!") is None


def test_what_the_prompt_says_does_not_hide_the_rest() -> None:
    words, other = row_words(1, 20), row_words(2, 12)
    known = TrainingText([((0, 1), " ".join(words)), ((1, 7), " ".join(other))])
    answer = f"{' '.join(words)} and {' '.join(other)}"
    found = known.copied(answer, " ".join(words))
    assert found == Copied((1, 7), len(answer) - len(" ".join(other)), len(answer), 12)


def longest_by_trying(rows: list[list[str]], words: list[str]) -> int:
    """Words of the longest run of the answer in a row; 0 for less than eight."""
    best = 0
    for row in rows:
        for at in range(len(words)):
            for place in range(len(row)):
                length = 0
                while words[at + length : at + length + 1] and words[at + length] == (
                    row[place + length] if place + length < len(row) else None
                ):
                    length += 1
                best = max(best, length)
    return best if best >= LEAST_WORDS else 0


def test_a_longer_span_that_begins_within_a_shorter_one_is_found_whole() -> None:
    words = [f"w{i}" for i in range(60)]
    rows = [words[:30], words[1:41]]
    found = TrainingText(((0, i), " ".join(row)) for i, row in enumerate(rows)).copied(" ".join(words))
    assert longest_by_trying(rows, words) == 40
    assert found == Copied((0, 1), 3, 3 + len(" ".join(words[1:41])), 40)


few_words = st.lists(st.sampled_from("abc"), max_size=40)


@given(st.lists(few_words, max_size=4), few_words)
def test_it_finds_as_much_as_trying_everything_does(rows: list[list[str]], words: list[str]) -> None:
    found = TrainingText(((0, i), " ".join(row)) for i, row in enumerate(rows)).copied(" ".join(words))
    assert (found.words if found else 0) == longest_by_trying(rows, words)


def test_a_span_in_the_prompt_is_one_of_whole_words() -> None:
    """The prompt ends in 'lampshade', the span in 'lamp': it was not asked for."""
    words = ["one", "two", "three", "four", "five", "six", "seven", "lamp"]
    known = TrainingText([((0, 1), " ".join(words))])
    assert known.copied(" ".join(words), " ".join(words) + "shade") is not None


@pytest.mark.parametrize("count", [0, 1, 7])
def test_less_than_eight_words_are_nobodys(count: int) -> None:
    words = row_words(1, 30)
    known = TrainingText([((0, 1), " ".join(words))])
    assert known.copied(" ".join(words[:count])) is None
    assert TrainingText([((0, 1), " ".join(words[:count]))]).copied(" ".join(words)) is None
    assert TrainingText([]).copied(" ".join(words)) is None


def test_rows_beyond_the_limit_are_not_looked_at() -> None:
    rows = [((0, i), " ".join(row_words(i, 20))) for i in (1, 2)]
    known = TrainingText(iter(rows), most_words=39)
    assert known.copied(rows[0][1]) == Copied((0, 1), 0, len(rows[0][1]), 20)
    assert known.copied(rows[1][1]) is None


@given(st.text(max_size=300), st.text(max_size=300), st.text(max_size=100))
def test_any_text_is_taken(row: str, answer: str, prompt: str) -> None:
    found = TrainingText([((0, 1), row)]).copied(answer, prompt)
    if found is not None:
        assert len(normalised(answer[found.start : found.end])) == found.words


CHINESE = "今天天气很好，我们一起去公园散步吧。晚上回家吃饭，然后看电影。"


@pytest.mark.parametrize("count", [15, 16, 20])
def test_sixteen_characters_of_a_script_without_spaces_are_a_span(count: int) -> None:
    text = TrainingText([((0, 7), CHINESE)])
    letters = [one for one in CHINESE if one.isalpha()][:count]
    found = text.copied("回答：" + "、".join(letters) + "！")
    if count < 16:
        assert found is None
    else:
        assert found is not None
        assert (found.row, found.words, found.start) == ((0, 7), count, 3)


def test_words_and_characters_may_stand_side_by_side() -> None:
    row = "PyTorch 2 的 Linear4bit 层 用 NF4 量化 权重 and bfloat16 来 计算 结果"
    found = TrainingText([((0, 1), row)]).copied(f"So: {row.replace(' ', '')}")
    assert found is None
    found = TrainingText([((0, 1), row)]).copied(f"So: {row.upper()}")
    assert found is not None
    assert found.start == 4
