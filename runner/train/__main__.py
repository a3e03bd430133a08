"""`python -P -m runner.train RUN_DIRECTORY LOCK_FD [CHECKPOINT]`: train one run, or go on with it. Started by the
supervisor; reads top to bottom.
"""

from __future__ import annotations

import sys
import traceback
from pathlib import Path

from runner.preset.files import load_frozen
from runner.preset.schema import Preset
from runner.store import locks, redaction
from runner.store.directory import RunDirectory, read_json
from runner.store.events import EventLog, Phase
from runner.store.history import read_history
from runner.supervision import crashes, replan
from runner.train.explain import explain, while_loading
from runner.train.stacks import listen
from runner.train.stop import StopFlag, StoppedEarly


def main() -> int:
    redaction.guard_streams()
    run = RunDirectory(Path(sys.argv[1]).absolute())
    locks.keep(int(sys.argv[2]))
    log = EventLog(run, patient=True)
    stop = StopFlag(run, log)
    stop.listen()
    listen(run)
    name = sys.argv[3] if len(sys.argv) > 3 else ""
    try:
        preset = load_frozen(run.preset)
        plan = replan.read(run, preset)
        if plan.count and not name:
            # Begun again from its first step.
            log.append("resume", step=0)
        train(
            replan.applied(preset, plan), run, log, stop, checkpoint=run.checkpoints / name if name else None
        )
    except StoppedEarly:
        log.phase(Phase.STOPPED)
        log.append("end", status="stopped", reason="stopped before the first step")
    except BaseException as error:
        traceback.print_exc()
        words, at = explain(error), log.last_phase or Phase.LOADING
        is_oom = crashes.is_out_of_memory(error)
        if is_oom and at is Phase.LOADING:
            given = read_json(run.run).get("gpu")
            words = while_loading(words, given.get("uuid") if isinstance(given, dict) else None)
        log.append(
            "error", **{"class": words.kind, "message": words.message, "hint": words.hint, "at": at.value}
        )
        if is_oom and planned_again(run, log, preset, plan, at):
            return replan.EXIT_CODE
        log.phase(Phase.FAILED)
        log.append("end", status="failed", reason=words.message)
        return 1
    finally:
        log.close()
    return 0


def planned_again(run: RunDirectory, log: EventLog, preset: Preset, plan: replan.Plan, at: Phase) -> bool:
    """Put a smaller plan in force for the supervisor to start again with; False when the preset forbids it, nothing
    smaller is left, or the weights alone do not fit.
    """
    if at is Phase.LOADING:
        return False
    stage = replan.EVALUATION if at is Phase.EVALUATING else at.value
    smaller = replan.smaller(plan, preset, stage) if preset.train.on_out_of_memory == "replan" else None
    if smaller is None:
        return False
    replan.write(run, smaller)
    words = replan.words(plan, smaller, preset)
    print(f"out of memory ({stage}): {words}", flush=True)
    log.append(
        "replan",
        at=stage,
        plan=words,
        per_device=smaller.per_device,
        accumulation=smaller.accumulation,
        eval_batch=smaller.eval_batch,
    )
    return True


