"""Keys about a run: evaluations, checkpoints, its place on disk, the hub, other trackers, the console."""

from __future__ import annotations

from runner.preset.other_tools.conversion import never
from runner.preset.other_tools.said import ByValue, Keys, by_itself, called, unsupported, write

_RESUME = unsupported("`ftui resume RUN` goes on from a run's last whole checkpoint.")
_UPLOAD = unsupported("`hf upload NAME adapter/` in the run's directory puts the adapter on the hub.")
_EVALUATED = by_itself("at step 0, every eval.eval_steps, and at the last step")
_SAVED = by_itself("a checkpoint at every evaluation, or every output.save_steps")
_STOP = called(
    "eval.auto_stop",
    "It stops on a verdict: critical or warning.",
    never("eval.auto_stop: critical (or warning) stops on a verdict instead."),
)
_BEST = by_itself("the best has the lowest held-out loss")
_ANSWERS = unsupported("eval.answer_rows held-out rows are answered and compared with their own answers.")
_WANDB = unsupported("Set it in the environment, as W&B reads it: WANDB_PROJECT, WANDB_ENTITY, WANDB_MODE …")
_OTHER_TRACKER = unsupported("report.report_to takes tensorboard, wandb and trackio.")
_EVERY_STEP = by_itself("every step is recorded")
_OWN_FOLDER = by_itself("each run has a directory of its own in $FTUI_HOME/runs")
_LOG_LEVEL = by_itself("console.log of the run has all that the trainer says")
_MEASURED = by_itself("memory, load and tokens a second are recorded")

