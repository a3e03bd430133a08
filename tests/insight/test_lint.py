"""Every rule: a preset that breaks it and nothing else, the nearest one that does not, and what its fix does."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from runner.insight import batch
from runner.insight.data import DataReport, Defects, Note, Remark, Source
from runner.insight.disk import disk_need
from runner.insight.eval_budget import Counted, plan_evaluations
from runner.insight.lint import IDS, RULES, LintFacts, LintFinding, LintSeverity, lint
from runner.insight.memory.architecture import Architecture, Stored
from runner.insight.memory.cards import Card, find_card
from runner.insight.memory.inputs import Stack, setup_of
from runner.insight.memory.predict import Fit, Prediction, Predictor
from runner.insight.memory.reading import read_architecture
from runner.insight.trainable import Untrainable
from runner.preset import files
from runner.preset.schema import Preset
from tests.insight.architectures import dense

LLAMA_8B = dense("llama", 4096, 14336, 32, 32, 8, 128, 128256, False, 131072)
LLAMA_1B = dense("llama", 2048, 8192, 16, 32, 8, 64, 128256, True, 131072)
MIXTURE = read_architecture(
    {"model_type": "qwen3_moe", "num_experts": 8, "num_experts_per_tok": 2, "num_hidden_layers": 4}
)
GEMMA_2 = read_architecture({"model_type": "gemma2"})
LLAMA_4 = replace(LLAMA_1B, model_type="llama4_text")
GEMMA_3_1B = dense("gemma3_text", 1152, 6912, 26, 4, 1, 256, 262144, True, 32768)
RTX_4090, T4 = find_card("RTX 4090"), find_card("T4")
# One row of 1,000 tokens: the longest, so that memory is that of 1,000 however long rows may be.
LENGTHS = {200: 2000, 400: 2999, 1000: 1}
ROWS = 5000

Changes = Mapping[str, object]


@dataclass(frozen=True)
class Case:
    """Changes to the healthy preset and to what is known beside it, that break exactly one rule (or none)."""

    id: str
    preset: Changes = field(default_factory=dict)
    rows: int = ROWS
    # Fields of the DataReport.
    data: Mapping[str, Any] = field(default_factory=dict)
    card: Card | None = RTX_4090
    # Free memory relative to what the healthy preset needs; None for the whole card.
    free_beyond_need: int | None = None
    # Free disk as a share of what the healthy preset writes; None for plenty.
    free_disk_share: float | None = None
    architecture: Architecture | None = LLAMA_8B
    installed: Mapping[str, str | None] = field(default_factory=dict)
    untrainable: Untrainable | None = None
    written: frozenset[str] = frozenset()
    note: str = ""
    # What is still found with the fix, and rightly so.
    left: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        return f"{self.id} {self.note}".strip()


def changed(preset: Preset, changes: Changes) -> Preset:
    """A preset with dotted keys set, validated as if it had been read."""
    values = preset.model_dump()
    for key, value in changes.items():
        section, name = key.split(".")
        assert name in values[section], key
        values[section][name] = value
    return Preset.model_validate(values)


HEALTHY = Preset.model_validate(
    {
        "model": {"model_name_or_path": "./model"},
        "data": {"train_dataset": "./rows.jsonl"},
        "train": {"num_train_epochs": 2.0},
    }
)


def report_of(preset: Preset, case: Case) -> DataReport:
    """What the X-ray would say: 40 % of the tokens are learned, 256 rows held out, nothing wrong."""
    lengths = case.data.get("lengths", LENGTHS)
    plain = DataReport(
        complete=True,
        max_length=preset.train.max_length,
        sources=(
            Source("train", "./rows.jsonl", case.rows, case.rows, formats={"chat messages": case.rows}),
        ),
        train_rows=case.rows,
        eval_rows=256 if preset.data.eval_fraction else 0,
        lengths=lengths,
        eval_lengths={300: 256} if preset.data.eval_fraction else {},
        tokens=1_000_000,
        trained_tokens=400_000,
    )
    cut, lost = plain.cut_at(preset.train.max_length)
    return replace(replace(plain, truncated=Defects(cut), tokens_lost=lost), **case.data)


def predicted(preset: Preset, architecture: Architecture, card: Card, data: DataReport) -> Prediction:
    setup = setup_of(
        preset,
        architecture,
        Stack(),
        longest=data.longest or None,
        eval_longest=data.eval_longest or None,
        has_bf16=card.has_bf16,
        compute_capability=card.capability,
    )
    return Predictor(card).predict(setup)


def facts_of(preset: Preset, case: Case) -> LintFacts:
    """The preset beside a case's data, card and packages, with plan and memory worked out."""
    data, card, architecture = report_of(preset, case), case.card, case.architecture
    if card is not None and case.free_beyond_need is not None:
        need = predicted(HEALTHY, LLAMA_8B, card, data).train.need
        card = replace(card, free_mib=int(need) + case.free_beyond_need)
    plan = batch.plan_of(preset, case.rows)
    setup = setup_of(preset, architecture, Stack()) if architecture is not None else None
    free = None
    if case.free_disk_share is not None:
        usual_plan = batch.plan_of(HEALTHY, case.rows)
        usual = disk_need(
            HEALTHY,
            setup_of(HEALTHY, LLAMA_8B, Stack()),
            usual_plan,
            plan_evaluations(HEALTHY, usual_plan, Counted(case.rows)),
        )
        free = int(usual.total * case.free_disk_share)
    return LintFacts(
        preset=preset,
        written=case.written,
        plan=plan,
        data=data,
        card=card,
        architecture=architecture,
        prediction=predicted(preset, architecture, card, data)
        if card is not None and architecture is not None
        else None,
        installed=case.installed,
        disk=disk_need(preset, setup, plan, plan_evaluations(preset, plan, Counted(case.rows)))
        if setup is not None
        else None,
        free_disk=free,
        untrainable=case.untrainable,
    )


