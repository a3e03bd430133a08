"""TRL's SFTTrainer, with the evaluation and the record-keeping ftui needs."""

from __future__ import annotations

import shutil
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from transformers.trainer import TRAINING_ARGS_NAME
from transformers.trainer_callback import TrainerState
from transformers.trainer_utils import EvalLoopOutput
from trl import SFTTrainer

from runner.insight.eval_budget import EvalPlan
from runner.store import checkpoints, manifest
from runner.store.directory import RunDirectory
from runner.store.events import EventLog, Phase
from runner.supervision import crashes
from runner.train import soundness
from runner.train.answers import Answerer
from runner.train.memory import MemoryBook
from runner.train.model import keeping_dtypes
from runner.train.order import RowOrder
from runner.train.samples import Sampler

# Larger sets tell by their mean; a line of 512 losses is four kilobytes.
MOST_ROWS_KEPT = 512
NOT_SAVED = (
    "At step {step} the weights hold NaN or infinite numbers: they are not saved, older checkpoints are kept."
)


@dataclass(frozen=True)
class RowLosses:
    """One evaluation, row by row: summed negative log-likelihood in nats and trained tokens, each of shape (rows,)."""

    nll: torch.Tensor
    tokens: torch.Tensor

    def joined(self, rows: Sequence[int]) -> RowLosses:
        """The losses of samples made those of their rows; `rows` says of each sample which it is part of, from 0."""
        if not len(rows) or len(rows) == rows[-1] + 1:
            return self
        of, count = torch.tensor(rows), rows[-1] + 1
        nll = torch.zeros(count, dtype=self.nll.dtype).index_add(0, of, self.nll)
        return RowLosses(nll, torch.zeros(count, dtype=self.tokens.dtype).index_add(0, of, self.tokens))

    @property
    def mean(self) -> float:
        """Nats a token over all rows; NaN for no tokens."""
        return float(self.nll.sum() / self.tokens.sum())

    def by_row(self) -> dict[str, list[float]]:
        """{"row_losses": nats a token of each row}, empty for sets too large to keep that of."""
        if len(self.nll) > MOST_ROWS_KEPT:
            return {}
        means = self.nll.double() / self.tokens.clamp(min=1)
        return {"row_losses": [round(float(mean), 5) for mean in means]}


