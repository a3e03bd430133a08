"""One training from its preset to its saved adapter, as a story in six steps: see Training.train()."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
import transformers
from peft import PeftModel

from runner.insight import batch, eval_budget
from runner.preset.schema import Preset
from runner.store.directory import RunDirectory, begun, read_json
from runner.store.events import EventLog, Phase
from runner.store.history import History
from runner.train import (
    answers,
    arguments,
    dataset,
    device,
    ledger_words,
    model,
    packing,
    resuming,
    samples,
    soundness,
)
from runner.train.callback import RunCallback
from runner.train.memory import MemoryBook, device_used_mib
from runner.train.order import RowOrder, RowRecord
from runner.train.row_clock import RowClock
from runner.train.stop_flag import StopFlag
from runner.train.tokenise import RowRenderer
from runner.train.tokenizer import load_tokenizer, template_name
from runner.train.trainer import RunTrainer


class Training:
    """What one training consists of, made step by step."""

    def __init__(
        self, preset: Preset, run: RunDirectory, log: EventLog, stop: StopFlag, is_probe: bool
    ) -> None:
        self._preset, self._run, self._log, self._stop, self._is_probe = preset, run, log, stop, is_probe
        self._checkpoint: Path | None = None
        device.require(read_json(run.run))
        transformers.set_seed(preset.train.seed)
        self._tokenizer = load_tokenizer(preset)
        clock = RowClock(self._fail, template=template_name(preset))
        self._renderer = RowRenderer.of(preset, self._tokenizer, begun(run), clock)
        stop.check()

    def train(self, checkpoint: Path | None = None, before: History | None = None) -> None:
        """Load, tokenise, train, save; from a checkpoint on, if there is one, of the run that `before` tells of. A
        probe does so with the longest rows alone. Raises whatever goes wrong.
        """
        self.prepare_data()
        self.load_model()
        self.build_trainer()
        if checkpoint is not None and before is not None:
            self.go_on_from(checkpoint, before)
        self.announce()
        self.run()
        self.finish()

    def _fail(self, message: str, hint: str) -> None:
        """What is said by a thread beside a row that does not come back."""
        print(f"{message} {hint}", flush=True)
        self._log.append("end", status="failed", reason=message, hint=hint)

    def prepare_data(self) -> None:
        """Rows become tokens; how often and on how many of them the run is evaluated follows from their number."""
        preset = self._preset
        self._log.phase(Phase.TOKENISING)
        data = dataset.build(preset, self._renderer)
        if preset.train.packing:
            data = packing.pack_training(data, preset)
        if self._is_probe:
            data = data.longest(preset)
        self._plan = batch.plan_of(preset, len(data.train))
        self._schedule = eval_budget.plan_evaluations(preset, self._plan, data.counted)
        # A probe measures a whole batch.
        self._data = data if self._is_probe else data.thinned(self._schedule, preset.train.seed)
        print(f"data: {ledger_words.words(self._data.ledger)}", flush=True)
        self._stop.check()

    def load_model(self) -> None:
        """The base model, quantised as the preset says; what else uses the GPU is measured before."""
        self._log.phase(Phase.LOADING)
        device.try_fused_head(self._log)
        used_before = device_used_mib()
        self._base = model.load_model(self._preset)
        self._stop.check()
        self._memory = MemoryBook(
            self._preset, self._run, self._log, self._data, model.config_file(self._preset), used_before
        )

    def build_trainer(self) -> None:
        """TRL's trainer around all of it, with the adapter put on the model."""
        preset, data, log = self._preset, self._data, self._log
        self._arguments = arguments.build(preset, self._run, self._schedule, data.evals)
        # Only where memory can run out: elsewhere the order is plain chance.
        lengths = [len(ids) for ids in data.train["input_ids"]] if torch.cuda.is_available() else []
        order = RowOrder(len(data.train), preset.train.seed, lengths)
        self._rows: RowRecord | None = None
        self._answerer: answers.Answerer | None = None
        sampler: samples.Sampler | None = None
        if not self._is_probe:
            self._rows = RowRecord(self._run, order, data.names, self._plan)
            self._answerer = answers.Answerer(
                preset, self._renderer, data, log, self._arguments.per_device_eval_batch_size
            )
            sampler = samples.Sampler(preset, self._renderer, data, log)
        callback = RunCallback(preset, self._run, log, self._stop, self._memory, self._schedule, self._rows)
        self._trainer: Any = RunTrainer(
            model=self._base,
            args=self._arguments,
            train_dataset=data.train,
            eval_dataset=data.evals or None,
            processing_class=self._tokenizer,
            peft_config=model.lora_config(preset, self._base),
            callbacks=[callback],
            log=log,
            eval_rows=data.eval_rows,
            memory=self._memory,
            order=order,
            sampler=sampler,
            answerer=self._answerer,
            schedule=self._schedule,
        )
        callback.sample = self._trainer.answer_samples
        self._trainer.remove_callback(transformers.PrinterCallback)
        model.cast_trainable(self._trainer.model, preset)
        # Set after construction: the best one is kept whatever the intervals (RunTrainer._determine_best_metric).
        self._arguments.load_best_model_at_end = preset.output.load_best_model_at_end and "val" in data.evals

    def go_on_from(self, checkpoint: Path, before: History) -> None:
        """Continue a run at a checkpoint. Raises TrainingError when data, batch or steps are not what they were."""
        resuming.verify(before, self._data.ledger, self._plan, checkpoint)
        # The evaluation at the checkpoint is there already.
        self._arguments.eval_on_start = False
        self._checkpoint = checkpoint
        self._log.append("resume", step=resuming.step_of(checkpoint))

    def announce(self) -> None:
        """Write down what is about to be done."""
        preset, plan, trained = self._preset, self._plan, self._trainer.model
        fingerprints = dict(self._data.fingerprints)
        if self._answerer is not None:
            fingerprints["answers"] = self._answerer.fingerprint
        self._log.append(
            "plan",
            total_steps=plan.total_steps,
            steps_per_epoch=plan.steps_per_epoch,
            warmup_steps=plan.warmup_steps,
            **(self._schedule.as_dict() if self._data.evals else {}),
            save_steps=self._schedule.save_steps,
            per_device_train_batch_size=plan.per_device,
            gradient_accumulation_steps=plan.accumulation,
            world_size=plan.world_size,
            trainable_parameters=sum(p.numel() for p in trained.parameters() if p.requires_grad),
            total_parameters=trained.num_parameters(),
            method=preset.method,
            device=torch.cuda.get_device_name() if torch.cuda.is_available() else "CPU",
            dtype=str(model.compute_dtype(preset)).removeprefix("torch."),
            ledger=self._data.ledger.as_dict(),
            learning_rate=preset.train.learning_rate,
            lr_scheduler_type=preset.train.lr_scheduler_type,
            eval_fingerprints=fingerprints,
            logging_steps=1,
        )
        self._memory.note("built")

    def run(self) -> None:
        """Train to the end, or until it is stopped; what it used is written down also when it fails."""
        checkpoint = self._checkpoint
        try:
            if checkpoint is not None and resuming.step_of(checkpoint) >= self._plan.total_steps:
                self._trainer.take_over(checkpoint)
            else:
                self._trainer.train(
                    resume_from_checkpoint=str(checkpoint) if checkpoint is not None else None
                )
        except BaseException as error:
            self._memory.write(error)
            raise
        finally:
            if self._rows is not None:
                self._rows.close()
        self._memory.note("end")
        if self._is_probe or (self._trainer.state.epoch or 0.0) >= 1:
            # A run that saw only some of the rows did not see the longest, for which the prediction is.
            self._memory.write()

    def finish(self) -> None:
        """Save what was trained, and say how it ended."""
        self._log.phase(Phase.SAVING)
        saved = self._save()
        state = self._trainer.state
        status = Phase.STOPPED if self._stop.requested else Phase.FINISHED
        self._log.phase(status)
        self._log.append(
            "end",
            status=status.value,
            reason=self._stop.words(state.global_step),
            best_step=state.best_global_step,
            best_loss=state.best_metric,
            saved=saved,
        )

    def _save(self) -> str:
        """Write the adapter (or, after full fine-tuning, the model) with its tokenizer; returns the folder's name."""
        trained = self._trainer.model
        soundness.ensure_finite(trained)
        folder = self._run.adapter if isinstance(trained, PeftModel) else self._run.path / "model"
        trained.save_pretrained(folder)
        self._tokenizer.save_pretrained(folder)
        return folder.name