def found_in(case: Case) -> tuple[LintFinding, ...]:
    return lint(facts_of(changed(HEALTHY, case.preset), case))


def source_of(**fields: Any) -> Source:
    """The usual source of rows with something else about it."""
    return Source("train", "./rows.jsonl", ROWS, ROWS, **fields)


def bad(count: int, *notes: Note) -> Defects:
    return Defects(count, notes)


def mix(*ratios: float) -> Changes:
    return {"data.mix": [{"dataset": f"./general-{i}.jsonl", "ratio": r} for i, r in enumerate(ratios)]}


FLASH = {"model.attn_implementation": "flash_attention_2"}
FULL = {"lora.use_peft": False, "train.learning_rate": 2e-5}
NOT_QUANTISED = {"quantization.load_in_4bit": False}
FULL_FP16 = {**FULL, **NOT_QUANTISED, "model.dtype": "float16"}
BROKEN = (
    # Length, rate, batch, warm-up
    Case("epochs-many", {"train.num_train_epochs": 5.5}),
    Case("epochs-many", {"train.num_train_epochs": 6.0, "train.max_steps": 0}, note="max_steps 0 is off"),
    Case("epochs-small-data", {"train.num_train_epochs": 4.0}, rows=400),
    Case("max-steps-epochs", {"train.max_steps": 2000}),
    Case(
        "max-steps-hides-epochs",
        {"train.max_steps": 300},
        written=frozenset({"train.max_steps", "train.num_train_epochs"}),
    ),
    Case("steps-few", {"train.num_train_epochs": 1.0}, rows=640),
    Case("steps-few", {"train.max_steps": 0}, rows=320, note="max_steps 0 is off"),
    # Four rows a step are the fewest the fix goes down to: more steps, and still few.
    Case("steps-few", rows=16, note="batch as large as the data", left=("steps-few",)),
    Case("lr-high", {"train.learning_rate": 4e-4}),
    Case("lr-high", {**FULL, "train.learning_rate": 1e-4, "quantization.load_in_4bit": False}, card=None),
    Case("lr-low", {"train.learning_rate": 9e-5}),
    Case("lr-low", {**FULL, "train.learning_rate": 5e-6, "quantization.load_in_4bit": False}, card=None),
    Case("lr-trainer-default", {"train.learning_rate": 2e-5}),
    Case("warmup-all", {"train.warmup_steps": 700.0}),
    Case("warmup-long", {"train.warmup_steps": 200.0}),
    Case("warmup-long", {"train.warmup_steps": 0.3}, note="share"),
    Case("warmup-none", {"train.warmup_steps": 0.0}),
    Case(
        "warmup-ignored",
        {"train.lr_scheduler_type": "constant"},
        written=frozenset({"train.warmup_steps"}),
    ),
    Case("batch-large", {"train.gradient_accumulation_steps": 9}),
    Case(
        "batch-large",
        {"train.per_device_train_batch_size": 33, "train.gradient_accumulation_steps": 2},
        card=None,
        note="by the per-device batch",
    ),
    Case("batch-exceeds-data", rows=10, left=("steps-few",)),
    Case("clip-off", {"train.max_grad_norm": 0.0}),
    Case("weight-decay-high", {"train.weight_decay": 0.2}),
    Case("order-by-length", {"train.train_sampling_strategy": "group_by_length"}),
    Case("neftune-high", {"train.neftune_noise_alpha": 16.0}),
    # Evaluation and checkpoints
    Case("eval-batch-larger", {"eval.per_device_eval_batch_size": 5}),
    Case("eval-none", {"data.eval_fraction": 0.0}),
    Case("eval-beyond-run", {"eval.eval_steps": 626}),
    Case("eval-few", {"eval.eval_steps": 150}),
    Case("eval-often", {"eval.eval_steps": 6}),
    Case("eval-samples-many", {"eval.max_eval_samples": 5001}),
    Case("probe-off", {"eval.train_probe": False}),
    Case("save-beyond-run", {"output.save_steps": 626}),
    Case("save-not-multiple", {"output.save_steps": 100, "eval.eval_steps": 60}),
    Case("save-many", {"output.save_total_limit": 21}),
    Case("best-not-kept", {"output.load_best_model_at_end": False}),
    # The model's repository
    *(
        Case(f"model-{kind}", untrainable=Untrainable(kind, "it is none", "another"))
        for kind in ("quantised", "encoder-decoder", "embedding", "tower")
    ),
    Case("experts-untouched", architecture=MIXTURE, card=None),
    Case(
        "stored-full",
        {**FULL, "quantization.load_in_4bit": False},
        architecture=replace(LLAMA_1B, stored=Stored("nf4")),
        left=("lr-trainer-default",),
    ),
    Case(
        "stored-differs",
        {"quantization.load_in_4bit": False, "quantization.load_in_8bit": True},
        architecture=replace(LLAMA_8B, stored=Stored("nf4-dq")),
    ),
    Case("stored-differs", architecture=replace(LLAMA_1B, stored=Stored("int8")), note="8 bits"),
    # Adapter, optimizer, how weights are stored
    Case("full-quantised", FULL, card=None),
    Case(
        "full-quantised",
        {**FULL, "quantization.load_in_4bit": False, "quantization.load_in_8bit": True},
        card=None,
        note="8-bit",
    ),
    Case("alpha-high", {"lora.lora_alpha": 65}),
    Case("alpha-low", {"lora.lora_alpha": 7}),
    Case("rslora-alpha", {"lora.use_rslora": True, "lora.lora_alpha": 65}),
    Case("rank-high", {"lora.r": 129, "lora.lora_alpha": 129}),
    Case("dropout-high", {"lora.lora_dropout": 0.25}),
    Case("targets-attention-only", {"lora.target_modules": ["q_proj", "v_proj"]}),
    Case("targets-unknown", {"lora.target_modules": ["Wqkv"]}),
    Case("targets-unknown", {"lora.target_modules": []}, note="empty list"),
    Case("bias-trained", {"lora.bias": "lora_only"}),
    Case("embeddings-trained", {"lora.modules_to_save": ["embed_tokens"]}),
    Case("fp4", {"quantization.bnb_4bit_quant_type": "fp4"}),
    Case("double-quant-off", {"quantization.bnb_4bit_use_double_quant": False}),
    Case("optimizer-paged", {"train.optim": "paged_adamw_8bit"}),
    Case("optimizer-sgd", {"train.optim": "sgd"}),
    Case("optimizer-lion-rate", {"train.optim": "lion_8bit"}),
    # GPU, memory, packages
    Case("bf16-before-ampere", {"model.dtype": "bfloat16"}, card=T4, architecture=LLAMA_1B),
    Case("fp16-on-ampere", {"model.dtype": "float16"}),
    Case("fp16-full", FULL_FP16, card=None),
    Case("fp16-overflows", card=T4, architecture=GEMMA_3_1B, left=("dtype-float32",)),
    Case("fp16-overflows", {"model.dtype": "float16"}, card=None, architecture=GEMMA_3_1B, note="by hand"),
    Case("dtype-float32", {"model.dtype": "float32"}, architecture=LLAMA_1B),
    Case("flash-missing", FLASH, installed={"flash_attn": None}),
    Case("attention-unsupported", architecture=GEMMA_2, card=None),
    Case("attention-unsupported", FLASH, architecture=LLAMA_4, card=None, note="flash"),
    Case("flash-missing", FLASH, card=T4, architecture=LLAMA_1B, installed={"flash_attn": None}, note="T4"),
    Case("flash-before-ampere", FLASH, card=T4, architecture=LLAMA_1B, installed={"flash_attn": "2.8.3"}),
    Case("attention-eager", {"model.attn_implementation": "eager"}),
    Case("packing-masked", {"train.packing": True}, installed={"flash_attn": None}),
    Case("packing-masked", {"train.packing": True}, installed={"flash_attn": "2.8.3"}, note="flash is there"),
    Case(
        "packing-masked",
        {"train.packing": True},
        card=T4,
        architecture=LLAMA_1B,
        installed={"flash_attn": "2.8.3"},
        note="flash is there for nothing",
    ),
    Case(
        "memory-runs-out",
        {"train.per_device_train_batch_size": 32, "train.gradient_accumulation_steps": 1},
        data={"lengths": {200: 2000, 400: 2999, 1300: 1}},
    ),
    Case("memory-runs-out", {"train.max_length": 4096}, free_beyond_need=-10, note="just"),
    Case("memory-tight", free_beyond_need=10),
    Case("disk-full", free_disk_share=0.99),
    Case("disk-tight", free_disk_share=1.2),
    Case(
        "length-beyond-model",
        {"train.max_length": 2049},
        architecture=replace(LLAMA_8B, max_positions=2048),
    ),
    Case("remote-code", {"model.trust_remote_code": True}),
    Case("tracker-missing", {"report.report_to": ["wandb", "trackio"]}, installed={"wandb": None}),
    Case("workers-many", {"train.dataloader_num_workers": 5}),
    # Rows
    Case("data-problem", data={"problem": "no such file", "hint": "see data.train_dataset", "sources": ()}),
    Case(
        "rows-bad",
        data={"sources": (Source("train", "./rows.jsonl", ROWS, ROWS, bad=bad(2, Note(7, "no messages"))),)},
    ),
    Case("turns-untrained", {"data.assistant_turns": "last"}, data={"untrained_turns": 7}),
    Case("turns-unrolled", data={"more_samples": 900, "unrolled_tokens": 5000}),
    Case("text-templated", data={"templated": bad(3, Note(2, "is a chat written out as text (ChatML)"))}),
    Case("placeholders", data={"placeholders": bad(3, Note(2, "has {{name}}, which nothing filled"))}),
    Case("rows-left-out", data={"sources": (source_of(left_out=bad(2, Note(7, "marked"))),)}),
    Case("rows-remarks", data={"sources": (source_of(remarks=(Remark("turns are left out", 9, 3),)),)}),
    Case("rows-remarks", data={"sources": (source_of(remarks=(Remark("column label is not used", 9, 1),)),)}),
    Case("template-dated", data={"dated": True}),
    Case("trained-none", data={"trained_tokens": 0}),
    Case("trained-none", data={"trained_tokens": 0, "untrained": bad(9)}, note="not rows-untrained too"),
    Case("trained-little", data={"trained_tokens": 9_999}),
    Case("rows-untrained", data={"untrained": bad(3, Note(4, "has nothing that is learned"))}),
    Case("rows-untrained", data={"untrained": bad(3)}, note="none listed"),
    Case("rows-cut", data={"lengths": {200: 4900, 3000: 100}}),
    Case("rows-copied", data={"duplicates": bad(101)}),
    Case("eval-leak", data={"overlap": bad(1)}),
    Case("eval-small", data={"eval_rows": 19}),
    Case("end-untrained", data={"end_untrained": bad(2501)}),
    Case("end-untrained", data={"end_untrained": bad(5000), "ends_with_eos": False}, note="not end-other"),
    Case("end-other", data={"ends_with_eos": False}),
    Case("end-other", data={"end_untrained": bad(2500), "ends_with_eos": False}, note="half are learned"),
    Case("bos-doubled", data={"doubled_bos": bad(1)}),
    Case("loss-on-questions", {"train.assistant_only_loss": False}),
    Case("mix-large", mix(0.3, 0.3), data={"mix_rows": 3000}),
    Case("mix-short", mix(0.1, 0.1), data={"mix_rows": 800}),
    Case("trial-size", {"data.max_train_samples": 4999}),
)
# As near to a rule as can be without breaking it.
SOUND = (
    Case("nothing changed"),
    Case("nothing known but the preset", card=None, architecture=None),
    Case("five epochs", {"train.num_train_epochs": 5.0}),
    Case("three epochs over few rows", {"train.num_train_epochs": 3.0}, rows=400),
    Case("four epochs over 500 rows", {"train.num_train_epochs": 4.0}, rows=500),
    Case("many epochs cut short", {"train.num_train_epochs": 9.0, "train.max_steps": 300}),
    Case("max_steps of five epochs", {"train.max_steps": 1565}),
    Case("only max_steps is written", {"train.max_steps": 300}, written=frozenset({"train.max_steps"})),
    Case(
        "max_steps 0 hides nothing",
        {"train.max_steps": 0},
        written=frozenset({"train.max_steps", "train.num_train_epochs"}),
    ),
    Case("few steps on purpose", {"train.max_steps": 20}),
    Case("fifty steps", {"train.num_train_epochs": 1.0}, rows=800),
    Case("lowest LoRA rate", {"train.learning_rate": 1e-4}),
    Case("highest LoRA rate", {"train.learning_rate": 3e-4}),
    Case("full rate", {**FULL, "quantization.load_in_4bit": False}, card=None),
    Case("Lion at a quarter of AdamW's rate", {"train.optim": "lion_8bit", "train.learning_rate": 5e-5}),
    Case("Lion at half of AdamW's rate", {"train.optim": "lion_8bit", "train.learning_rate": 1e-4}),
    Case("a quarter of warm-up", {"train.warmup_steps": 156.0}),
    Case("ten steps of warm-up are few", {"train.warmup_steps": 10.0, "train.max_steps": 30}),
    Case("constant without warm-up", {"train.lr_scheduler_type": "constant", "train.warmup_steps": 0.0}),
    Case(
        "no warm-up is not ignored",
        {"train.lr_scheduler_type": "constant", "train.warmup_steps": 0.0},
        written=frozenset({"train.warmup_steps"}),
    ),
    Case("the default warm-up is not the user's mistake", {"train.lr_scheduler_type": "constant"}),
    Case("batch of 32", {"train.gradient_accumulation_steps": 8}),
    Case(
        "full fine-tuning likes large batches",
        {**FULL, "quantization.load_in_4bit": False, "train.gradient_accumulation_steps": 16},
        card=None,
    ),
    Case("weight decay 0.1", {"train.weight_decay": 0.1}),
    Case("NEFTune 15", {"train.neftune_noise_alpha": 15.0}),
    Case(
        "packed rows are all of one length",
        {**FLASH, "train.packing": True, "train.train_sampling_strategy": "group_by_length"},
        installed={"flash_attn": "2.8.3"},
    ),
    Case("evaluation batch as large", {"eval.per_device_eval_batch_size": 4}),
    Case("five evaluations", {"eval.eval_steps": 125}),
    Case("nearly a hundred evaluations", {"eval.eval_steps": 7}),
    Case("5,000 rows evaluated", {"eval.max_eval_samples": 5000}),
    Case("saves at every second evaluation", {"output.save_steps": 100, "eval.eval_steps": 50}),
    Case("saves at an odd step, evaluates as fits", {"output.save_steps": 77}),
    Case("twenty checkpoints", {"output.save_total_limit": 20}),
    Case("alpha of four ranks", {"lora.lora_alpha": 64}),
    Case("alpha of half a rank", {"lora.lora_alpha": 8}),
    Case("rsLoRA at the limit", {"lora.use_rslora": True, "lora.lora_alpha": 64}),
    Case("rank 128", {"lora.r": 128, "lora.lora_alpha": 128}),
    Case("rsLoRA of rank 256", {"lora.r": 256, "lora.lora_alpha": 64, "lora.use_rslora": True}),
    Case("a fifth dropped", {"lora.lora_dropout": 0.2}),
    Case("attention and one more", {"lora.target_modules": ["q_proj", "up_proj"]}),
    Case("ends of names are names, to PEFT", {"lora.target_modules": ["self_attn.q_proj", "mlp.up_proj"]}),
    Case("unknown names beside known ones", {"lora.target_modules": ["up_proj", "Wqkv"]}),
    Case("float16 on a T4", {"model.dtype": "float16"}, card=T4, architecture=LLAMA_1B),
    Case("auto on a T4", card=T4, architecture=LLAMA_1B),
    Case("float32 on the CPU", {"model.dtype": "float32"}, card=None),
    Case("flash is there", FLASH, installed={"flash_attn": "2.8.3"}),
    Case("flash was not looked for", FLASH),
    Case("flash on the first Ampere", FLASH, card=find_card("A100"), installed={"flash_attn": "2.8.3"}),
    Case("max_length is the model's", architecture=replace(LLAMA_8B, max_positions=2048)),
    Case("trackers are there", {"report.report_to": ["wandb"]}, installed={"wandb": "0.21"}),
    Case("four workers", {"train.dataloader_num_workers": 4}),
    Case("one token in a hundred", data={"trained_tokens": 10_000}),
    Case("one row in a hundred is cut", data={"lengths": {200: 4950, 3000: 50}}),
    Case("one row in fifty is a copy", data={"duplicates": bad(100)}),
    Case("twenty rows held out", data={"eval_rows": 20}),
    Case("few held out so far", data={"eval_rows": 3, "complete": False}),
    Case("half the ends are learned", data={"end_untrained": bad(2500)}),
    Case(
        "texts have no questions",
        {"train.assistant_only_loss": False},
        data={"sources": (Source("train", "./rows.txt", ROWS, ROWS, formats={"plain text": ROWS}),)},
    ),
    Case("half is general", mix(0.25, 0.25), data={"mix_rows": 2500}),
    Case("nine tenths of the general rows", mix(0.1, 0.1), data={"mix_rows": 930}),
    Case("general rows so far", mix(0.1, 0.1), data={"mix_rows": 0, "complete": False}),
    Case("as many samples as rows", {"data.max_train_samples": 5000}),
)


