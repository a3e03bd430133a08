"""One assessment of a preset: its arithmetic, memory, findings, and whether a launch would be refused."""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path

from runner.check.model_config import ModelConfig, read_model_config
from runner.check.records import memory_records
from runner.gpu import GpuReading, GpuSample
from runner.insight import batch
from runner.insight.advice import Advice, advise, rows_to_train
from runner.insight.data import DataReport
from runner.insight.disk import disk_need
from runner.insight.lint import LintFacts, LintFinding, LintSeverity, lint
from runner.insight.memory.calibration import calibrate
from runner.insight.memory.cards import Card, multiprocessors
from runner.insight.memory.inputs import MemoryInputs, Stack, parse_version, setup_of
from runner.insight.memory.predict import Prediction, Predictor
from runner.insight.proposals import Proposal, propose
from runner.machine.training_stack import version
from runner.preset.schema import Preset
from runner.preset.section import KeyPath
from runner.store.disk_usage import free_bytes
from runner.supervision.environment import ALLOCATOR

NO_CARD = "no GPU here to predict for"
SHIPPED = "the model is not on this machine yet: its figures are those that came with ftui"
TRACKERS = ("tensorboard", "wandb", "trackio")


@dataclass(frozen=True)
class Machine:
    """What a preset is judged against: a card (None: the CPU), and what is installed."""

    card: Card | None = None
    trl: str | None = None
    packages: tuple[tuple[str, str | None], ...] = ()
    expandable: bool = True


@dataclass(frozen=True)
class Assessment:
    """Everything there is to say before a run. `setup` and `predictor` are None when memory cannot be predicted, and
    `memory_problem` then says why.
    """

    preset: Preset
    advice: tuple[Advice, ...] = ()
    findings: tuple[LintFinding, ...] = ()
    prediction: Prediction | None = None
    memory_problem: str = ""
    data: DataReport | None = None
    plan: batch.BatchPlan | None = None
    setup: MemoryInputs | None = field(default=None, repr=False)
    predictor: Predictor | None = field(default=None, repr=False)

    @property
    def refusals(self) -> tuple[LintFinding, ...]:
        """The findings with which a launch is refused."""
        return tuple(finding for finding in self.findings if finding.severity is LintSeverity.ERROR)

    @property
    def unknown(self) -> tuple[str, ...]:
        """What was not looked at or is not known, so that nothing can be said of it: 'data: not looked at'."""
        found = []
        if self.prediction is None:
            problem = self.memory_problem.removeprefix("memory is not predicted: ")
            found.append(f"memory: {problem or 'not predicted'}")
        if self.data is None:
            found.append("data: not looked at")
        elif not self.data.problem and not self.data.complete:
            found.append(f"data: only {self.data.train_rows:,} rows looked at")
        return tuple(found)

    @property
    def calm(self) -> str:
        """What is said where there are no findings: never that all is well while something was not looked at."""
        if not self.unknown:
            return "nothing to complain about"
        return f"no findings in what was looked at; not known yet: {' · '.join(self.unknown)}"

    def proposals(self, target: int) -> tuple[Proposal, ...]:
        """Pairs of per-device batch and accumulation for an effective batch. ValueError below 1."""
        return propose(target, self.setup, self.predictor, self.data, self.preset.train.max_length)


def card_of(sample: GpuSample) -> Card | None:
    """A GPU of this machine as it is now; None when it does not answer."""
    gpu = sample.gpu
    if sample.problem or gpu.total_mib is None or sample.free_mib is None:
        return None
    return Card(gpu.name, gpu.total_mib, sample.free_mib, gpu.compute_capability, multiprocessors(gpu.name))


def best_card(reading: GpuReading | None) -> Card | None:
    """The GPU a run would be given: the one with most free memory."""
    cards = [card for sample in (reading.samples if reading is not None else ()) if (card := card_of(sample))]
    return max(cards, key=lambda card: card.free_mib, default=None)


@cache
def installed() -> tuple[tuple[str, str | None], ...]:
    """Packages that rules ask for, by the name they are imported under; nothing is imported."""
    known = [(name, version(name)) for name in TRACKERS]
    flash = "?" if importlib.util.find_spec("flash_attn") is not None else None
    # tensorboardX serves transformers as well.
    known = [
        (name, found or (version("tensorboardX") if name == "tensorboard" else None)) for name, found in known
    ]
    return (*known, ("flash_attn", flash), ("kernels", version("kernels")))


def this_machine(card: Card | None) -> Machine:
    """A card beside what is installed here."""
    return Machine(card, version("trl"), installed())


def assess(
    preset: Preset,
    machine: Machine,
    home: Path,
    data: DataReport | None = None,
    written: frozenset[str] = frozenset(),
    before: Preset | None = None,
    lines: int | None = None,
    online: bool = False,
) -> Assessment:
    """Judge a preset. `data` is the X-ray's report; without one `lines`, the rows of the training file, give a first
    idea of the steps. `before` is the preset it was a moment ago, to compare the effective batch with.
    """
    config = read_model_config(preset.model.model_name_or_path, preset.model.revision, online)
    rows = rows_to_train(preset, data, lines)
    plan = batch.plan_of(preset, rows) if rows else None
    setup, predictor = _memory(preset, machine, config, home, data)
    on_disk = setup
    if on_disk is None and config.architecture is not None:
        # Without a GPU it computes, and keeps its adapter, in fp32.
        on_disk = setup_of(preset, config.architecture, Stack(), has_bf16=False)
    prediction = predictor.predict(setup) if setup is not None and predictor is not None else None
    if prediction is not None and config.shipped:
        prediction = replace(prediction, assumed=(*prediction.assumed, SHIPPED))
    facts = LintFacts(
        preset=preset,
        written=written,
        plan=plan,
        data=data,
        card=machine.card,
        architecture=config.architecture,
        prediction=prediction,
        installed=dict(machine.packages),
        free_disk=free_bytes(home),
        untrainable=config.untrainable,
    )
    if on_disk is not None and plan is not None and facts.evaluations is not None:
        facts = replace(facts, disk=disk_need(preset, on_disk, plan, facts.evaluations))
    return Assessment(
        preset=preset,
        advice=advise(facts, before),
        findings=lint(facts),
        prediction=prediction,
        memory_problem="" if prediction is not None else _why_none(machine, config),
        data=data,
        plan=plan,
        setup=setup,
        predictor=predictor,
    )


def _memory(
    preset: Preset, machine: Machine, config: ModelConfig, home: Path, data: DataReport | None
) -> tuple[MemoryInputs | None, Predictor | None]:
    card, architecture = machine.card, config.architecture
    if card is None or architecture is None:
        return None, None
    stack = Stack(parse_version(machine.trl))
    known = data is not None and not data.problem and data.lengths
    setup = setup_of(
        preset,
        architecture,
        stack,
        longest=data.longest if known and data is not None else None,
        eval_longest=data.eval_longest or None if known and data is not None else None,
        has_bf16=card.has_bf16,
        compute_capability=card.capability,
    )
    calibration = calibrate(memory_records(home), architecture.model_type, card.name, stack.name, ALLOCATOR)
    return setup, Predictor(card, calibration, machine.expandable, stack.known)


def _why_none(machine: Machine, config: ModelConfig) -> str:
    if config.problem:
        return config.problem
    return NO_CARD if machine.card is None else ""


def written_keys(origins: Mapping[KeyPath, object]) -> frozenset[str]:
    """The settings that files or --set wrote, as section.key."""
    return frozenset(".".join(path) for path in origins if len(path) == 2)