class RunTrainer(SFTTrainer):
    """Evaluates exactly, keeps the best checkpoint whatever the save interval, and tells the run what it does."""

    def __init__(
        self,
        *args: Any,
        log: EventLog,
        memory: MemoryBook,
        eval_rows: Mapping[str, Sequence[int]],
        order: RowOrder | None = None,
        sampler: Sampler | None = None,
        answerer: Answerer | None = None,
        schedule: EvalPlan | None = None,
        **kwargs: Any,
    ) -> None:
        self.run_log = log
        self.memory_book = memory
        self.eval_rows = eval_rows
        self.row_order = order
        self.sampler = sampler
        self.answerer = answerer
        self.schedule = schedule
        super().__init__(*args, **kwargs)

    def _get_train_sampler(self, train_dataset: Any = None) -> Any:
        """Rows in the order of RowOrder; the stock order depends on how often it was asked for."""
        stock = super()._get_train_sampler(train_dataset)
        if self.row_order is None or stock is None:
            return stock
        if self.args.train_sampling_strategy == "group_by_length":
            self.row_order.group(stock)
        return self.row_order

    def create_model_card(self, *args: Any, **kwargs: Any) -> None:
        """Not for every checkpoint: it asks the hub for the base model's card."""

    def evaluation_loop(
        self,
        dataloader: Any,
        description: str,
        prediction_loss_only: bool | None = None,
        ignore_keys: list[str] | None = None,
        metric_key_prefix: str = "eval",
    ) -> EvalLoopOutput:
        """Loss per token over the whole set.

        The stock loop averages the means of batches, so its figure changes with batch size and padding; it also leaves
        non-finite batches out of the mean.
        """
        name = metric_key_prefix.removeprefix("eval_")
        self.run_log.phase(Phase.EVALUATING)
        self.memory_book.note("before evaluation")
        start = time.monotonic()
        losses = self.row_losses(dataloader).joined(self.eval_rows.get(name, ()))
        self.run_log.append(
            "eval",
            set=name,
            step=self.state.global_step,
            epoch=round(float(self.state.epoch or 0.0), 4),
            loss=losses.mean,
            n=len(losses.nll),
            tokens=int(losses.tokens.sum()),
            seconds=round(time.monotonic() - start, 3),
            **losses.by_row(),
        )
        if name == "val":
            self._answer(self.state.global_step)
        print(
            f"step {self.state.global_step}  {name} loss {losses.mean:.4f}  ({len(losses.nll)} rows)",
            flush=True,
        )
        return EvalLoopOutput(
            predictions=None,
            label_ids=None,
            metrics={f"{metric_key_prefix}_loss": losses.mean},
            num_samples=len(losses.nll),
        )

    def _answer(self, step: int) -> None:
        if self.schedule is not None and not self.schedule.is_answered(step):
            return
        if self.answerer is not None:
            with self.compute_loss_context_manager():
                self.answerer.answer(self.model, step)
        self.answer_samples(step)

    def _load_from_checkpoint(self, resume_from_checkpoint: str, model: Any = None) -> None:
        with keeping_dtypes(model or self.model), soundness.loading(resume_from_checkpoint):
            super()._load_from_checkpoint(resume_from_checkpoint, model)
            soundness.ensure_finite(self.model)

    def _load_optimizer_and_scheduler(self, checkpoint: str | None) -> None:
        with soundness.loading(checkpoint):
            super()._load_optimizer_and_scheduler(checkpoint)

    def _load_rng_state(self, checkpoint: str | None) -> None:
        with soundness.loading(checkpoint):
            super()._load_rng_state(checkpoint)

    def _load_best_model(self) -> None:
        """The best weights, unless their files were spoiled since: then the last ones stay, and that is said."""
        best = Path(self.state.best_model_checkpoint)
        if harm := manifest.harm(best):
            message = (
                f"The best weights ({best.name}) are not loaded: {', '.join(harm)}. The last ones are kept."
            )
            self.run_log.append("warning", id="best-spoiled", message=message)
            return
        with keeping_dtypes(self.model):
            super()._load_best_model()

    def answer_samples(self, step: int) -> None:
        """Answer the sample prompts with the weights as they are, in the format training computes in: outside autocast
        full fine-tuning would answer in fp32, and layers that are trained whole would not fit the others.
        """
        if self.sampler is not None:
            with self.compute_loss_context_manager():
                self.sampler.answer(self.model, step)

    def row_losses(self, dataloader: Any) -> RowLosses:
        """The loss of every row of a data loader, in its order, with the current weights in evaluation mode."""
        self.model.eval()
        nll, tokens = [], []
        for batch in dataloader:
            inputs = self._prepare_inputs(batch)
            with torch.no_grad(), self.compute_loss_context_manager():
                outputs = self.model(**inputs, use_cache=False, fused_lm_head=True)
            batch_nll, batch_tokens = _per_row(-outputs.log_probs.float(), outputs.label_mask, inputs)
            nll.append(batch_nll.cpu())
            tokens.append(batch_tokens.cpu())
        return RowLosses(torch.cat(nll), torch.cat(tokens))

    def _determine_best_metric(self, metrics: dict[str, float], trial: Any) -> bool:
        """A new best is saved at once: when evaluation and saving keep different steps, it would be lost."""
        is_best = super()._determine_best_metric(metrics, trial)
        if is_best and self.args.metric_for_best_model:
            self.control.should_save = True
        return bool(is_best)

    def take_over(self, checkpoint: Path) -> None:
        """After the last step there is nothing to train (the stock loop would make one more): the weights as the end of
        training leaves them.
        """
        self.state = TrainerState.load_from_json(str(checkpoint / "trainer_state.json"))
        self._load_from_checkpoint(str(checkpoint))
        if self.args.load_best_model_at_end and self.state.best_model_checkpoint is not None:
            self._load_best_model()

    def _save_checkpoint(self, model: Any, trial: Any) -> None:
        """A full disk costs a checkpoint and a warning; the run goes on, and what was saved before stays whole. Weights
        that are no numbers are not saved. Older checkpoints go when this one is whole and on the disk.
        """
        self.run_log.phase(Phase.SAVING)
        best, folder = self.state.best_model_checkpoint, self._checkpoint_folder
        if not soundness.is_finite(self.model):
            self.run_log.append(
                "warning", id="non-finite", message=NOT_SAVED.format(step=self.state.global_step)
            )
            return
        # One of this step may be there that could not be used; files of two savings are never mixed.
        shutil.rmtree(folder, ignore_errors=True)
        try:
            with soundness.keeping_older(self.args):
                super()._save_checkpoint(model, trial)
        except Exception as error:
            crash = crashes.known(str(error))
            if crash is None or crash.name != "disk full":
                raise
            self._give_up_checkpoint(best)
            return
        try:
            manifest.write(folder)
            checkpoints.rotate(
                RunDirectory(folder.parent.parent), self.args.save_total_limit, self.state.best_global_step
            )
        except OSError as error:
            message = f"{folder.name} is written without its checksums, and older ones are kept: {error}"
            self.run_log.append("warning", id="disk", message=message)
        self.run_log.append(
            "checkpoint",
            step=self.state.global_step,
            path=f"checkpoints/{folder.name}",
            best=self.state.best_global_step == self.state.global_step,
        )

    @property
    def _checkpoint_folder(self) -> Path:
        return Path(self.args.output_dir) / f"checkpoint-{self.state.global_step}"

    def _save(self, output_dir: str | None = None, state_dict: Any = None) -> None:
        """Without the pickled arguments: what was set stands in preset.yaml and the event `effective` as text without
        secrets, which is not read by running it.
        """
        super()._save(output_dir, state_dict)
        Path(output_dir or self.args.output_dir, TRAINING_ARGS_NAME).unlink(missing_ok=True)

    def _give_up_checkpoint(self, best: str | None) -> None:
        shutil.rmtree(self._checkpoint_folder, ignore_errors=True)
        self.state.best_model_checkpoint = best
        self.run_log.append(
            "warning",
            id="disk",
            message=f"The disk is full: checkpoint-{self.state.global_step} was not written; the run goes on.",
        )


def _per_row(
    nll: torch.Tensor, mask: torch.Tensor, inputs: dict[str, torch.Tensor]
) -> tuple[torch.Tensor, torch.Tensor]:
    """Sum token losses by row. nll and mask are (batch, length − 1); a padding-free batch is one long sequence whose
    rows begin where position_ids are 0. Returns two tensors of shape (rows,).
    """
    if "attention_mask" in inputs or "position_ids" not in inputs:
        return nll.sum(dim=1), mask.sum(dim=1)
    # The label of position i is token i + 1, so a loss belongs to the row of the token it predicts.
    row = (inputs["position_ids"][0, 1:] == 0).cumsum(0)
    rows = int((inputs["position_ids"][0] == 0).sum())
    zeros = torch.zeros(rows, dtype=nll.dtype, device=nll.device)
    return zeros.index_add(0, row, nll[0]), zeros.index_add(0, row, mask[0].to(nll.dtype)).long()