@pytest.mark.parametrize("case", BROKEN, ids=lambda case: case.name)
def test_one_broken_rule_is_found_and_no_other(case: Case) -> None:
    found = found_in(case)
    assert [finding.id for finding in found] == [case.id]
    assert found[0].what
    section, key = found[0].key.split(".")
    assert key in HEALTHY.model_dump()[section], "a finding is about a setting that exists"


@pytest.mark.parametrize("case", SOUND, ids=lambda case: case.name)
def test_nothing_is_found_where_nothing_is_wrong(case: Case) -> None:
    assert found_in(case) == ()


def test_every_rule_has_a_case() -> None:
    assert {case.id for case in BROKEN} == IDS


NO_FIX = frozenset(
    {
        *("experts-untouched", "model-quantised", "model-encoder-decoder", "model-embedding", "model-tower"),
        *("turns-unrolled", "placeholders", "rows-left-out", "rows-remarks", "template-dated"),
        *("data-problem", "trained-none", "trained-little", "rows-untrained", "rows-copied"),
        *("eval-leak", "eval-small", "end-untrained", "end-other", "bos-doubled", "mix-large", "mix-short"),
    }
)


def test_what_cannot_be_mended_by_a_setting_offers_none() -> None:
    assert {finding.id for case in BROKEN for finding in found_in(case) if not finding.fix} == NO_FIX


