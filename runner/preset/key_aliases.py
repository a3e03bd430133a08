"""What settings are called in Axolotl, LLaMA-Factory, Unsloth, TRL's older versions, and in talk."""

from __future__ import annotations

_NAMES = {
    "model.model_name_or_path": "base_model model_name model_id model",
    "model.chat_template_path": "chat_template template",
    "model.attn_implementation": "flash_attn flash_attention attention",
    "lora.r": "lora_r lora_rank rank",
    "lora.lora_alpha": "alpha",
    "lora.lora_dropout": "dropout",
    "lora.target_modules": "lora_target lora_target_modules lora_target_linear",
    "train.num_train_epochs": "epochs num_epochs epoch",
    "train.per_device_train_batch_size": "batch_size micro_batch_size train_batch_size bs",
    "train.gradient_accumulation_steps": "grad_accum gradient_accumulation grad_acc_steps accumulation",
    "train.learning_rate": "lr",
    "train.lr_scheduler_type": "lr_scheduler scheduler",
    "train.warmup_steps": "warmup",
    "train.optim": "optimizer",
    "train.max_length": "max_seq_length max_seq_len sequence_len cutoff_len context_length",
    "train.packing": "sample_packing",
    "train.neftune_noise_alpha": "neftune neftune_alpha",
    "data.train_dataset": "dataset datasets dataset_name train_file train_data",
    "data.eval_dataset": "test_datasets validation_file eval_data",
    "data.eval_fraction": "val_set_size val_size test_size",
    "report.report_to": "logger log_with",
}
OURS = {theirs: ours for ours, names in _NAMES.items() for theirs in names.split()}
