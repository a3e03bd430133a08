"""`python -m tests.benchmarks.replay DIR NNN…`: what was said of labelled logs, and when.

A line for each evaluation, and for each change of the verdict as it is shown live; marked from where a warning of
overfitting is right (the first evaluation 3 % above the best, by the label).
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from runner.insight.diagnosis import Severity, ThrottledDiagnosis, diagnose
from tests.benchmarks.curves import prefixes, read_curves, steps_per_epoch


def lines(record: Mapping[str, Any], label: Mapping[str, Any]) -> Iterator[str]:
    right = label.get("first_eval_3pct_over_min")
    judge, shown, evaluations = ThrottledDiagnosis(), "", 0
    for curves in prefixes(read_curves(record, steps_per_epoch(record))):
        judge.take(diagnose(curves), curves)
        verdict = judge.verdict
        evaluated = len(curves.val) > evaluations
        evaluations = len(curves.val)
        if not evaluated and verdict.kind.value == shown:
            continue
        step = max(curves.step, curves.val[-1].step if curves.val else 0)
        loss = f"{curves.val[-1].loss:9.4f}" if evaluated else " " * 9
        mark = "right from here" if evaluated and right == curves.val[-1].step else ""
        said = verdict.headline if verdict.kind.value != shown else ""
        alarm = "!" if said and verdict.severity >= Severity.WARNING else " "
        shown = verdict.kind.value
        yield f"{step:>9} {loss} {alarm} {said:36} {mark}"


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path, metavar="DIR")
    parser.add_argument("names", nargs="+", metavar="NNN")
    asked = parser.parse_args()
    labels = json.loads((asked.folder / "labels.json").read_text())
    for name in asked.names:
        record = json.loads((asked.folder / f"{name}.json").read_text())
        print(f"{name}: {', '.join(labels[name]['labels'])}")
        for line in lines(record, labels[name]):
            print(line.rstrip())
    return 0


if __name__ == "__main__":
    sys.exit(main())
