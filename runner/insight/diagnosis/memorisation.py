"""The same weights do far better on rows they were trained on than on held-out ones."""

from __future__ import annotations

import numpy as np

from runner.insight.curves import Curves, finite
from runner.insight.diagnosis.finding import Finding, Severity

GAP_SEEN = 0.10
FEWEST = 3


def memorisation(curves: Curves) -> Finding | None:
    """`memorisation`: the same weights do far better on rows they were trained on than on held-out ones: (E − P)/E
    over 10 %. Needs evaluated training rows. Never more than a remark: three healthy epochs can end 30 % apart with a
    flat held-out loss.
    """
    points, probe = finite(curves.val), {p.step: p for p in finite(curves.probe)}
    if len(points) < FEWEST or points[-1].step not in probe or points[-1].loss <= 0:
        return None
    now, learned = points[-1], probe[points[-1].step]
    gap = (now.loss - learned.loss) / now.loss
    first = probe.get(points[0].step)
    # What was apart before training is the rows' difference, not their being known by heart.
    gap -= max(0.0, (points[0].loss - first.loss) / points[0].loss) if first and points[0].step == 0 else 0.0
    if gap <= GAP_SEEN:
        return None
    accuracy = curves.train.accuracy[np.isfinite(curves.train.accuracy)][-20:]
    return Finding(
        id="memorisation",
        name="memorisation",
        severity=Severity.INFO,
        since_step=now.step,
        sentence=f"Held-out loss {now.loss:.3f}, {learned.loss:.3f} on training rows with the same weights "
        f"({100 * gap:.0f} % apart): answers are being learned by heart.",
        evidence={"gap_percent": 100 * gap, "eval_loss": now.loss, "probe_loss": learned.loss}
        | ({"token_accuracy": float(accuracy.mean())} if len(accuracy) else {}),
        evals=tuple(points[-3:]),
    )
