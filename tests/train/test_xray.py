"""The X-ray against planted rows, against the trainer's own ledger and labels, and as the process it is."""

from __future__ import annotations

import itertools
import json
import random
import shutil
import subprocess
import sys
import tempfile
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import PreTrainedTokenizerFast

from runner.check.xray import parse_message, read_report, start, xray_key
from runner.data.errors import DataError
from runner.data.raw import BadRow
from runner.data.shapes import normalise
from runner.data.sources import understand
from runner.insight.batch import plan_of
from runner.insight.data import MOST_NOTES, DataReport, Defects
from runner.insight.data_json import report_from_json
from runner.insight.division import divide
from runner.insight.eval_budget import plan_evaluations
from runner.preset import files
from runner.preset.schema import Preset
from runner.store.directory import RunDirectory, read_json
from runner.store.events import EventLog
from runner.train import arguments, model, pages, xray
from runner.train.dataset import Data
from runner.train.divided_rows import Divided, keys_of
from runner.train.examine import Examination
from runner.train.memory import MemoryBook
from runner.train.pages import State
from runner.train.tokenise import IGNORED, RowRenderer, length_limit
from runner.train.tokenizer import load_tokenizer
from runner.train.trainer import RunTrainer
from tests.conftest import wait_for
from tests.train.conftest import prepared
from tests.train.small_runs import built, file_source
from tests.train.test_tokenise import CHATML, CONVERSATIONS, HEADERS, MARKERS, PLAIN, TEMPLATES

LIMIT = 64
DEMO = files.shipped_folder() / "demo" / "model"


def chat(question: str, answer: str) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": question}, {"role": "assistant", "content": answer}]}


