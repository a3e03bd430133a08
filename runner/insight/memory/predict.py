"""Will it fit: what a run needs, what nvidia-smi will show, how sure that is, and what would help most."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from enum import StrEnum

from runner.insight.figures import gib
from runner.insight.memory.calibration import Calibration
from runner.insight.memory.cards import Card
from runner.insight.memory.inputs import MemoryInputs
from runner.insight.memory.savings import Changes, last_resorts, levers
from runner.insight.memory.terms import MIB, Terms, terms

KERNELS_MIB = 350.0
KERNELS_SIGMA_MIB = 150.0
CALIBRATED_SIGMA_MIB = 30.0
# Beyond what is allocated: (needed, shown), as shares of the activations; the allocator with growing segments or not.
RESERVE = {True: (0.03, 0.05), False: (0.08, 0.16)}
RESERVE_MATERIALISED = (0.08, 0.35)
SIGMA_KNOWN, SIGMA_UNKNOWN = 0.03, 0.10
SIGMA_RESERVE = {True: 0.04, False: 0.12}
P95 = 1.645
# 0.05 GiB: less is 0.0 in the one decimal that is shown.
LEAST_SHOWN_MIB = 51.2

NO_RUNS = Calibration()


class Fit(StrEnum):
    """The verdict."""

    FITS = "fits"
    TIGHT = "tight"
    RUNS_OUT = "will run out"


@dataclass(frozen=True)
class Peak:
    """A peak in MiB: the middle of what is needed, its 5th and 95th percentile, and what nvidia-smi will show."""

    need: float
    low: float
    high: float
    shown: float

    def fit(self, free_mib: float) -> Fit:
        """Fits when even the 95th percentile does, runs out when not even the middle does."""
        if self.high <= free_mib:
            return Fit.FITS
        return Fit.TIGHT if self.need <= free_mib else Fit.RUNS_OUT


@dataclass(frozen=True)
class Lever:
    """One change that saves memory: the settings to change (preset keys), in words, and MiB saved."""

    words: str
    changes: Changes
    saves_mib: float


@dataclass(frozen=True)
class Prediction:
    """A run's memory on a card. `parts` are (name, MiB) and add up to `train.need`."""

    card: Card
    train: Peak
    evaluation: Peak
    parts: tuple[tuple[str, float], ...]
    basis: str
    assumed: tuple[str, ...]
    lever: Lever | None = None

    @property
    def fit(self) -> Fit:
        """The worse of training and evaluation."""
        order = list(Fit)
        fits = (self.train.fit(self.card.free_mib), self.evaluation.fit(self.card.free_mib))
        return max(fits, key=order.index)

    @property
    def shown_parts(self) -> tuple[tuple[str, float], ...]:
        """The parts that show as more than 0.0 GiB."""
        return tuple((name, mib) for name, mib in self.parts if mib >= LEAST_SHOWN_MIB)

    @property
    def at_evaluation(self) -> bool:
        """Whether evaluation needs more than training."""
        return self.evaluation.need > self.train.need


