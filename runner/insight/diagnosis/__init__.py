"""The judgement of a run's curves: findings with evidence, and exactly one verdict.

Findings have stable slugs (overfitting, rate-too-high …). Every function here is pure.
"""

from runner.insight.diagnosis.finding import Action, Change, Finding, Severity
from runner.insight.diagnosis.throttled import UNKNOWN, ThrottledDiagnosis
from runner.insight.diagnosis.verdict import Verdict, VerdictKind, diagnose, is_remark

__all__ = [
    "UNKNOWN",
    "Action",
    "Change",
    "Finding",
    "Severity",
    "ThrottledDiagnosis",
    "Verdict",
    "VerdictKind",
    "diagnose",
    "is_remark",
]
