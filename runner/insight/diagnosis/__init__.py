"""The judgement of a run's curves: findings with evidence, and exactly one verdict.

Detector ids (D1, D2, D8, D9 …) are stable. Every function here is pure.
"""

from runner.insight.diagnosis.finding import Action, Change, Finding, Severity
from runner.insight.diagnosis.judge import UNKNOWN, Judge
from runner.insight.diagnosis.verdict import Verdict, VerdictKind, diagnose

__all__ = [
    "UNKNOWN",
    "Action",
    "Change",
    "Finding",
    "Judge",
    "Severity",
    "Verdict",
    "VerdictKind",
    "diagnose",
]
