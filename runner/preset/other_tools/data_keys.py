"""Keys about the rows: where they are, their shape, how they are prepared, and what is held out."""

from __future__ import annotations

from collections.abc import Mapping

from runner.preset.other_tools.conversion import ONE, PERCENT, SHARE, column, never
from runner.preset.other_tools.said import ByValue, Keys, by_itself, called, code, unsupported, write

_SHAPE = by_itself("chat, ShareGPT, Alpaca, prompt and completion, and text are recognised")
_PREPARED = by_itself("rows are read and tokenised when a run starts")
_SYSTEM = unsupported("Give the rows a first turn with the role system.")
_OTHERS_COLUMNS = "For example {prompt: question, completion: answer}."
_MESSAGES = "It names the columns that are not recognised by themselves."
_RENAMED = never("Name columns that are not recognised in data.columns: {prompt: question}.")
_COLUMNS = called("data.columns", _OTHERS_COLUMNS, _RENAMED)
_OWN_NAMES = called("data.columns", _MESSAGES, _RENAMED)
_WHOLE = unsupported("Rows are read whole, from a file or the hub.")
_MIXED = called(
    "data.mix",
    "Its entries have a dataset and a ratio, its share of all.",
    never("Give each source of data.train_dataset its weight, or name general data in data.mix."),
)
_MEDIA = unsupported("ftui trains on text alone.")
# The keys that name one column of the rows each, under the name that the column has here.
COLUMN_KEYS: Mapping[str, str] = {
    "text": "dataset_text_field text_field text_column field text_key content_field",
    "instruction": "field_instruction instruction_field",
    "input": "field_input input_column",
    "output": "field_output output_field output_column",
    "system": "field_system",
    "prompt": "prompt_field prompt_column prompt_key",
    "completion": "response_field completion_column completion_key response_column",
    "tools": "field_tools",
}

KEYS: Keys = {
    "dataset datasets dataset_name train_file train_data train_dataset_name dataset_path data_path dataset_id "
    "dataset_mixture local_datasets hf_dataset data_files train_files local_dataset dataset_name_or_path "
    "train_path data_file dataset_mixer data.path "
    "data.train data.file data.name": called("data.train_dataset", "A file, or a name on the hub."),
    "test_datasets validation_file eval_data eval_file validation_dataset val_dataset test_dataset eval_datasets "
    "test_file eval_dataset_name local_eval_datasets val_data validation_data valid_file "
    "data.eval data.test data.val data.validation "
    "eval.dataset eval.data": called("data.eval_dataset"),
    "dataset_config dataset_subset subset config_name": called("data.dataset_config_name"),
    "dataset_configs dataset_config_names": called("data.dataset_config_name", "It takes one.", ONE),
    "dataset_splits": called(
        "data.train_split",
        "data.eval_split names the held-out one.",
        never("Name them one by one: data.train_split and data.eval_split."),
    ),
    "dataset_train_split train_dataset_split split": called("data.train_split"),
    "dataset_test_split test_split validation_split eval_dataset_split val_split eval.split": called(
        "data.eval_split"
    ),
    "val_set_size val_size test_size test_split_size split_dataset_ratio validation_size eval_size "
    "eval_ratio val_ratio": called("data.eval_fraction", "It is a share of the rows, below 1.", SHARE),
    "validation_split_percentage": called(
        "data.eval_fraction", "It is a share of the rows, below 1.", PERCENT
    ),
    "max_samples max_train_sample num_samples n_samples sample_size train_samples": called(
        "data.max_train_samples"
    ),
    "dataset_dir data_dir dataset_root": unsupported(
        "Write the whole path in data.train_dataset; a relative one is relative to the preset."
    ),
    "interleave_probs interleave_probabilities dataset_mixer_list mixing_weights": _MIXED,
    "mix_strategy stopping_strategy": by_itself("rows of data.mix are interleaved with the run's seed"),
    "buffer_size streaming dataset_streaming dataset_shard_num dataset_shard_idx sharding shards shards_idx "
    "dataset_shuffle_buffer_size streaming_multipack_buffer_size": _WHOLE,
    "dataset_prepared_path tokenized_path overwrite_cache preprocessing_batch_size preprocessing_num_workers "
    "dataset_num_proc num_proc dataset_processes dataset_keep_in_memory skip_prepare_dataset dataset_kwargs "
    "push_dataset_to_hub is_preprocess data_shared_file_system dataset_map_batch_size "
    "dataset_batch_size packing_num_proc preprocess_num_proc load_from_cache_file lazy_tokenize "
    "preprocess_shards num_preprocess_threads": _PREPARED,
    "dataset_exact_deduplication deduplicate": unsupported(
        "`ftui check` names rows that are copies; a held-out row is never one of a trained one."
    ),
    "shuffle_merged_datasets shuffle_dataset shuffle shuffle_before_merging_datasets": by_itself(
        "rows come in random order, by train.seed"
    ),
    "remove_unused_columns label_names data_collator formatting formatting_func format_type ds_type dataset_type "
    "dataset_format data_format type_of_data data.type conversation_extension standardize_data_formats": _SHAPE,
    "tags role_tag content_tag user_tag assistant_tag system_tag observation_tag function_tag roles field_role "
    "message_field_role message_field_content field_content "
    "roles_mapping drop_system_message_if_empty drop_system_message": by_itself(
        "role and content, from and value, human and gpt are recognised"
    ),
    **{names: called("data.columns", _OTHERS_COLUMNS, column(ours)) for ours, names in COLUMN_KEYS.items()},
    "message_property_mappings columns_mapping column_mapping dataset_columns": _COLUMNS,
    "field_messages messages_field message_field messages_column conversation_column messages_key": called(
        "data.columns", _MESSAGES, column("messages")
    ),
    "default_system default_system_message system_prompt system_message system sys_prompt": _SYSTEM,
    "unknown_columns columns_to_remove remove_columns": called("data.drop_columns"),
    "chosen_only use_chosen": write("data.prefer: chosen"),
    "ranking field_chosen field_rejected chosen_field rejected_field": called(
        "data.prefer", "chosen learns the better answer of each pair."
    ),
    "skip_bad_rows skip_invalid_rows on_error": called("data.on_bad_rows", "It takes refuse or skip."),
    "media_dir image_max_pixels image_min_pixels image_resolution video_max_pixels video_fps image_do_pan_and_scan "
    "image_size image_resize_algorithm crop_to_patches audio_sampling_rate use_audio_in_video image_column "
    "vision_tower": _MEDIA,
    # Of dataset_info.json and of an entry of Axolotl's datasets, written beside them
    "file_name hf_hub_url ms_hub_url om_hub_url cloud_file_name": called("data.train_dataset"),
    "script_url": code("Rows are read from a file or the hub, never by a script."),
    "input_format input_transform user_defined_mappings user_defined_dataset": _OWN_NAMES,
}