@dataclass(frozen=True)
class Predictor:
    """Predicts for one card with one calibration."""

    card: Card
    calibration: Calibration = NO_RUNS
    expandable: bool = True
    known_stack: bool = True

    def predict(self, setup: MemoryInputs, with_lever: bool = True) -> Prediction:
        """The memory of a setup."""
        parts = terms(setup)
        train = self.peak(setup, parts, parts.static + parts.gradients, parts.activations)
        evaluation = self.peak(setup, parts, parts.static, parts.evaluation)
        outside = self._outside()
        activations = self.calibration.kappa * parts.activations / MIB
        named = [
            ("weights", parts.weights / MIB),
            (
                "LoRA + optimizer" if not setup.trains_all else "optimizer",
                (parts.adapter + parts.optimizer) / MIB,
            ),
            ("gradients", parts.gradients / MIB),
            ("activations", activations),
            ("context", outside + parts.workspace / MIB),
        ]
        named.append(("fragmentation", train.need - sum(value for _, value in named)))
        prediction = Prediction(
            card=self.card,
            train=train,
            evaluation=evaluation,
            parts=tuple((name, value) for name, value in named if value >= 0.5),
            basis=self.calibration.basis,
            assumed=assumptions(setup, self.known_stack),
        )
        return replace(prediction, lever=self.lever(setup, prediction)) if with_lever else prediction

    def need_mib(self, setup: MemoryInputs) -> float:
        """The 95th percentile of what training and evaluation need: what a suggestion must stay under."""
        parts = terms(setup)
        train = self.peak(setup, parts, parts.static + parts.gradients, parts.activations)
        return max(train.high, self.peak(setup, parts, parts.static, parts.evaluation).high)

    def peak(self, setup: MemoryInputs, parts: Terms, fixed: float, activations: float) -> Peak:
        """Needed and shown memory for `fixed` and `activations` bytes."""
        active = self.calibration.kappa * activations / MIB
        needed, shown = RESERVE[self.expandable]
        if setup.loss_kernel == "materialised" and not self.expandable:
            needed, shown = RESERVE_MATERIALISED
        if self.calibration.reserve_share is not None:
            shown = self.calibration.reserve_share
            needed = min(needed, shown)
        allocated = fixed / MIB + active
        need = allocated + needed * active + self._outside()
        unsure = SIGMA_KNOWN if self.known_stack and setup.architecture.tracked else SIGMA_UNKNOWN
        sigma = math.hypot(
            unsure * active / math.sqrt(1 + self.calibration.runs),
            SIGMA_RESERVE[self.expandable] * active,
            CALIBRATED_SIGMA_MIB if self.calibration.outside_mib is not None else KERNELS_SIGMA_MIB,
        )
        return Peak(
            need,
            max(0.0, need - P95 * sigma),
            need + P95 * sigma,
            allocated + shown * active + self._outside(),
        )

    def _outside(self) -> float:
        """MiB outside torch's allocator: the CUDA context and kernels that are loaded when first used."""
        if self.calibration.outside_mib is not None:
            return self.calibration.outside_mib
        return self.card.context_mib + KERNELS_MIB

    def lever(self, setup: MemoryInputs, prediction: Prediction) -> Lever | None:
        """The one change that saves most, None when none saves a twentieth; cutting rows only if nothing else helps."""
        before = max(prediction.train.need, prediction.evaluation.need)
        for choices in (levers(setup), last_resorts(setup)):
            found = []
            for words, changes, changed in choices:
                after = self.predict(changed, with_lever=False)
                saves = before - max(after.train.need, after.evaluation.need)
                if saves >= max(before / 20, LEAST_SHOWN_MIB):
                    found.append(Lever(words, changes, saves))
            if found:
                return max(found, key=lambda lever: lever.saves_mib)
        return None


def assumptions(setup: MemoryInputs, known_stack: bool) -> tuple[str, ...]:
    """What the figures rest on, in words."""
    kernel = {
        "trl_fused": "fused output head (TRL ≥ 1.15)",
        "trl_chunked": "chunked loss (TRL 1.7–1.14)",
        "materialised": "all logits in memory (TRL < 1.7)",
    }[setup.loss_kernel]
    worst = f"worst batch {setup.batch} × {setup.length} tokens"
    parts = [kernel, worst]
    if setup.packed and setup.masked:
        parts.append("packing with a mask as wide as the whole batch")
    if setup.quantization == "int8":
        parts.append("8-bit: outlier copies are not counted, so expect some more")
    one = setup.architecture
    if one.stored is not None:
        parts.append("weights as the repository stores them")
    if one.experts:
        kept = "experts stay in 16 bits, " if setup.quantization != "none" else ""
        parts.append(f"{kept}all of them resident: {gib(one.experts * setup.weight_bytes / MIB)} GiB")
    if one.tower is not None:
        parts.append("the tower is loaded and not trained")
    if not one.tracked:
        parts.append("activations of such layers are less certain; the range is wider")
    if not known_stack:
        parts.append("your TRL is newer than the formulas; the range is wider")
    return tuple(parts)