@pytest.mark.parametrize(
    "case", [case for case in BROKEN if case.id not in NO_FIX], ids=lambda case: case.name
)
def test_a_fix_leaves_a_preset_without_findings(case: Case) -> None:
    """Memory is predicted anew, the data counted anew; a preset with the fix is valid."""
    (finding,) = (finding for finding in found_in(case) if finding.id == case.id)
    mended = changed(changed(HEALTHY, case.preset), dict(finding.fix))
    assert tuple(left.id for left in lint(facts_of(mended, case))) == case.left
    assert finding.fix_text


@pytest.mark.parametrize("case", BROKEN, ids=lambda case: case.name)
def test_what_is_ignored_is_silent_unless_it_is_an_error(case: Case) -> None:
    found = found_in(replace(case, preset={**case.preset, "lint.ignore": [case.id]}))
    (rule,) = (rule for rule in RULES if rule.id == case.id)
    assert [finding.id for finding in found] == ([case.id] if rule.severity is LintSeverity.ERROR else [])


def test_ignoring_one_rule_leaves_the_others() -> None:
    both = Case("", {"train.max_grad_norm": 0.0, "lora.lora_alpha": 200, "lint.ignore": ["clip-off"]})
    assert [finding.id for finding in found_in(both)] == ["alpha-high"]