KEYS: Keys = {
    # Evaluations
    "eval_strategy evaluation_strategy eval_on_start eval_delay do_eval evaluate_during_training "
    "eval.strategy": _EVALUATED,
    "evals_per_epoch": called(
        "eval.eval_steps",
        "It counts steps; auto spreads six to ten over the run.",
        never("eval.eval_steps counts steps; auto spreads six to ten evaluations over the run."),
    ),
    "eval_interval eval_every eval_freq eval_frequency evaluation_steps": called(
        "eval.eval_steps", "It counts steps; auto spreads six to ten over the run."
    ),
    "eval_batch_size per_gpu_eval_batch_size val_batch_size eval_micro_batch_size eval.batch_size": called(
        "eval.per_device_eval_batch_size"
    ),
    "eval_samples max_eval_sample eval_max_samples max_val_samples eval.max_samples": called(
        "eval.max_eval_samples"
    ),
    "eval_accumulation_steps eval_do_concat_batches eval_use_gather_object prediction_loss_only batch_eval_metrics "
    "eval_on_each_dataset": by_itself("evaluations keep losses, not logits"),
    "include_for_metrics include_inputs_for_metrics compute_metrics compute_accuracy eval_causal_lm_metrics "
    "do_causal_lm_eval do_bench_eval bench_dataset bench_split predict_with_generate do_predict eval_table_size "
    "eval_num_beams generation_config metrics evaluation_metrics": _ANSWERS,
    "eval_max_new_tokens eval_table_max_new_tokens generation_max_length max_new_tokens": called(
        "eval.sample_max_new_tokens"
    ),
    "early_stopping_patience early_stopping_threshold early_stopping_steps early_stopping early_stop "
    "loss_watchdog_threshold loss_watchdog_patience patience": _STOP,
    "metric_for_best_model greater_is_better best_metric": _BEST,
    "load_best_model": called("output.load_best_model_at_end"),
    # Checkpoints and the run's place
    "save_strategy do_save save_first_step save_on_train_end output.strategy": _SAVED,
    "saves_per_epoch": called(
        "output.save_steps",
        "It counts steps; auto: at every evaluation.",
        never("output.save_steps counts steps; auto saves at every evaluation."),
    ),
    "save_interval save_every checkpoint_interval checkpointing_steps save_freq": called(
        "output.save_steps", "It counts steps; auto: at every evaluation."
    ),
    "max_checkpoints keep_last checkpoints_total_limit save_top_k": called("output.save_total_limit"),
    "save_only_model": unsupported(
        "Checkpoints are whole, so that a run can go on; output.save_total_limit limits them."
    ),
    "save_safetensors safe_serialization": by_itself("weights are written as safetensors"),
    "enable_jit_checkpoint dynamic_checkpoint": by_itself("a stop saves, and so does `ftui ask save`"),
    "output_dir out_dir save_dir output_path logging_dir log_dir tensorboard_dir run_dir "
    "overwrite_output_dir save_path output.dir output.path": _OWN_FOLDER,
    "resume_from_checkpoint auto_resume_from_checkpoints resume resume_from ignore_data_skip "
    "restore_callback_states_from_checkpoint resume_run_id checkpoint_path": _RESUME,
    "push_to_hub hub_model_id hub_strategy hub_private_repo hub_always_push hub_revision push_to_hub_model_id "
    "push_to_hub_token push_to_hub_organization hub_repo hub_user_id model_card": _UPLOAD,
    "export_dir export_size export_device export_quantization_bit export_hub_model_id save_merged merge_adapter "
    "export_quantization_dataset export_legacy_format merge_after_train save_method gguf quantization_format": (
        unsupported("The run's adapter/ is what is written; PEFT's merge_and_unload joins it to the model.")
    ),
    "do_train": by_itself("a run trains"),
    # Trackers and the console
    "logger log_with loggers trackers tracker": called("report.report_to", "It takes a list."),
    "use_wandb enable_wandb wandb_enabled": write("report.report_to: [wandb]"),
    "use_tensorboard enable_tensorboard tensorboard": write("report.report_to: [tensorboard]"),
    "use_trackio": write("report.report_to: [trackio]"),
    "use_mlflow mlflow_tracking_uri mlflow_experiment_name mlflow_run_name hf_mlflow_log_artifacts use_comet "
    "comet_project_name comet_api_key comet_workspace comet_mode comet_experiment_config comet_experiment_key "
    "comet_online use_swanlab swanlab_project swanlab_run_name swanlab_mode swanlab_workspace "
    "swanlab_api_key use_otel_metrics otel_metrics_host otel_metrics_port swanlab_experiment_name swanlab_description "
    "swanlab_log_completions swanlab_completion_log_interval swanlab_completion_max_buffer swanlab_log_model "
    "neptune_project clearml_project": _OTHER_TRACKER,
    "wandb_name wandb_run_name experiment_name trackio_run_name report.name": called("report.run_name"),
    "wandb_project wandb_entity wandb_mode wandb_watch wandb_log_model wandb_run_id wandb_token wandb_api_key "
    "wandb_group wandb_tags": _WANDB,
    "project project_name trackio_project trackio_project_name trackio_space_id trackio_bucket_id "
    "trackio_static_space_id": unsupported(
        "Set it in the environment, as the tracker reads it (WANDB_PROJECT)."
    ),
    "log_steps log_interval log_every print_every log_every_n_steps logging_interval": called(
        "report.logging_steps"
    ),
    "logging_strategy logging_first_step plot_loss log_history": _EVERY_STEP,
    "logging_nan_inf_filter": by_itself("a loss that is no number is recorded as it was"),
    "include_num_input_tokens_seen include_tokens_per_second include_effective_tokens_per_second "
    "skip_memory_metrics profiler_steps profiler_steps_start record_vram": _MEASURED,
    "log_level log_level_replica disable_tqdm verbose print_param_status report_level": _LOG_LEVEL,
    "debug strict use_v1 ray_init_kwargs": unsupported(
        "`ftui check` looks at preset, data and memory beforehand."
    ),
    "do_not_track telemetry disable_telemetry": by_itself("telemetry of the stack is off"),
    "env": unsupported("Variables of the environment are those `ftui run` is started with."),
}

_WHOLE_BY_NAME = {"no": write("data.eval_fraction: 0", "Without held-out rows overfitting is not seen.")}
_UNUSED = by_itself("report.report_to names the trackers that are used")

BY_VALUE: ByValue = {
    "eval_strategy evaluation_strategy do_eval": _WHOLE_BY_NAME | {"false": _WHOLE_BY_NAME["no"]},
    "save_strategy": {"best": by_itself("the best checkpoint is always kept")},
    "use_wandb enable_wandb wandb_enabled use_tensorboard enable_tensorboard use_trackio": {"false": _UNUSED},
    "push_to_hub": {"false": by_itself("nothing is put on the hub")},
    "save_only_model": {"false": by_itself("checkpoints are whole, so that a run can go on")},
    "resume_from_checkpoint auto_resume_from_checkpoints resume": {
        "false": by_itself("a run starts anew"),
        "null": by_itself("a run starts anew"),
    },
    "logging_nan_inf_filter": {"true": unsupported("A loss that is no number is recorded as it was.")},
}
