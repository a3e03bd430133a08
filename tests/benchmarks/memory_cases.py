"""`python -m tests.benchmarks.memory_cases FILE.csv`: predicted against measured memory, row by row.

The columns are those of tests/data/memory-cases.csv. Exit code 1 when a row is off by more than 1 % in its peak or
0.1 % in its static part.
"""

from __future__ import annotations

import argparse
import csv
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from runner.insight.memory.inputs import MemoryInputs
from runner.insight.memory.terms import MIB, terms
from tests.insight.architectures import dense

MOST_PEAK_PERCENT = 1.0
MOST_STATIC_PERCENT = 0.1


@dataclass(frozen=True)
class Case:
    """One measurement beside its prediction, in MiB of torch's allocator; a measured None was not recorded."""

    name: str
    static: float
    measured_static: float | None
    peak: float
    measured_peak: float | None

    @property
    def static_error(self) -> float | None:
        """Percent."""
        return _percent(self.static, self.measured_static)

    @property
    def peak_error(self) -> float | None:
        return _percent(self.peak, self.measured_peak)

    @property
    def is_good(self) -> bool:
        return (
            abs(self.static_error or 0.0) <= MOST_STATIC_PERCENT
            and abs(self.peak_error or 0.0) <= MOST_PEAK_PERCENT
        )


def _percent(predicted: float, measured: float | None) -> float | None:
    return None if measured is None else 100 * (predicted - measured) / measured


def setup_of_case(row: Mapping[str, str]) -> MemoryInputs:
    """A Setup from one row of a table of measurements, shaped like tests/data/memory-cases.csv. Raises KeyError or
    ValueError when a column is missing or no number.
    """
    architecture = dense(
        model_type="llama",
        hidden=int(row["hidden_size"]),
        intermediate=int(row["intermediate_size"]),
        count=int(row["num_hidden_layers"]),
        heads=int(row["num_attention_heads"]),
        kv_heads=int(row["num_key_value_heads"]),
        head_dim=int(row["head_dim"]),
        vocabulary=int(row["vocab_size"]),
        tied=bool(int(row["tied"])),
    )
    return MemoryInputs(
        architecture=architecture,
        quantization=_choice(row["quantization"], ("none", "nf4-dq", "nf4", "int8")),  # type: ignore[arg-type]
        stream_bytes=4 if row["residual_stream"] == "fp32" else 2,
        r=int(row["lora_r"]),
        targets=tuple(row["target_modules"].split()),
        dropout=float(row["lora_dropout"]) > 0,
        adapter_bytes=4 if row["adapter_dtype"] == "fp32" else 2,
        optimizer=row["optimizer"],
        batch=int(row["batch"]),
        length=int(row["seq_len"]),
        flash=True,
        checkpointing=bool(int(row["gradient_checkpointing"])),
        loss_kernel=_choice(row["loss_kernel"], ("materialised", "trl_chunked", "trl_fused")),  # type: ignore[arg-type]
    )


def _choice(value: str, known: tuple[str, ...]) -> str:
    if value not in known:
        raise ValueError(f"{value!r} is none of {', '.join(known)}")
    return value


def read_cases(path: Path) -> list[Case]:
    """Every row of a file, predicted. Raises KeyError or ValueError for a file of another shape."""
    with path.open(encoding="utf-8", newline="") as stream:
        return [_case(row) for row in csv.DictReader(stream)]


def _case(row: dict[str, str]) -> Case:
    parts = terms(setup_of_case(row))

    def measured(key: str) -> float | None:
        return float(row[key]) if row.get(key) else None

    return Case(
        f"{row['id']} {row['model']} {row['quantization']} {row['batch']}×{row['seq_len']}",
        parts.static / MIB,
        measured("static_mib"),
        parts.allocated / MIB,
        measured("peak_allocated_mib"),
    )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file", type=Path)
    cases = read_cases(parser.parse_args().file)
    print(f"{'case':<40} {'static MiB':>20} {'error':>8}   {'peak MiB':>20} {'error':>8}")
    for case in cases:
        static = f"{case.static:,.0f} / {case.measured_static or 0:,.0f}"
        peak = f"{case.peak:,.0f} / {case.measured_peak or 0:,.0f}"
        print(
            f"{case.name:<40} {static:>20} {case.static_error or 0:+7.3f}%   {peak:>20} {case.peak_error or 0:+7.3f}%"
        )
    good = sum(case.is_good for case in cases)
    print(f"{good} of {len(cases)} rows within ±{MOST_PEAK_PERCENT:g} % (static ±{MOST_STATIC_PERCENT:g} %)")
    return int(good != len(cases))


if __name__ == "__main__":
    sys.exit(main())