BY_VALUE: ByValue = {
    "system": {
        "keep": called("data.system"),
        "merge_into_user": called("data.system"),
    },
    "val_set_size val_size test_size test_split_size validation_size": {
        "0": write("data.eval_fraction: 0", "Without held-out rows overfitting is not seen."),
        "0.0": write("data.eval_fraction: 0", "Without held-out rows overfitting is not seen."),
    },
    "ranking": {"false": _SHAPE},
}
_ONE_DATASET = {"": "data.train_dataset", "data.eval_dataset": "data.eval_dataset"}
_ONE_SPLIT = {"": "data.train_split", "data.eval_dataset": "data.eval_split"}
# Keys of an entry of a list of data sets: the first of these that an entry of ours has, and the setting that says it of
# a single data set ('' for any but those named).
ENTRY: Mapping[str, tuple[tuple[str, ...], Mapping[str, str]]] = {
    "path file_name name_or_path dataset_name dataset_path data_files data_path hf_hub_url ms_hub_url file source "
    "train_dataset id hf_id": (("dataset",), _ONE_DATASET),
    "fraction probability prob proportion weight ratio sampling_ratio interleave_prob": (
        ("ratio", "weight"),
        {"": "data.mix"},
    ),
    "num_samples max_samples max_train_samples limit rows n": (("max_rows",), {"": "data.max_train_samples"}),
    "split dataset_split train_split split_name": (("split",), _ONE_SPLIT),
    "name subset config config_name dataset_config dataset_config_name": (
        ("dataset_config_name",),
        {"": "data.dataset_config_name"},
    ),
}
ENTRY_ITSELF: Keys = {
    "type ds_type formatting format conversation field_messages roles field_role message_field_role "
    "message_field_content message_property_mappings tags": by_itself("shapes of rows are recognised"),
    "chat_template template chat_template_jinja": by_itself(
        "the tokenizer's template, or model.chat_template_path"
    ),
    "roles_to_train train_on_eos train_on_eot train_on_split": by_itself("answers and their end are learned"),
}
