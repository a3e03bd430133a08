"""Whether an answer is the one that was expected: as a whole, field by field; counts of it, and two counts compared.

Exact match says something of answers that have one right wording: a label, a number, a record. Of prose it says
nothing, so every count also says for how many rows it can be judged.
"""

from __future__ import annotations

import json
import math
import re
import unicodedata
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from runner.insight.curves import AnswerPoint

# Ends of sentences say nothing about what is answered.
TRAILING = ".,;:!?…。、！？ "
# A label, a number, a name; a value in a record. Longer ones can be worded in many ways.
SHORT_WORDS, SHORT_CHARACTERS = 3, 24
VALUE_WORDS, VALUE_CHARACTERS = 6, 48
# One comparison in twenty of equals shows a difference.
CHANCE = 0.05
# Share of the expected answers a field stands in to be counted.
COMMON = 0.5

_KEY = r"[^\W\d][\w.-]*(?: [\w.-]+){0,2}"
_BRACKETED = re.compile(rf"\[\s*({_KEY})\s*[=:]\s*([^\[\]]*)\]")
_PAIR = re.compile(rf"[\s*\-•\"']*({_KEY})[\"'*]*\s*(?:=|:(?!//))\s*(.*\S)\s*", re.DOTALL)
# A quantity that is estimated is near, not right or wrong.
_FRACTION = re.compile(r"\d[.,]\d")
_FENCE = re.compile(r"\s*```\w*\n(.*?)\n?```\s*", re.DOTALL)


@dataclass(frozen=True)
class Answer:
    """What a row expects, what was answered, and whether the answer ended before its limit."""

    expected: str
    text: str
    ended: bool = True


@dataclass(frozen=True)
class Count:
    """How `n` rows were answered. `fields` counts right values of the fields most rows have, each of `n`; `rows` says
    of each row whether it was exact; `judgeable` counts the rows of which exact match says something.
    """

    n: int
    exact: int
    ended: int
    judgeable: int
    fields: Mapping[str, int] = field(default_factory=dict)
    rows: tuple[bool, ...] = ()


@dataclass(frozen=True)
class Difference:
    """Two answers to each of `n` rows: `gained` are right now and were not before, `lost` the other way round; `p` is
    two-sided (McNemar's exact test: the sign test on the rows that changed).
    """

    n: int
    gained: int
    lost: int
    p: float

    @property
    def is_seen(self) -> bool:
        """Whether chance alone would hardly do it."""
        return self.p < CHANCE

    @property
    def more(self) -> int:
        """So many more are right now; below 0 fewer."""
        return self.gained - self.lost


def is_exact(expected: str, answer: str) -> bool:
    """Whether two answers are the same: as JSON whatever its spacing and order of keys, else as normalised text."""
    wanted = _json(expected)
    if isinstance(wanted, dict | list):
        return _canonical(wanted) == _canonical(_json(answer))
    return normalised(expected) == normalised(answer)


def normalised(text: str) -> str:
    """Text as it is compared: NFKC, any run of white space one blank, no punctuation at the end. Case is kept: labels,
    names and code differ by it.
    """
    return " ".join(unicodedata.normalize("NFKC", text).split()).rstrip(TRAILING)


def fields_of(text: str) -> dict[str, str]:
    """The fields of a record, normalised: the keys of a JSON object, or `[key=value]`, `key=value`, `key: value` where
    the whole text consists of them; empty for anything else.
    """
    value = _json(text)
    if isinstance(value, dict):
        return {str(key): _value(item) for key, item in value.items()}
    if found := _BRACKETED.findall(text):
        rest = _BRACKETED.sub("", text)
        return {} if re.search(r"\w", rest) else {key: normalised(value) for key, value in found}
    if pairs := _pairs(text, r"\n"):
        kept = dict(pairs)
        if len(kept) > 1 or not _divides(next(iter(kept.values()))):
            return {key: normalised(value) for key, value in kept.items()}
    for separator in (r"[;|/]", r",", r"\s+"):
        kept = dict(_pairs(text, separator))
        # A sentence can hold a colon or two.
        if len(kept) > 1 and not any(" " in key for key in kept):
            return {key: normalised(value) for key, value in kept.items()}
    return {}


def _pairs(text: str, separator: str) -> list[tuple[str, str]]:
    """(key, value) of every part; empty unless all parts are pairs."""
    found = [_PAIR.fullmatch(part) for part in re.split(separator, text.strip()) if part.strip()]
    return [(pair[1], pair[2]) for pair in found if pair is not None] if all(found) else []


def _divides(value: str) -> bool:
    """Whether what follows a first key holds further ones: 'a=1; b=2' is no field `a`."""
    return re.search(rf"[;|,\s]\s*{_KEY}\s*[=:]", value) is not None