def train(
    preset: Preset,
    run: RunDirectory,
    log: EventLog,
    stop: StopFlag,
    probe: bool = False,
    checkpoint: Path | None = None,
) -> None:
    """Load, tokenise, train, save; from a checkpoint on, if there is one. A probe does so with the longest rows alone.
    Raises whatever goes wrong.
    """
    before = read_history(run) if checkpoint is not None else None
    log.phase(Phase.LOADING)
    print("importing the training stack …", flush=True)
    # Imported here and not above: seconds of work, and a first event should not wait for it.
    import torch
    import transformers

    from runner.insight import batch, eval_budget
    from runner.train import answers, arguments, dataset, device, model, packing, resuming, samples
    from runner.train.callback import RunCallback
    from runner.train.memory import MemoryBook, device_used_mib
    from runner.train.order import RowOrder, RowRecord
    from runner.train.tokenizer import load_tokenizer
    from runner.train.trainer import RunTrainer

    device.require(read_json(run.run))
    transformers.set_seed(preset.train.seed)
    tokenizer = load_tokenizer(preset)
    stop.check()

    log.phase(Phase.TOKENISING)
    data = dataset.build(preset, tokenizer)
    if preset.train.packing:
        data = packing.pack_training(data, preset)
    if probe:
        data = data.longest(preset)
    plan = batch.plan_of(preset, len(data.train))
    schedule = eval_budget.plan_evaluations(preset, plan, data.counted)
    if not probe:
        # A probe measures a whole batch.
        data = data.thinned(schedule, preset.train.seed)
    print(f"data: {data.ledger.as_dict()}", flush=True)
    stop.check()

    log.phase(Phase.LOADING)
    device.try_fused_head(log)
    used_before = device_used_mib()
    base = model.load_model(preset)
    stop.check()

    memory = MemoryBook(preset, run, log, data, base.config.to_dict(), used_before)
    args = arguments.build(preset, run, schedule, data.evals)
    if before is not None and checkpoint is not None:
        resuming.verify(before, data.ledger, plan, checkpoint)
        # The evaluation at the checkpoint is there already.
        args.eval_on_start = False
        log.append("resume", step=resuming.step_of(checkpoint))
    # Only where memory can run out: elsewhere the order is plain chance.
    lengths = [len(ids) for ids in data.train["input_ids"]] if torch.cuda.is_available() else []
    order = RowOrder(len(data.train), preset.train.seed, lengths)
    rows = RowRecord(run, order, data.names, plan) if not probe else None
    answerer = (
        answers.Answerer(preset, tokenizer, data, log, args.per_device_eval_batch_size) if not probe else None
    )
    callback = RunCallback(preset, run, log, stop, memory, schedule, rows)
    trainer = RunTrainer(
        model=base,
        args=args,
        train_dataset=data.train,
        eval_dataset=data.evals or None,
        processing_class=tokenizer,
        peft_config=model.lora_config(preset),
        callbacks=[callback],
        log=log,
        memory=memory,
        order=order,
        sampler=samples.Sampler(preset, tokenizer, data, log) if not probe else None,
        answerer=answerer,
        schedule=schedule,
    )
    callback.sample = trainer.answer_samples
    trainer.remove_callback(transformers.PrinterCallback)
    model.cast_trainable(trainer.model, preset)
    # Set after construction: the best checkpoint is kept whatever the intervals (RunTrainer._determine_best_metric).
    args.load_best_model_at_end = preset.output.load_best_model_at_end and "val" in data.evals

    trainable = sum(p.numel() for p in trainer.model.parameters() if p.requires_grad)
    log.append(
        "plan",
        total_steps=plan.total_steps,
        steps_per_epoch=plan.steps_per_epoch,
        warmup_steps=plan.warmup_steps,
        **(schedule.as_dict() if data.evals else {}),
        save_steps=schedule.save_steps,
        per_device_train_batch_size=plan.per_device,
        gradient_accumulation_steps=plan.accumulation,
        world_size=plan.world_size,
        trainable_parameters=trainable,
        total_parameters=trainer.model.num_parameters(),
        method=preset.method,
        device=torch.cuda.get_device_name() if torch.cuda.is_available() else "CPU",
        dtype=str(model.compute_dtype(preset)).removeprefix("torch."),
        ledger=data.ledger.as_dict(),
        learning_rate=preset.train.learning_rate,
        lr_scheduler_type=preset.train.lr_scheduler_type,
        eval_fingerprints=data.fingerprints
        | ({"answers": answerer.fingerprint} if answerer is not None else {}),
        logging_steps=1,
    )
    memory.note("built")

    try:
        if checkpoint is not None and resuming.step_of(checkpoint) >= plan.total_steps:
            trainer.take_over(checkpoint)
        else:
            trainer.train(resume_from_checkpoint=str(checkpoint) if checkpoint is not None else None)
    except BaseException as error:
        memory.write(error)
        raise
    finally:
        if rows is not None:
            rows.close()
    memory.note("end")
    if probe or (trainer.state.epoch or 0.0) >= 1:
        # A run that saw only some of the rows did not see the longest, for which the prediction is.
        memory.write()

    log.phase(Phase.SAVING)
    saved = save(trainer, tokenizer, run)
    best = trainer.state.best_global_step
    status = Phase.STOPPED if stop.requested else Phase.FINISHED
    log.phase(status)
    log.append(
        "end",
        status=status.value,
        reason=stop.words(trainer.state.global_step),
        best_step=best,
        best_loss=trainer.state.best_metric,
        saved=saved,
    )


def save(trainer: object, tokenizer: object, run: RunDirectory) -> str:
    """Write the adapter (or, after full fine-tuning, the model) with its tokenizer; returns the folder's name."""
    from peft import PeftModel

    model = trainer.model  # type: ignore[attr-defined]
    folder = run.adapter if isinstance(model, PeftModel) else run.path / "model"
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)  # type: ignore[attr-defined]
    return folder.name


if __name__ == "__main__":
    sys.exit(main())