def write_rows(path: Path, rows: list[dict[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def preset_of(folder: Path, train: Path, *overrides: str) -> Preset:
    """The demo with other rows, and without held-out ones unless it is told of some."""
    wanted = (f"data.train_dataset={train}", "data.eval_dataset=null", *overrides)
    return files.load("demo", folder / "home", wanted).preset


def examined(preset: Preset, folder: Path, asked: bytes = b"") -> DataReport:
    """The report of an X-ray made in this process; `asked` is what stands on its standard input."""
    folder.mkdir(parents=True, exist_ok=True)
    files.dump(preset, folder / "preset.yaml")
    questions = folder / "asked"
    questions.write_bytes(asked)
    with pytest.MonkeyPatch.context() as patch, questions.open() as stream:
        patch.setattr(sys, "argv", ["xray", str(folder / "preset.yaml"), str(folder), "the-key"])
        patch.setattr(sys, "stdin", stream)
        assert xray.main() == 0
    report = report_from_json(read_json(folder / "report.json"))
    assert report is not None
    assert report.complete
    assert report.key == "the-key"
    return report


def numbers(defects: Defects) -> list[int]:
    """The rows a kind of defect is noted for; all are, as long as there are few."""
    assert defects.count == len(defects.notes)
    return [note.row for note in defects.notes]


# Planted rows

BAD: dict[str, tuple[Callable[[int], str], str]] = {
    "no JSON": (lambda i: '{"messages": [{"role": "user", "content": "' + str(i), "not JSON"),
    "no object": (lambda i: f"[{i}, 2]", "list, not an object"),
    "unknown keys": (
        lambda i: json.dumps({"question": f"{i}?", "reply": "."}),
        "has question, reply; none of",
    ),
    "no assistant": (
        lambda i: json.dumps({"messages": [{"role": "user", "content": f"Anyone {i}?"}]}),
        "has no assistant turn",
    ),
    "empty output": (lambda i: json.dumps({"instruction": f"Say {i}.", "output": ""}), "its output is empty"),
}
USABLE: dict[str, Callable[[int], str]] = {
    "good": lambda i: json.dumps(chat(f"How many lamps has {i}?", "Two.")),
    # Copies of good rows, and of each other when there are more than there are good ones.
    "copy": lambda i: json.dumps(chat(f"How many lamps has {i % 8}?", "Two.")),
    "cut": lambda i: json.dumps(chat(f"Why {i}?", "Because " * 100)),
    "beyond": lambda i: json.dumps(chat(f"{i} " + "long " * 200, "Yes.")),
    "leaked": lambda i: json.dumps(chat(f"Seen {i}?", "Yes.")),
}
BLANK = ("", "   ", "\t")


class Planted:
    """A .jsonl file with known rows in it: lists of row numbers by kind, and of lines by row number."""

    def __init__(self, path: Path, counts: dict[str, int], seed: int) -> None:
        chance = random.Random(seed)
        kinds = [kind for kind, count in counts.items() for _ in range(count)]
        chance.shuffle(kinds)
        made: Counter[str] = Counter()
        lines: list[str] = []
        self.path = path
        self.kinds: list[str] = []
        self.texts: list[str] = []
        self.line_of: dict[int, int] = {}
        for number, kind in enumerate(kinds, start=1):
            lines += chance.choices(BLANK, k=chance.choice((0, 0, 1, 3)))
            maker = USABLE[kind] if kind in USABLE else BAD[kind][0]
            lines.append(maker(made[kind]))
            made[kind] += 1
            self.kinds.append(kind)
            self.texts.append(lines[-1])
            self.line_of[number] = len(lines)
        path.write_text("\n".join(lines) + "\n" * chance.choice((0, 1, 2)), encoding="utf-8")

    def rows(self, *kinds: str) -> list[int]:
        return [number for number, kind in enumerate(self.kinds, start=1) if kind in kinds]

    @property
    def copies(self) -> list[tuple[int, int]]:
        """(row, the first row with the same content) of all that stand there again."""
        first: dict[str, int] = {}
        return [
            (number, first[text])
            for number in self.rows(*USABLE)
            if first.setdefault(text := self.texts[number - 1], number) != number
        ]

    def check_bad(self, found: Defects) -> None:
        assert numbers(found) == self.rows(*BAD)
        for note in found.notes:
            kind = self.kinds[note.row - 1]
            assert BAD[kind][1] in note.text
            if kind in ("no JSON", "no object"):
                assert note.text.startswith(f"line {self.line_of[note.row]}: ")


def counts_of(*kinds: str, most: int = 4) -> st.SearchStrategy[dict[str, int]]:
    return st.fixed_dictionaries({kind: st.integers(0, most) for kind in kinds})


@given(
    counts_of(*BAD, *USABLE),
    counts_of(*BAD, "leaked", "cut", "beyond"),
    st.integers(8, 20),
    st.integers(0, 99),
)
@settings(max_examples=40)
def test_planted_defects_are_found_in_their_rows_with_an_eval_file(
    counts: dict[str, int], eval_counts: dict[str, int], good: int, seed: int
) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        train = Planted(folder / "rows.jsonl", {**counts, "good": good}, seed)
        held = Planted(folder / "eval.jsonl", {**eval_counts}, seed + 1)
        preset = preset_of(folder, train.path, f"data.eval_dataset={held.path}", f"train.max_length={LIMIT}")
        report = examined(preset, folder / "xray")
    assert [(s.name, s.rows_read) for s in report.sources] == [
        ("train", len(train.kinds)),
        ("eval", len(held.kinds)),
    ]
    train.check_bad(report.sources[0].bad)
    held.check_bad(report.sources[1].bad)
    assert report.sources[0].formats == {"chat messages": len(train.rows(*USABLE))}
    assert numbers(report.truncated) == train.rows("cut", "beyond")
    assert numbers(report.untrained) == train.rows("beyond")
    assert all(
        note.text == f"all of its answer lies beyond {LIMIT} tokens" for note in report.untrained.notes
    )
    wanted = [(row, f"is the same as row {first}") for row, first in train.copies]
    assert [(note.row, note.text) for note in report.duplicates.notes] == wanted
    assert report.duplicates.count == len(wanted)
    assert report.train_rows == len(train.rows("good", "copy", "cut", "leaked"))
    # Eval rows of the kinds below are made alike in both files, so the first ones of a kind stand in both.
    first_places = {text: number for number, text in reversed(list(enumerate(train.texts, start=1)))}
    leaked = [
        (number, first_places[text])
        for number in held.rows(*USABLE)
        if (text := held.texts[number - 1]) in first_places
    ]
    assert [(note.row, note.text) for note in report.overlap.notes] == [
        (row, f"is the same as training row {first}") for row, first in leaked
    ]
    assert report.overlap.count == len(leaked)
    fresh = set(held.rows("leaked", "cut")) - {row for row, _ in leaked}
    assert (report.eval_rows, report.held_out_rows) == (len(fresh), 0)


@given(counts_of(*BAD, *USABLE), st.integers(8, 60), st.integers(0, 99))
@settings(max_examples=40)
def test_planted_defects_are_found_in_their_rows_when_some_are_split_off(
    counts: dict[str, int], good: int, seed: int
) -> None:
    """Rows that are held out are not among those cut or untrained: they are not trained on."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        train = Planted(folder / "rows.jsonl", {**counts, "good": good}, seed)
        preset = preset_of(folder, train.path, f"train.max_length={LIMIT}")
        report = examined(preset, folder / "xray")
        rows = [normalise(json.loads(train.texts[n - 1]), n) for n in train.rows(*USABLE)]
    held = {row.number for row in Divided({"train": rows}, divide(preset, {"train": keys_of(rows)})).held_out}
    assert report.held_out_rows == len(held) > 0
    assert report.eval_rows == len(held - set(train.rows("beyond")))
    train.check_bad(report.sources[0].bad)
    assert numbers(report.truncated) == [n for n in train.rows("cut", "beyond") if n not in held]
    assert numbers(report.untrained) == [n for n in train.rows("beyond") if n not in held]
    assert [note.row for note in report.duplicates.notes] == [row for row, _ in train.copies]
    assert report.overlap == Defects()
    assert report.train_rows == len(rows) - report.held_out_rows - report.untrained.count


def test_of_many_bad_rows_all_are_counted_and_the_first_listed(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text('{"text": "fine"}\n' + "{torn\n" * (MOST_NOTES + 200))
    bad = examined(preset_of(tmp_path, path), tmp_path / "xray").sources[0].bad
    assert bad.count == MOST_NOTES + 200
    assert [note.row for note in bad.notes] == list(range(2, MOST_NOTES + 2))


# The trainer's own ledger


def random_rows(seed: int, count: int, copies: int = 0) -> list[dict[str, Any]]:
    """Rows of every shape and many lengths."""
    chance = random.Random(seed)

    def words(most: int) -> str:
        return " ".join(chance.choices(("lamp", "Mira", "keeps", "eleven", "old"), k=chance.randint(1, most)))

    def one(i: int) -> dict[str, Any]:
        shapes: tuple[dict[str, Any], ...] = (
            chat(f"{i} {words(30)}", words(60)),
            {"prompt": f"{i} {words(90)}", "completion": words(9)},
            {"text": f"{i} {words(70)}"},
            {"instruction": f"{i} {words(5)}", "input": words(9), "output": words(50)},
            {"conversations": [{"from": "human", "value": f"{i}"}, {"from": "gpt", "value": words(9)}] * 2},
        )
        return chance.choice(shapes)

    rows = [one(i) for i in range(count)]
    rows += chance.choices(rows, k=copies) if rows else []
    chance.shuffle(rows)
    return rows


def agrees(report: DataReport, data: Data, preset: Preset) -> None:
    """Every figure of the report is the trainer's."""
    ledger = data.ledger
    found = {
        "train_rows": report.train_rows,
        "train_samples": report.train_samples,
        "left_out_rows": report.left_out_rows,
        "eval_rows": report.eval_rows,
        "held_out_rows": report.held_out_rows,
        "mix_rows": report.mix_rows,
        "general_rows": report.general_rows,
        "tokens": report.tokens,
        "trained_tokens": report.trained_tokens,
        "tokens_lost": report.tokens_lost,
        "truncated_rows": report.truncated.count,
        "rows_without_trained_tokens": report.untrained.count,
        "untrained_turns": report.untrained_turns,
        "duplicate_rows": report.duplicates.count,
        "eval_rows_also_in_train": report.overlap.count,
        "rows_read": report.sources[0].rows_read,
        "formats": dict(report.sources[0].formats),
    }
    assert found == {key: ledger.as_dict()[key] for key in found}
    limit = length_limit(preset)
    assert cut_at(limit, report.lengths) == Counter(len(ids) for ids in data.train["input_ids"])
    assert min(report.longest, limit) == data.longest_row
    if "val" in data.evals:
        assert cut_at(limit, report.eval_lengths) == Counter(
            len(ids) for ids in data.evals["val"]["input_ids"]
        )


def cut_at(limit: int, lengths: Mapping[int, int]) -> Counter[int]:
    """{tokens: rows} after cutting."""
    return sum((Counter({min(n, limit): count}) for n, count in lengths.items()), Counter[int]())


SETTINGS: dict[str, tuple[str, ...]] = {
    "split off": (),
    "an eval file": ("data.eval_dataset={folder}/eval.jsonl",),
    "no evaluation": ("data.eval_fraction=0",),
    "many held out": ("data.eval_fraction=0.4", "eval.max_eval_samples=17"),
    "a trial": ("data.max_train_samples=45", "train.seed=7"),
    "a trial beside an eval file": ("data.max_train_samples=45", "data.eval_dataset={folder}/eval.jsonl"),
    "two sources mixed in": (
        "data.mix=[{dataset: {folder}/a.jsonl, ratio: 0.2}, {dataset: {folder}/b.jsonl, ratio: 0.1}]",
    ),
    "one source twice, an eval file": (
        "data.mix=[{dataset: {folder}/a.jsonl, ratio: 0.2}, {dataset: {folder}/a.jsonl, ratio: 0.3}]",
        "data.eval_dataset={folder}/eval.jsonl",
    ),
    "a source that is too small": ("data.mix=[{dataset: {folder}/b.jsonl, ratio: 0.8}]",),
    "a source of one's own rows": ("data.mix=[{dataset: {folder}/rows.jsonl, ratio: 0.5}]",),
    "general rows named": (
        "data.general_eval_dataset={folder}/eval.jsonl",
        "data.mix=[{dataset: {folder}/a.jsonl, ratio: 0.3}]",
        "eval.max_eval_samples=20",
    ),
    "general rows alone": ("data.general_eval_dataset={folder}/eval.jsonl",),
    "packed": ("train.packing=true",),
    "packed in pieces": ("train.packing=true", "train.packing_strategy=bfd_split"),
    "learned whole": ("train.assistant_only_loss=false",),
}


@pytest.mark.parametrize("overrides", SETTINGS.values(), ids=SETTINGS)
def test_the_report_says_what_the_trainers_ledger_says(tmp_path: Path, overrides: tuple[str, ...]) -> None:
    write_rows(tmp_path / "rows.jsonl", random_rows(1, 120, copies=9))
    write_rows(tmp_path / "eval.jsonl", random_rows(2, 40) + random_rows(1, 120)[:6])
    write_rows(tmp_path / "a.jsonl", random_rows(3, 90, copies=4))
    write_rows(tmp_path / "b.jsonl", random_rows(4, 25))
    placed = [text.replace("{folder}", str(tmp_path)) for text in overrides]
    preset = preset_of(tmp_path, tmp_path / "rows.jsonl", f"train.max_length={LIMIT}", *placed)
    agrees(examined(preset, tmp_path / "xray"), built(preset), preset)


@given(
    count=st.integers(1, 45),
    copies=st.integers(0, 12),
    seed=st.integers(0, 999),
    limit=st.sampled_from((24, 40, 200)),
    fraction=st.sampled_from((0.0, 0.05, 0.5)),
    most=st.sampled_from((1, 5, 512)),
    trial=st.sampled_from((None, 1, 20)),
    ratio=st.sampled_from((None, 0.1, 0.6)),
)
@settings(max_examples=25)
def test_the_report_is_the_ledger_of_small_files_too(
    count: int,
    copies: int,
    seed: int,
    limit: int,
    fraction: float,
    most: int,
    trial: int | None,
    ratio: float | None,
) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        # One row in any case that is learned from whatever is cut, and that is never held out: it stands twice.
        sure = [{"text": "Mira"}] * 2
        write_rows(folder / "rows.jsonl", random_rows(seed, count, copies) + sure)
        write_rows(folder / "a.jsonl", random_rows(seed + 1, 1 + count // 2, copies))
        overrides = [f"data.eval_fraction={fraction}", f"eval.max_eval_samples={most}", f"train.seed={seed}"]
        if trial is not None and trial > 1:
            overrides.append(f"data.max_train_samples={trial}")
        if ratio is not None:
            overrides.append(f"data.mix=[{{dataset: {folder}/a.jsonl, ratio: {ratio}}}]")
        preset = preset_of(folder, folder / "rows.jsonl", f"train.max_length={limit}", *overrides)
        report = examined(preset, folder / "xray")
        if not report.train_rows:
            with pytest.raises(DataError, match="has a token to learn from"):
                built(preset)
            return
        agrees(report, built(preset), preset)


@pytest.mark.parametrize("rows", [1000, 40_000])
def test_an_estimate_never_exceeds_the_rows_asked_for(tmp_path: Path, rows: int) -> None:
    """While only a part was seen, the rest is guessed; max_train_samples bounds the guess as it bounds the run."""
    preset = preset_of(tmp_path, tmp_path / "rows.jsonl", "data.eval_fraction=0", "data.max_train_samples=50")
    whole = preset_of(tmp_path, tmp_path / "rows.jsonl", "data.eval_fraction=0")
    assert _seen_in_part(whole, 100, rows).train_rows == rows
    assert _seen_in_part(preset, 100, rows).train_rows == 50


def _seen_in_part(preset: Preset, seen: int, expected: int) -> DataReport:
    renderer = RowRenderer.of(preset, load_tokenizer(preset))
    found = Examination(preset, renderer, "key")
    source = found.source("train", str(preset.data.train_dataset), expected)
    for number in range(1, seen + 1):
        row = normalise({"text": f"number {number}"}, number)
        found.add(source, row, renderer.render(row))
    return found.report(complete=False)


# The mask on a page, and the labels the trainer collates


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The demo's model, in full precision."""
    preset = files.load("demo", tmp_path_factory.mktemp("network"), PLAIN_WEIGHTS).preset
    return model.load_model(preset)


PLAIN_WEIGHTS = ("quantization.load_in_4bit=false", "lora.use_peft=false")


def collated(
    preset: Preset, run: RunDirectory, network: Any, tokenizer: Any
) -> dict[tuple[int, ...], list[int]]:
    """{input_ids: labels} of every row, out of the real trainer's batches, padding taken off."""
    data = built(preset, tokenizer)
    log = EventLog(run)
    trainer = RunTrainer(
        model=network,
        args=arguments.build(
            preset, run, plan_evaluations(preset, plan_of(preset, len(data.train)), data.counted), evals=()
        ),
        train_dataset=data.train,
        processing_class=tokenizer,
        log=log,
        memory=MemoryBook(preset, run, log, data, network.config.to_dict()),
        eval_rows=data.eval_rows,
    )
    found = {}
    for batch in trainer.get_train_dataloader():
        columns = (batch[name].tolist() for name in ("input_ids", "attention_mask", "labels"))
        for ids, real, labels in zip(*columns, strict=True):
            assert all(label == IGNORED for label, there in zip(labels, real, strict=True) if not there)
            kept = [place for place, there in enumerate(real) if there]
            found[tuple(ids[place] for place in kept)] = [labels[place] for place in kept]
    assert len(found) == len(data.train)
    return found


def mask_rows() -> list[dict[str, Any]]:
    turns = [[{"role": r, "content": c} for r, c in conversation] for conversation in CONVERSATIONS]
    return [
        *({"messages": conversation} for conversation in turns),
        {"prompt": [*turns[0], *turns[1][1:4]], "completion": turns[1][4:]},
        {"prompt": "Who keeps the lamps? ", "completion": "Mira 🙂 keeps them."},
        {"text": "Mira keeps lamps.\n\nEleven  of them, 你好 "},
        # Too long: cut in the answer, and cut in a second answer.
        chat("Why?", "Because Mira keeps eleven lamps. " * 30),
        {"messages": turns[1] + [{"role": "user", "content": "More?"}, *turns[1][2:]] * 9},
        {"text": "the old lamp " * 60},
    ]


@pytest.mark.parametrize("only_answers", [True, False], ids=["answers", "all"])
@pytest.mark.parametrize("name", TEMPLATES)
def test_the_mask_on_a_page_is_the_one_the_trainer_collates(
    tmp_path: Path, home: Path, network: Any, name: str, only_answers: bool
) -> None:
    template = tmp_path / "chat.jinja"
    template.write_text(MARKERS.sub("", TEMPLATES[name]), encoding="utf-8")
    path = write_rows(tmp_path / "rows.jsonl", mask_rows())
    run, preset = prepared(
        home,
        f"data.train_dataset={path}",
        "data.eval_dataset=null",
        "data.eval_fraction=0",
        f"model.chat_template_path={template}",
        "train.max_length=120",
        f"train.assistant_only_loss={str(only_answers).lower()}",
        *PLAIN_WEIGHTS,
    )
    tokenizer = load_tokenizer(preset)
    batches = collated(preset, run, network, tokenizer)
    cut = 0
    for number, raw in enumerate(mask_rows(), start=1):
        row = normalise(raw, number)
        (rendered,) = RowRenderer(tokenizer, only_answers).render(row)
        ids = rendered.input_ids[:120]
        labels = batches[tuple(ids)]
        page = pages.page(preset, RowRenderer(tokenizer, only_answers), file_source(path), number)
        assert page["tokens"] == len(rendered.input_ids)
        assert page["cut"] == len(rendered.input_ids) - len(ids)
        assert page["trained"] == sum(label != IGNORED for label in labels[1:])
        by_state = {state: "".join(text for text, s in page["segments"] if s == state) for state in State}
        assert by_state[State.LEARNED] == tokenizer.decode([i for i in labels if i != IGNORED])
        shown = "".join(text for text, _ in page["segments"])
        ended = "" if row.messages else tokenizer.eos_token
        assert shown == rendered.text + ended
        if page["cut"]:
            cut += 1
            assert shown.startswith(tokenizer.decode(ids))
            assert by_state[State.CUT] == shown.removeprefix(tokenizer.decode(ids))
            continue
        assert not by_state[State.CUT]
        pieces = [(tokenizer(text, add_special_tokens=False)["input_ids"], s) for text, s in page["segments"]]
        assert [i for piece, _ in pieces for i in piece] == ids
        mask = [i if s == State.LEARNED else IGNORED for piece, s in pieces for i in piece]
        assert mask == labels
    assert cut == 3


def test_neighbouring_stretches_of_a_page_differ_and_none_is_empty(tmp_path: Path) -> None:
    path = write_rows(tmp_path / "rows.jsonl", mask_rows())
    preset = preset_of(tmp_path, path, "train.max_length=50")
    tokenizer = load_tokenizer(preset)
    for number in range(1, len(mask_rows()) + 1):
        found = pages.page(preset, RowRenderer.of(preset, tokenizer), file_source(path), number)["segments"]
        states = [state for _, state in found]
        assert all(text for text, _ in found)
        assert all(a != b for a, b in itertools.pairwise(states))


@given(st.text(max_size=80), st.text(min_size=1, max_size=80), st.integers(1, 80))
@settings(max_examples=60)
def test_a_page_loses_and_adds_no_character(question: str, answer: str, limit: int) -> None:
    tokenizer = load_tokenizer(files.load("demo", Path("/nowhere")).preset)
    for raw in (chat(question, answer), {"prompt": question, "completion": answer}):
        row = normalise(raw, 1)
        (rendered,) = RowRenderer(tokenizer).render(row)
        shown = "".join(text for text, _ in pages.segments(tokenizer, rendered, limit))
        assert shown == rendered.text + ("" if row.messages else tokenizer.eos_token)


def split_at_spaces() -> Any:
    """A tokenizer whose tokens leave the white space between them out, as those of older models do."""
    from tokenizers import Tokenizer, models, pre_tokenizers

    words = Tokenizer(models.WordLevel({"[UNK]": 0, "Mira": 1, "keeps": 2, "lamps": 3}, unk_token="[UNK]"))
    words.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    return PreTrainedTokenizerFast(tokenizer_object=words, unk_token="[UNK]", eos_token="</s>")


@pytest.mark.parametrize(
    ("completion", "shown"),
    [
        ("Mira  keeps lamps", [("Who?  ", State.READ), ("Mira  keeps lamps</s>", State.LEARNED)]),
        ("Mira keeps \n", [("Who?  ", State.READ), ("Mira keeps \n</s>", State.LEARNED)]),
    ],
    ids=["between words", "at the end"],
)
def test_text_that_no_token_covers_stays_in_its_place(
    completion: str, shown: list[tuple[str, State]]
) -> None:
    tokenizer = split_at_spaces()
    row = normalise({"prompt": "Who?  ", "completion": completion}, 1)
    (rendered,) = RowRenderer(tokenizer).render(row)
    assert list(pages.segments(tokenizer, rendered, 1000)) == shown


# Pages and reports name the same rows


SEPARATORS = {
    "blank lines": "\n\n \n",
    "Windows": "\r\n",
    "Windows, converted twice": "\r\r\n",
    "a no-break space": "\n\u00a0\n",
    "old Mac": "\r",
    "a form feed": "\n\x0c\n",
    "a separator": "\n\x1c\n",
}


@pytest.mark.parametrize("between", SEPARATORS.values(), ids=SEPARATORS)
def test_a_page_shows_the_row_the_report_speaks_of(tmp_path: Path, between: str) -> None:
    rows = [json.dumps({"text": "first"}), json.dumps({"text": "second"}), json.dumps({"txt": "third"})]
    path = tmp_path / "rows.jsonl"
    path.write_bytes(between.join(rows).encode())
    preset = preset_of(tmp_path, path)
    report = examined(preset, tmp_path / "xray")
    tokenizer = load_tokenizer(preset)
    (note,) = report.sources[0].bad.notes
    assert "has txt" in note.text
    assert report.sources[0].rows_read == 3 == report.sources[0].rows_expected
    assert (
        "has txt"
        in pages.page(preset, RowRenderer.of(preset, tokenizer), file_source(path), note.row)["problem"]
    )


@pytest.mark.parametrize("suffix", ["json", "csv", "parquet"])
def test_rows_of_other_files_have_pages_too(tmp_path: Path, suffix: str) -> None:
    rows = [{"prompt": f"number {i} ", "completion": "one" if i != 2 else ""} for i in range(1, 5)]
    path = tmp_path / f"rows.{suffix}"
    if suffix == "json":
        path.write_text(json.dumps(rows))
    elif suffix == "csv":
        path.write_text("prompt,completion\n" + "".join(f"{r['prompt']},{r['completion']}\n" for r in rows))
    else:
        import pyarrow.parquet
        from pyarrow import Table

        pyarrow.parquet.write_table(Table.from_pylist(rows), path)
    preset = preset_of(tmp_path, path)
    report = examined(preset, tmp_path / "xray")
    assert numbers(report.sources[0].bad) == [2]
    tokenizer = load_tokenizer(preset)
    place = file_source(path)
    assert (
        pages.page(preset, RowRenderer.of(preset, tokenizer), place, 2)["problem"]
        == "its completion is empty"
    )
    assert pages.page(preset, RowRenderer.of(preset, tokenizer), place, 3)["segments"][0][0] == "number 3 "
    with pytest.raises(IndexError):
        pages.page(preset, RowRenderer.of(preset, tokenizer), place, 5)


def test_the_page_of_a_line_that_is_no_json_shows_the_line(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text('{"text": "fine"}\n{"text": "torn off he\n')
    preset = preset_of(tmp_path, path)
    page = pages.page(preset, RowRenderer.of(preset, load_tokenizer(preset)), file_source(path), 2)
    assert "not JSON" in page["problem"]
    assert page["raw"] == '{"text": "torn off he'


# Questions on standard input

NONSENSE = {
    "no JSON": b"row 3, please",
    "a list": b"[1, 2]",
    "an empty object": b"{}",
    "no number": b'{"source": "train", "row": "three"}',
    "null": b'{"source": "train", "row": null}',
    "another source": b'{"source": "none", "row": 1}',
    "row 0": b'{"source": "train", "row": 0}',
    "a negative row": b'{"source": "train", "row": -4}',
    "past the end": b'{"source": "train", "row": 3}',
    "far past the end": b'{"source": "train", "row": 99999999999999999999999}',
    "no text": b"\xff\xfe\x00",
    "infinity": b'{"source": "train", "row": 1e999}',
    "no number at all": b'{"source": "train", "row": NaN}',
    "endlessly nested": b"[" * 100_000,
}


@pytest.mark.parametrize("question", NONSENSE.values(), ids=NONSENSE)
def test_nonsense_is_answered_and_does_not_end_it(
    tmp_path: Path, question: bytes, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write_rows(tmp_path / "rows.jsonl", [{"text": "first"}, {"text": "second"}])
    preset = preset_of(tmp_path, path)
    capsys.readouterr()
    examined(preset, tmp_path / "xray", question + b'\n{"source": "train", "row": 2}\n')
    said = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    refused, answered = [message for message in said if message["type"] == "page"]
    assert refused["problem"]
    assert refused["segments"] == []
    assert (answered["row"], answered["segments"][0][0], answered["problem"]) == (2, "second<|im_end|>", "")


def test_a_row_the_template_refuses_is_bad_in_the_report_and_on_its_page(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    template = tmp_path / "chat.jinja"
    template.write_text(
        "{% if messages[0]['role'] == 'system' %}{{ raise_exception('no system turns') }}{% endif %}"
        + MARKERS.sub("", CHATML)
    )
    rows = [
        chat("Who?", "Mira."),
        {"messages": [{"role": "system", "content": "."}, *chat("a", "b")["messages"]]},
    ]
    preset = preset_of(
        tmp_path, write_rows(tmp_path / "rows.jsonl", rows), f"model.chat_template_path={template}"
    )
    report = examined(preset, tmp_path / "xray", b'{"source": "train", "row": 2}\n')
    assert numbers(report.sources[0].bad) == [2]
    assert "no system turns" in report.sources[0].bad.notes[0].text
    (page,) = (m for m in map(json.loads, capsys.readouterr().out.splitlines()) if m["type"] == "page")
    assert "no system turns" in page["problem"]


# The process itself


class Child:
    """A running X-ray, with everything it said and the report as it was each time one was announced."""

    def __init__(self, process: subprocess.Popen[bytes], home: Path, key: str) -> None:
        self.process = process
        self.said: list[dict[str, Any]] = []
        self.reports: list[DataReport | None] = []
        self._home, self._key = home, key
        self._thread = threading.Thread(target=self._listen, daemon=True)
        self._thread.start()

    def _listen(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            message = parse_message(line)
            if message.get("type") == "report":
                self.reports.append(read_report(self._home, self._key))
            self.said.append(message)

    def ask(self, line: bytes) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(line)
        self.process.stdin.flush()

    def pages(self) -> list[dict[str, Any]]:
        return [message for message in self.said if message.get("type") == "page"]

    def end_of_input(self) -> int:
        assert self.process.stdin is not None
        self.process.stdin.close()
        code = self.process.wait(60)
        self._thread.join(10)
        return code


@contextmanager
def child(preset: Preset, home: Path) -> Iterator[Child]:
    key = xray_key(preset)
    process = start(preset, home, key, interactive=True)
    try:
        yield Child(process, home, key)
    finally:
        process.kill()
        process.wait()
        for stream in (process.stdin, process.stdout):
            if stream is not None and not stream.closed:
                try:
                    stream.close()
                except BrokenPipeError:
                    pass


def test_a_large_file_is_sampled_first_and_pages_come_at_any_time(tmp_path: Path, home: Path) -> None:
    """30,000 rows: a copy every thousand, and 25 lines that are no JSON."""
    lines = [json.dumps({"prompt": f"number {i} ", "completion": f"yes {i % 7}"}) for i in range(30_000)]
    lines[999::1000] = [lines[0]] * 30
    lines[500:12_500:480] = ["{torn"] * 25
    path = tmp_path / "rows.jsonl"
    path.write_text("\n".join(lines) + "\n")
    preset = preset_of(tmp_path, path, "eval.max_eval_samples=auto")
    with child(preset, home) as running:
        running.ask(b'{"source": "train", "row": 3}\n')
        wait_for(lambda: {"type": "report", "complete": True} in running.said)
        kinds = [(message["type"], message.get("complete")) for message in running.said]
        assert kinds.index(("page", None)) < kinds.index(("report", True))
        assert kinds[-1] == ("report", True)
        first, last = running.reports[0], running.reports[-1]
        for question in (
            b"garbage\n",
            b'{"source": "train", "row": 30001}\n',
            b'{"source": "tr',
            b'ain", "row": 4}\n',
        ):
            running.ask(question)
        wait_for(lambda: len(running.pages()) == 4)
        code = running.end_of_input()
        answers = running.pages()
    assert code == 0
    third, garbage, past, fourth = answers
    assert third["segments"] == [["number 2 ", State.READ], ["yes 2<|im_end|>", State.LEARNED]]
    assert garbage["problem"]
    assert "30001" in past["problem"]
    assert fourth["segments"][0][0] == "number 3 "

    assert first is not None
    assert (first.sampled, first.complete, first.rows_read) == (True, False, 2000)
    assert first.sources[0].rows_expected == 30_000
    assert first.train_rows == pytest.approx(30_000, rel=0.1)
    assert last is not None
    assert (last.sampled, last.complete, last.rows_read) == (False, True, 30_000)
    assert numbers(last.sources[0].bad) == list(range(501, 12_501, 480))
    copied = [(note.row, note.text) for note in last.duplicates.notes]
    assert copied == [(row, "is the same as row 1") for row in range(1000, 30_001, 1000)]
    assert last.held_out_rows == last.eval_rows == 512
    assert last.train_rows == 30_000 - 25 - 512
    assert last.duplicates.count == 30


@pytest.mark.parametrize(
    ("spoilt", "words"),
    [("config.json", "no config.json"), ("chat_template.jinja", "no chat template")],
    ids=["no model directory", "no chat template"],
)
def test_what_keeps_it_from_working_is_said_in_one_line(
    tmp_path: Path, home: Path, spoilt: str, words: str
) -> None:
    folder = tmp_path / "model"
    shutil.copytree(DEMO, folder)
    (folder / spoilt).unlink()
    path = write_rows(tmp_path / "rows.jsonl", [chat("Who?", "Mira.")])
    preset = preset_of(tmp_path, path, f"model.model_name_or_path={folder}")
    process = start(preset, home, xray_key(preset))
    out, _ = process.communicate(timeout=60)
    (message,) = [parse_message(line) for line in out.splitlines()]
    assert process.returncode == 1
    assert message["type"] == "error"
    assert words in message["message"]
    assert message["hint"]
    assert read_report(home, xray_key(preset)) is None


# Ends and beginnings of rows


def model_with(folder: Path, template: str | None = None, bos: str | None = None, **tokens: Any) -> str:
    """--set for a copy of the demo's model with another tokenizer."""
    made = PreTrainedTokenizerFast.from_pretrained(DEMO)
    if bos is not None:
        from tokenizers.processors import TemplateProcessing

        made.bos_token = bos
        made.backend_tokenizer.post_processor = TemplateProcessing(
            single=f"{bos} $A", special_tokens=[(bos, made.convert_tokens_to_ids(bos))]
        )
    for name, token in tokens.items():
        setattr(made, name, token)
    if template is not None:
        made.chat_template = MARKERS.sub("", template)
    shutil.copytree(DEMO, folder)
    made.save_pretrained(folder)
    return f"model.model_name_or_path={folder}"


THREE = [chat("Who?", "Mira."), chat("Where?", "There."), chat("When?", "Now.")]
ENDLESS = "{% for m in messages %}{{ m['role'] + ': ' + m['content'] + '\n' }}{% endfor %}"


@pytest.mark.parametrize(
    ("template", "end_untrained", "with_eos"),
    [(CHATML, [], True), (PLAIN, [], False), (HEADERS, [], False), (ENDLESS, [1, 2, 3], False)],
    ids=["EOS", "another end", "another end after headers", "none"],
)
def test_whether_the_end_of_a_turn_is_learned(
    tmp_path: Path, template: str, end_untrained: list[int], with_eos: bool
) -> None:
    preset = preset_of(
        tmp_path,
        write_rows(tmp_path / "rows.jsonl", THREE),
        model_with(tmp_path / "model", template),
        "data.eval_fraction=0",
    )
    report = examined(preset, tmp_path / "xray")
    assert numbers(report.end_untrained) == end_untrained
    assert report.ends_with_eos == with_eos


def test_an_end_that_is_masked_is_not_learned(tmp_path: Path) -> None:
    """The header of the next turn before the end-of-turn token: the token then belongs to no answer."""
    template = (
        "{% for m in messages %}{{ m['role'] + ': ' + m['content'] }}"
        "{% if not loop.last %}{{ '<|im_end|>' }}{% endif %}{% endfor %}"
    )
    two = [*THREE[0]["messages"], *THREE[1]["messages"]]
    preset = preset_of(
        tmp_path,
        write_rows(tmp_path / "rows.jsonl", [{"messages": two}]),
        model_with(tmp_path / "model", template),
        "data.eval_fraction=0",
    )
    assert numbers(examined(preset, tmp_path / "xray").end_untrained) == [1]


def test_a_doubled_bos_is_seen_and_a_single_one_is_not(tmp_path: Path) -> None:
    bos = "<|endoftext|>"
    setting = model_with(tmp_path / "model", "{{ bos_token }}" + CHATML, bos=bos)
    twice = tmp_path / "twice.jinja"
    twice.write_text("{{ bos_token }}{{ bos_token }}" + MARKERS.sub("", CHATML))
    rows = [*THREE, {"text": "Mira keeps lamps."}, {"text": f"{bos}Mira keeps lamps."}]
    path = write_rows(tmp_path / "rows.jsonl", rows)
    once = preset_of(tmp_path, path, setting, "data.eval_fraction=0")
    assert numbers(examined(once, tmp_path / "once").doubled_bos) == [5]
    doubled = preset_of(tmp_path, path, setting, "data.eval_fraction=0", f"model.chat_template_path={twice}")
    assert numbers(examined(doubled, tmp_path / "doubled").doubled_bos) == [1, 2, 3, 5]
    page = pages.page(once, RowRenderer.of(once, load_tokenizer(once)), file_source(path), 4)
    assert page["segments"] == [[bos, State.READ], ["Mira keeps lamps.<|im_end|>", State.LEARNED]]


def test_a_pad_token_that_is_the_eos_is_seen(tmp_path: Path) -> None:
    path = write_rows(tmp_path / "rows.jsonl", THREE)
    none = preset_of(tmp_path, path, model_with(tmp_path / "none", pad_token=None))
    assert load_tokenizer(none).pad_token == "<|im_end|>"
    assert examined(none, tmp_path / "x1").pad_is_eos
    assert not examined(preset_of(tmp_path, path), tmp_path / "x2").pad_is_eos


def test_understanding_a_bad_row_twice_keeps_its_line() -> None:
    assert understand(BadRow(0, "torn", line=9), 4, file_source("rows.jsonl")) == BadRow(4, "torn", line=9)
