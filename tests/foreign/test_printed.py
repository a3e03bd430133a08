"""Which entries of a printed log are one run's, and their steps where a log was appended to."""

from __future__ import annotations

from pathlib import Path

import pytest

from runner.foreign.console import find, read_line
from runner.foreign.printed import Printed
from runner.foreign.steps import find_steps


def read(text: str) -> Printed:
    printed = Printed()
    for line in text.encode().split(b"\n"):
        read_line(line, printed)
    return printed


def steps(text: str) -> list[int]:
    printed = read(text)
    return find_steps(printed.counting(), printed)


def entry(loss: float, epoch: float) -> str:
    return f"{{'loss': {loss}, 'learning_rate': 2e-05, 'epoch': {epoch}}}"


def drawn(step: int, total: int = 100) -> str:
    return f" {step}%|███   | {step}/{total} [00:01<00:09, 9.9it/s]"


@pytest.mark.parametrize(
    "ranks",
    [
        ["[default0]:", "[default1]:"],
        ["[rank0]: ", "[rank1]: "],
        ["[1,0]<stdout>:", "[1,1]<stdout>:"],
        ["", ""],
        ["", "", "", ""],
    ],
)
def test_what_every_rank_prints_counts_once(ranks: list[str]) -> None:
    lines = [rank + entry(1.0 / k, 0.1 * k) for k in range(1, 6) for rank in ranks]
    assert steps("\n".join(lines)) == [1, 2, 3, 4, 5]


def test_ranks_with_losses_of_their_own_are_told_apart_by_their_names() -> None:
    lines = [f"[rank{r}]: " + entry(k + 0.1 * r, 0.1 * k) for k in range(1, 4) for r in (1, 0)]
    printed = read("\n".join(lines))
    assert [e.logs["loss"] for e in printed.counting()] == [1.1, 2.1, 3.1]


def test_one_rank_may_log_the_same_twice() -> None:
    """A constant rate, a loss of 0.0, epochs of two digits: some entries are alike, not all."""
    lines = [entry(0.5, 0.01), entry(0.0, 0.01), entry(0.0, 0.01), entry(0.0, 0.02), entry(0.1, 0.02)]
    assert steps("\n".join(lines)) == [1, 2, 3, 4, 5]


def test_a_log_that_was_appended_to_is_placed_part_by_part() -> None:
    """The first part has its bars, the second was written without."""
    first = [text for k in (1, 2, 3) for text in (entry(1.0, k), drawn(10 * k))]
    second = [entry(0.9, k) for k in (2, 3, 4)]
    header = "  Num Epochs = 10\n  Total optimization steps = 100\n"
    assert steps(header + "\n".join([*first, *second])) == [10, 20, 30, 20, 30, 40]


@pytest.mark.parametrize(
    ("seconds", "rate", "expected"),
    [
        # Exact enough to tell 50 steps from 49 between two entries.
        ("7476", "0.435", [1600, 1650, 1700, 3252]),
        # One digit is not: the entries are counted.
        ("1810.426", "0.1", [32, 33, 34, 66]),
    ],
)
def test_a_summary_tells_the_steps_where_it_is_exact(seconds: str, rate: str, expected: list[int]) -> None:
    per_epoch = 1626
    lines = [f"{{'loss': 1.0, 'epoch': '{step / per_epoch:.4g}'}}" for step in (1600, 1650, 1700)]
    end = f"{{'train_runtime': '{seconds}', 'train_steps_per_second': '{rate}', 'epoch': '2'}}"
    found = steps("\n".join([*lines, end]))
    assert found[:3] == expected[:3]
    assert found[3] == pytest.approx(expected[3], abs=60)


def test_numpy_s_words_around_numbers_are_read() -> None:
    printed = read("{'loss': np.float64(0.5), 'grad_norm': tensor(2.5, device='cuda:0'), 'epoch': 1.0}")
    assert printed.entries[0].logs == {"loss": 0.5, "grad_norm": 2.5, "epoch": 1.0}


def test_settings_that_were_printed_are_no_entries() -> None:
    text = "{'metric_for_best_model': 'eval_loss', 'lr': 1e-4}\n{'loss': 'cross_entropy'}\n{'epoch': None}"
    assert read(text).entries == []


def test_an_evaluation_after_the_end_belongs_to_the_last_step() -> None:
    bars = "".join(drawn(step, 30) + "\r" for step in range(31))
    lines = [entry(1.0, 1.0), entry(0.9, 2.0), entry(0.8, 3.0)]
    lines += [
        "{'train_runtime': 5.0, 'train_steps_per_second': 6.0, 'epoch': 3.0}",
        "{'eval_loss': 1.1, 'epoch': 3.0}",
    ]
    assert steps(bars + "\n" + "\n".join(lines)) == [10, 20, 30, 30, 30]


def test_an_entry_over_several_lines_is_one() -> None:
    """As pprint shows it, and as a narrow terminal breaks it."""
    text = "{'loss': 1.0, 'epoch': 1.0}\n"
    text += "{'eval_gen_len': 127.2,\n 'eval_loss': 8.8,\n 'eval_rouge1': 29.8,\n 'epoch': 1.0}\n"
    printed = read(
        text
        + "{'loss': 0.9, 'learning_rate': 1e-05,\n'epoch': 2.0}\nand more\n{'loss': 0.8,\nnever closed\n"
        + entry(0.7, 3)
    )
    assert [dict(e.logs) for e in printed.entries] == [
        {"loss": 1.0, "epoch": 1.0},
        {"eval_gen_len": 127.2, "eval_loss": 8.8, "eval_rouge1": 29.8, "epoch": 1.0},
        {"loss": 0.9, "learning_rate": 1e-05, "epoch": 2.0},
        {"loss": 0.7, "learning_rate": 2e-05, "epoch": 3},
    ]


def test_what_is_printed_in_blocks_is_placed_by_the_bars_it_follows() -> None:
    """A buffer of stdout is written every forty entries or so, and bars at once."""
    text, pending = "", []
    for step in range(1, 2001):
        text += f"\r {step}%|███   | {step}/10000 [00:01<00:09, 9.9it/s]"
        if step % 10 == 0:
            pending.append(entry(1.0, round(step / 500, 2)) + "\n")
        if len(pending) == 40:
            text, pending = text + "\n" + "".join(pending), []
    found = steps(text)
    assert len(found) == 200
    assert found == pytest.approx(list(range(10, 2001, 10)), rel=0.1, abs=10)
    assert found[-1] == pytest.approx(2000, rel=0.02)


def test_a_log_whose_entries_all_come_behind_a_megabyte_of_bars(tmp_path: Path) -> None:
    bars = "".join(drawn(step, 20_000) + "\r" for step in range(20_000))
    (tmp_path / "nohup.out").write_text(bars + "\n" + "\n".join(entry(1.0, k) for k in (1, 2)) + "\n")
    found = find(tmp_path)
    assert found is not None


@pytest.mark.parametrize("key", ["global_step/max_steps", "iteration"])
def test_a_step_that_is_in_the_entry_is_it(key: str) -> None:
    lines = [f"{{'loss': 1.0, '{key}': '{step}/60', 'epoch': 0.1}}" for step in (1, 5, 10)]
    printed = read("\n".join(lines))
    assert find_steps(printed.counting(), printed) == [1, 5, 10]
    assert printed.training_total() == 60