def is_judgeable(expected: str) -> bool:
    """Whether there is one right wording: a short answer, or a record of short values; no decimal fractions."""
    if named := fields_of(expected):
        return all(_is_short(value, VALUE_WORDS, VALUE_CHARACTERS) for value in named.values())
    return _is_short(normalised(expected), SHORT_WORDS, SHORT_CHARACTERS)


def _is_short(text: str, words: int, characters: int) -> bool:
    if _FRACTION.search(text):
        return False
    # Scripts without blanks: an ideograph or syllable is about a word.
    wide = sum(unicodedata.east_asian_width(sign) == "W" for sign in text)
    return len(text.split()) + wide // 2 <= words and len(text) <= characters


def count(answers: Sequence[Answer]) -> Count:
    """Count right answers; a field that a row has in neither counts as right."""
    rows = tuple(is_exact(one.expected, one.text) for one in answers)
    wanted = [fields_of(one.expected) for one in answers]
    given = [_lenient(one.text, names) for one, names in zip(answers, wanted, strict=True)]
    standing = Counter(name for names in wanted for name in names)
    common = [name for name, times in standing.items() if times >= COMMON * len(answers)]
    return Count(
        len(answers),
        sum(rows),
        sum(one.ended for one in answers),
        sum(is_judgeable(one.expected) for one in answers),
        {
            name: sum(w.get(name) == g.get(name) for w, g in zip(wanted, given, strict=True))
            for name in common
        },
        rows,
    )


def _lenient(text: str, wanted: Mapping[str, str]) -> dict[str, str]:
    """The fields of an answer, also of one that says more than fields: where each wanted one is found."""
    fenced = _FENCE.fullmatch(text)
    found = fields_of(fenced[1] if fenced else text)
    for name in wanted.keys() - found.keys():
        pair = re.search(rf"(?:^|[\[\s,;]){re.escape(name)}\s*[=:]\s*([^\]\n,;|]*)", text)
        if pair is not None:
            found[name] = normalised(pair[1])
    return found


def difference(before: Sequence[bool], now: Sequence[bool]) -> Difference | None:
    """Compare the answers to the same rows; None when they cannot be the same, or there are none.

    McNemar (1947) with the exact binomial distribution: of rows that changed, as many got better as worse by chance.
    """
    if len(before) != len(now) or not now:
        return None
    gained = sum(b and not a for a, b in zip(before, now, strict=True))
    lost = sum(a and not b for a, b in zip(before, now, strict=True))
    changed = gained + lost
    tail = sum(math.comb(changed, k) for k in range(min(gained, lost) + 1)) / 2**changed
    return Difference(len(now), gained, lost, min(1.0, 2 * tail))


def words(point: AnswerPoint | None) -> str:
    """'15 of 16 answers right'; empty where exact match says nothing."""
    return f"{point.exact} of {point.n} answers right" if point is not None and _says_something(point) else ""


def short(point: AnswerPoint | None) -> str:
    """'15/16', where there is little room; empty where exact match says nothing."""
    return f"{point.exact}/{point.n}" if point is not None and _says_something(point) else ""


def course(points: Sequence[AnswerPoint]) -> str:
    """'0 → 15 of 16 answers right, 16 end by themselves; count 15, item 16 of 16'; empty where that says nothing."""
    if not points or not (now := words(points[-1])):
        return ""
    before = f"{points[0].exact} → " if len(points) > 1 else ""
    named = field_words(points[-1])
    return f"{before}{now}, {points[-1].ended} end by themselves{f'; {named}' if named else ''}"


def _says_something(point: AnswerPoint) -> bool:
    return point.n > 0 and (point.exact > 0 or is_telling(point))


def is_telling(point: AnswerPoint) -> bool:
    """Whether right answers can be told from wrong ones: nearly all expected ones have one right wording."""
    return point.n > 0 and point.judgeable >= 0.9 * point.n


def field_words(point: AnswerPoint) -> str:
    """'count 9, item 6, owner 64 of 64': the fields, the worst first; empty without any."""
    ranked = sorted(point.fields.items(), key=lambda item: item[1])
    return f"{', '.join(f'{name} {right}' for name, right in ranked)} of {point.n}" if ranked else ""


def _json(text: str) -> Any:
    """The value of a JSON text; None for anything else."""
    if text.lstrip()[:1] not in ("{", "["):
        return None
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _canonical(value: Any) -> str:
    return json.dumps(value, sort_keys=True, ensure_ascii=False)


def _value(value: Any) -> str:
    return normalised(value) if isinstance(value, str) else _canonical(value)