def test_ignoring_what_is_no_rule_names_the_nearest() -> None:
    (finding,) = found_in(Case("", {"lint.ignore": ["epoch-many"]}))
    assert (finding.id, finding.severity, finding.key) == (
        "ignore-unknown",
        LintSeverity.WARNING,
        "lint.ignore",
    )
    assert finding.what == "there is no rule 'epoch-many', did you mean epochs-many?"


def test_ignoring_something_far_from_every_rule_names_none() -> None:
    (finding,) = found_in(Case("", {"lint.ignore": ["zzz"]}))
    assert finding.what == "there is no rule 'zzz'"


def test_the_gravest_come_first() -> None:
    case = Case(
        "",
        {"train.warmup_steps": 0.0, "train.max_grad_norm": 0.0, "lora.target_modules": ["Wqkv"]},
    )
    assert [finding.id for finding in found_in(case)] == ["targets-unknown", "clip-off", "warmup-none"]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.id)
def test_an_id_is_kebab_case_and_a_reason_is_a_sentence(rule: Any) -> None:
    assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", rule.id)
    assert rule.why.endswith(".")
    assert len(rule.why.split()) > 5


def test_ids_are_unique() -> None:
    assert len(IDS) == len(RULES)


@pytest.mark.parametrize(
    "value", [(True, "true"), (None, "null"), (2e-4, "0.0002"), (3.0, "3"), ("auto", "auto")]
)
def test_a_fix_is_written_as_in_yaml(value: tuple[object, str]) -> None:
    finding = LintFinding("", LintSeverity.NOTE, "", "", "", (("a.b", value[0]), ("c.d", 1)))
    assert finding.fix_text == f"a.b: {value[1]}, c.d: 1"


