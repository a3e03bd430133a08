"""A sweep: every combination of values, each with the name its run gets."""

from __future__ import annotations

import time

import pytest

from runner.commands.enqueue import MOST_RUNS, Variant, variants
from runner.store.errors import LaunchError


def test_without_a_sweep_there_is_one_run() -> None:
    assert variants(()) == [Variant()]


def test_a_run_for_every_value() -> None:
    assert variants(["train.learning_rate=5e-5,1e-4,2e-4"]) == [
        Variant(("train.learning_rate=5e-5",), "-5e-5"),
        Variant(("train.learning_rate=1e-4",), "-1e-4"),
        Variant(("train.learning_rate=2e-4",), "-2e-4"),
    ]


def test_a_run_for_every_combination_the_last_one_changes_first() -> None:
    found = variants(["train.learning_rate=1e-4,2e-4", "lora.r=8,16"])
    assert [one.overrides for one in found] == [
        ("train.learning_rate=1e-4", "lora.r=8"),
        ("train.learning_rate=1e-4", "lora.r=16"),
        ("train.learning_rate=2e-4", "lora.r=8"),
        ("train.learning_rate=2e-4", "lora.r=16"),
    ]
    assert [one.label for one in found] == ["-1e-4-8", "-1e-4-16", "-2e-4-8", "-2e-4-16"]


def test_blanks_and_a_comma_too_many_are_nothing() -> None:
    assert variants([" lora.r = 8 , ,16, "]) == [
        Variant(("lora.r=8",), "-8"),
        Variant(("lora.r=16",), "-16"),
    ]


def test_a_value_may_hold_an_equals_sign() -> None:
    assert variants(["data.train_dataset=/a=b.jsonl"])[0].overrides == ("data.train_dataset=/a=b.jsonl",)


@pytest.mark.parametrize("sweep", ["", "lora.r", "lora.r=", "lora.r= , ,", "=1,2", "r=8,16", "8,16"])
def test_a_sweep_without_values_is_refused_with_how_to_say_it(sweep: str) -> None:
    with pytest.raises(LaunchError) as refused:
        variants(["train.seed=1", sweep])
    assert f"--sweep {sweep}: values are missing" in str(refused.value)
    assert "--sweep train.learning_rate=5e-5,1e-4,2e-4" in str(refused.value)


def values(count: int) -> str:
    return ",".join(map(str, range(count)))


def test_as_many_runs_as_are_meant() -> None:
    assert len(variants([f"train.seed={values(MOST_RUNS)}"])) == MOST_RUNS
    assert len(variants([f"train.seed={values(8)}", f"lora.r={values(8)}"])) == MOST_RUNS


def test_more_runs_than_anybody_means_are_refused_with_their_number() -> None:
    with pytest.raises(LaunchError, match="65 runs, more than 64"):
        variants([f"train.seed={values(65)}"])
    with pytest.raises(LaunchError, match="66 runs"):
        variants([f"train.seed={values(11)}", f"lora.r={values(6)}"])


def test_so_many_that_they_could_not_be_listed_are_refused_at_once() -> None:
    sweeps = [f"section{number}.key={values(10)}" for number in range(12)]
    before = time.monotonic()
    with pytest.raises(LaunchError, match="1000000000000 runs"):
        variants(sweeps)
    assert time.monotonic() - before < 5
