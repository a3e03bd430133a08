"""Sections that say what is learned from, how progress is measured, and what is kept."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from runner.preset.section import Auto, Count, LocalOrHub, Section

ReportTarget = Literal["tensorboard", "wandb", "trackio"]


class MixSource(Section):
    """General data blended into training, so that the model keeps what it knew."""

    dataset: LocalOrHub
    """Rows: a local file or the name of a hub data set, in any of the known shapes."""

    ratio: float = Field(gt=0.0, lt=1.0)
    """Share of all training rows that come from this source."""

    split: str = "train"
    """Split of a hub data set."""

    dataset_config_name: str | None = None
    """Configuration of a hub data set that has several."""


class DataSection(Section):
    """Where the rows come from."""

    train_dataset: LocalOrHub
    """Training rows: a local .jsonl, .json, .csv or .parquet file, or the name of a hub data set. Chat messages,
    prompt and completion, plain text, Alpaca and ShareGPT rows are recognised by themselves."""

    eval_dataset: LocalOrHub | None = None
    """Held-out rows. Without any, a part of the training rows is split off (see eval_fraction)."""

    dataset_config_name: str | None = None
    """Configuration of a hub data set that has several."""

    train_split: str = "train"
    """Split of a hub data set to train on."""

    eval_split: str | None = None
    """Split of the hub data set to evaluate on, when eval_dataset is not set."""

    eval_fraction: float = Field(default=0.05, ge=0.0, lt=1.0)
    """Share of training rows held out when nothing else names eval data: at least 32 rows, at most 512, never an
    exact copy of a training row. 0 switches evaluation off, and with it every judgement of overfitting."""

    mix: list[MixSource] = Field(default_factory=list)
    """General data blended in against catastrophic forgetting: [{dataset: ./general.jsonl, ratio: 0.1}], several
    sources if you like. Ratio is the share of all training rows; rows are drawn with the run's seed and interleaved."""

    general_eval_dataset: LocalOrHub | None = None
    """Held-out rows of general ability, evaluated apart as `general`: the measure of forgetting. Without any, some rows
    of data.mix are held out for it."""

    general_eval_split: str = "train"
    """Split of a hub data set named in general_eval_dataset."""

    max_train_samples: int | None = Field(default=None, ge=1)
    """Use only this many training rows, drawn at random with the run's seed. For a quick trial."""

    skip_rows: list[Count] = Field(default_factory=list)
    """Rows of train_dataset that are left out, by their number from 1: rows a spike pointed at, say."""

    @model_validator(mode="after")
    def _room_for_own_rows(self) -> DataSection:
        total = sum(source.ratio for source in self.mix)
        if total >= 1:
            raise ValueError(f"the ratios of mix add up to {total:g}; the rest, below 1, is your own rows")
        return self


class EvalSection(Section):
    """How progress is measured while training."""

    eval_steps: Count | Auto = "auto"
    """Evaluate every so many optimizer steps. auto: six to ten times over the run, as eval.budget allows, closer to
    each other towards its end. Step 0 and the last step are always evaluated."""

    budget: float = Field(default=0.08, gt=0.0, le=1.0)
    """Share of the run's compute that evaluations and answers may take: how often and on how many rows is chosen by it,
    but never less than a verdict needs (six times, 32 rows). What is set here otherwise goes first. 1: no limit."""

    per_device_eval_batch_size: Count | Auto = "auto"
    """Rows per evaluation batch. auto: the training batch size, so that evaluation needs no more memory."""

    max_eval_samples: Count | Auto = "auto"
    """At most this many held-out rows are evaluated, drawn with the run's seed, the same ones each time. auto: up to
    512, as eval.budget allows."""

    train_probe: bool = True
    """Also evaluate a fixed sample of training rows with the same weights: the evidence for overfitting."""

    answer_rows: int = Field(default=16, ge=0, le=512)
    """Held-out rows that are answered at evaluations, as often as eval.budget allows, and compared with their own
    answers, exactly and field by field: a loss does not say how many are right. Rows with answers over 256 tokens
    are not asked. 0: none."""

    sample_prompts: list[str] = Field(default_factory=list)
    """Prompts answered beside them, to read what no loss shows. Empty: the questions of three held-out rows."""

    sample_max_new_tokens: int = Field(default=64, ge=0, le=2048)
    """Longest answer to a sample prompt, in tokens. 0: no samples."""

    auto_stop: Literal["never", "critical", "warning"] = "never"
    """Stop the run, saving first, when the judgement of its curves is as grave as this. never: only say so."""

    @property
    def most_rows(self) -> int:
        """Rows that are held out or taken of a named file at most."""
        return 512 if self.max_eval_samples == "auto" else self.max_eval_samples


class OutputSection(Section):
    """What is kept on disk."""

    save_steps: Count | Auto = "auto"
    """Write a checkpoint every so many optimizer steps. auto: at every evaluation, so the best can be kept."""

    save_total_limit: int = Field(default=3, ge=1)
    """Checkpoints kept; older ones are deleted, never the best one."""

    load_best_model_at_end: bool = True
    """The saved adapter is the one with the lowest held-out loss, not the last one."""


class ReportSection(Section):
    """Where else numbers go. ftui's own record has every step in any case."""

    report_to: list[ReportTarget] = Field(default_factory=list)
    """Other trackers to write to; each needs its own package. Empty: none."""

    run_name: str | None = None
    """Name of the run in those trackers. Default: the run's id."""

    logging_steps: int = Field(default=10, ge=1)
    """Print a line to the console log every so many optimizer steps. Charts and events have every step anyway."""


class LintSection(Section):
    """Rules this preset breaks on purpose."""

    ignore: list[str] = Field(default_factory=list)
    """Ids of lint rules that are not to be mentioned, for example [epochs-many]. Errors are mentioned in any case."""