def test_words_for_a_fix_win_over_its_settings() -> None:
    assert (
        LintFinding("", LintSeverity.NOTE, "", "", "", (("a.b", 1),), "half the batch").fix_text
        == "half the batch"
    )


FIXES = {
    "epochs-many": "train.num_train_epochs: 3",
    "epochs-small-data": "train.num_train_epochs: 2",
    "max-steps-epochs": "train.max_steps: 939",
    "max-steps-hides-epochs": "train.max_steps: -1",
    "steps-few": "train.gradient_accumulation_steps: 3",
    "lr-high": "train.learning_rate: 0.0002",
    "lr-low": "train.learning_rate: 0.0002",
    "lr-trainer-default": "train.learning_rate: 0.0002",
    "warmup-all": "train.warmup_steps: 0.03",
    "warmup-long": "train.warmup_steps: 0.1",
    "warmup-none": "train.warmup_steps: 0.03",
    "warmup-ignored": "train.lr_scheduler_type: constant_with_warmup",
    "batch-large": "train.gradient_accumulation_steps: 4",
    "batch-exceeds-data": "train.gradient_accumulation_steps: 1, train.per_device_train_batch_size: 1",
    "clip-off": "train.max_grad_norm: 1",
    "weight-decay-high": "train.weight_decay: 0.01",
    "order-by-length": "train.train_sampling_strategy: random",
    "neftune-high": "train.neftune_noise_alpha: 5",
    "eval-batch-larger": "eval.per_device_eval_batch_size: auto",
    "eval-none": "data.eval_fraction: 0.05",
    "eval-beyond-run": "eval.eval_steps: auto",
    "eval-few": "eval.eval_steps: auto",
    "eval-often": "eval.eval_steps: auto",
    "eval-samples-many": "eval.max_eval_samples: 512",
    "probe-off": "eval.train_probe: true",
    "save-beyond-run": "output.save_steps: auto",
    "save-not-multiple": "output.save_steps: auto",
    "save-many": "output.save_total_limit: 3",
    "best-not-kept": "output.load_best_model_at_end: true",
    "full-quantised": "quantization.load_in_4bit: false",
    "alpha-high": "lora.lora_alpha: 32",
    "alpha-low": "lora.lora_alpha: 16",
    "rslora-alpha": "lora.lora_alpha: 16",
    "rank-high": "lora.r: 64, lora.lora_alpha: 64",
    "dropout-high": "lora.lora_dropout: 0.05",
    "targets-attention-only": "lora.target_modules: all-linear",
    "targets-unknown": "lora.target_modules: all-linear",
    "bias-trained": "lora.bias: none",
    "embeddings-trained": "lora.modules_to_save: []",
    "fp4": "quantization.bnb_4bit_quant_type: nf4",
    "double-quant-off": "quantization.bnb_4bit_use_double_quant: true",
    "optimizer-paged": "train.optim: adamw_torch_fused",
    "optimizer-sgd": "train.optim: adamw_torch_fused",
    "optimizer-lion-rate": "train.optim: adamw_torch_fused",
    "bf16-before-ampere": "model.dtype: auto",
    "fp16-on-ampere": "model.dtype: auto",
    "fp16-full": "model.dtype: auto",
    "fp16-overflows": "model.dtype: float32",
    "dtype-float32": "model.dtype: auto",
    "flash-missing": "model.attn_implementation: sdpa",
    "flash-before-ampere": "model.attn_implementation: sdpa",
    "attention-unsupported": "model.attn_implementation: eager",
    "attention-eager": "model.attn_implementation: sdpa",
    "packing-masked": "train.packing: false",
    "disk-full": "output.save_total_limit: 1",
    "disk-tight": "output.save_total_limit: 1",
    "length-beyond-model": "train.max_length: 2048",
    "remote-code": "model.trust_remote_code: false",
    "tracker-missing": "report.report_to: ['trackio']",
    "workers-many": "train.dataloader_num_workers: 0",
    "rows-cut": "train.max_length: 3008",
    "loss-on-questions": "train.assistant_only_loss: true",
    "rows-bad": "data.on_bad_rows: skip",
    "turns-untrained": "data.assistant_turns: auto",
    "text-templated": "data.text_rows: chat",
    "trial-size": "data.max_train_samples: null",
}


