"""Settings of a public script, the work around them left out."""

import torch
from datasets import load_dataset
from peft import LoraConfig
from transformers import AutoModelForCausalLM
from trl import SFTConfig, SFTTrainer

BASE_MODEL_PATH = "google/gemma-3-1b-it"
OUTPUT_DIR = "output/gemma-lora-medical"

model = AutoModelForCausalLM.from_pretrained(
    BASE_MODEL_PATH,
    dtype=torch.float32,
    device_map="cpu",
    low_cpu_mem_usage=True,
)
peft_config = LoraConfig(
    r=16,
    lora_alpha=32,
    lora_dropout=0.05,
    bias="none",
    task_type="CAUSAL_LM",
    target_modules=["q_proj", "k_proj", "v_proj", "o_proj"],
)
dataset = load_dataset("medalpaca/medical_meadow_medical_flashcards")
dataset = dataset["train"].train_test_split(test_size=0.1)
training_args = SFTConfig(
    output_dir=OUTPUT_DIR,
    num_train_epochs=3,
    per_device_train_batch_size=2,
    gradient_accumulation_steps=8,
    learning_rate=2e-4,
    fp16=False,
    logging_steps=10,
    save_strategy="epoch",
    report_to="none",
    bf16=False,
    tf32=False,
    max_seq_length=512,
    dataset_text_field="text",
    packing=False,
)
trainer = SFTTrainer(
    model=model,
    train_dataset=dataset["train"],
    eval_dataset=dataset["test"],
    peft_config=peft_config,
    args=training_args,
)