@pytest.mark.parametrize("id_", FIXES)
def test_a_fix_says_what_it_sets(id_: str) -> None:
    case = next(case for case in BROKEN if case.id == id_)
    assert found_in(case)[0].fix_text == FIXES[id_]


# Presets that come with ftui

SHIPPED = [file.name for file in files.list_presets(Path("/nonexistent")) if file.shipped]
DEMO_CONFIG = json.loads((files.shipped_folder() / "demo/model/config.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", SHIPPED)
def test_shipped_presets_have_no_findings(name: str, tmp_path: Path) -> None:
    loaded = files.load(name, tmp_path)
    rows = {"demo": 400, "demo-overfit": 16}.get(name, ROWS)
    is_demo = name.startswith("demo")
    facts = LintFacts(
        preset=loaded.preset,
        written=frozenset(".".join(path) for path in loaded.origins if len(path) == 2),
        plan=batch.plan_of(loaded.preset, rows),
        card=None if is_demo else RTX_4090,
        architecture=read_architecture(DEMO_CONFIG) if is_demo else None,
    )
    assert lint(facts) == ()


def test_there_are_shipped_presets() -> None:
    assert {"demo", "demo-overfit", "qlora-quickstart", "qlora-8b-24gb", "full-finetune"} <= set(SHIPPED)


# Single figures


def test_defects_without_a_listed_row_are_still_found() -> None:
    """A count without notes is a valid report; saying which row is not possible then."""
    sources = (Source("train", "./rows.jsonl", ROWS, ROWS, bad=Defects(3)),)
    assert [finding.id for finding in found_in(Case("", data={"sources": sources}))] == ["rows-bad"]


def test_a_run_of_one_step_is_not_told_to_warm_up_less() -> None:
    """A share of one step, rounded up, is that step: the fix (3 %) would change nothing."""
    found = found_in(Case("", {"train.max_steps": 1}))
    assert "warmup-all" not in [finding.id for finding in found]


def test_small_models_have_no_usual_rate() -> None:
    tiny = read_architecture(DEMO_CONFIG)
    case = Case("", {"train.learning_rate": 2e-3, "train.max_length": 256}, architecture=tiny, card=None)
    assert found_in(replace(case, data={"lengths": {200: ROWS}})) == ()


def test_memory_findings_carry_the_lever_and_its_saving() -> None:
    case = next(case for case in BROKEN if case.id == "memory-runs-out")
    facts = facts_of(changed(HEALTHY, case.preset), case)
    prediction = facts.prediction
    assert prediction is not None and prediction.fit is Fit.RUNS_OUT and prediction.lever is not None
    (finding,) = lint(facts)
    assert finding.fix == prediction.lever.changes
    assert f"−{prediction.lever.saves_mib / 1024:.1f} GiB" in finding.fix_text
    assert f"{prediction.train.high / 1024:.1f} GiB" in finding.what


def test_with_the_least_limit_only_other_runs_can_make_room() -> None:
    (finding,) = found_in(Case("", {"output.save_total_limit": 1}, free_disk_share=0.5))
    assert (finding.id, finding.fix) == ("disk-full", ())
    assert "ftui clean" in finding.fix_text


def test_rows_cut_says_how_many_and_how_much() -> None:
    (finding,) = found_in(next(case for case in BROKEN if case.id == "rows-cut"))
    assert finding.what == "100 rows (2 %) are cut at 2048 tokens, 95,200 tokens lost"
    assert finding.fix == (("train.max_length", 3008),)


def test_a_longer_row_than_the_model_takes_is_not_offered() -> None:
    """Two rules that send a person to and fro between two settings are worse than one."""
    case = Case(
        "",
        data={"lengths": {200: 4900, 9000: 100}},
        architecture=replace(LLAMA_8B, max_positions=4096),
    )
    (finding,) = (one for one in found_in(case) if one.id == "rows-cut")
    assert dict(finding.fix).get("train.max_length", 0) in range(4097)


def test_columns_that_only_say_where_a_row_is_from_are_no_finding() -> None:
    remarks = (
        Remark("column id is not used", 9, 1),
        Remark("columns question and answer are taken as …", 9, 1),
    )
    assert found_in(Case("", data={"sources": (source_of(remarks=remarks),)})) == ()
