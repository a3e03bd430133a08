"""Make presets/demo/: a tiny Qwen3 model pretrained a little, its tokenizer, and the rows to adapt it to.

Run by `make demo-data`; the result is committed, so a user never has to. Deterministic for one torch version.
"""

from __future__ import annotations

import argparse
import itertools
import json
import random
from collections.abc import Iterator
from pathlib import Path

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast, Qwen3Config, Qwen3ForCausalLM

from runner.train.demo_text import chat_rows, locker_rows, pretraining_text
from runner.train.tokenise import IGNORED

VOCABULARY = 576
CONTEXT = 256
BATCH = 48
PEAK = 2e-3
# Share of the paragraphs of which the first sentence is not learned.
FOLLOWING = 0.75

CHAT_TEMPLATE = (
    "{%- for message in messages -%}"
    "{{- '<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>' + '\\n' -}}"
    "{%- endfor -%}"
    "{%- if add_generation_prompt -%}{{- '<|im_start|>assistant\\n' -}}{%- endif -%}"
)


def train_tokenizer() -> PreTrainedTokenizerFast:
    """A byte-level BPE tokenizer over the demo's own text, with ChatML markers."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY,
        special_tokens=["<|endoftext|>", "<|im_start|>", "<|im_end|>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(itertools.islice(pretraining_text(seed=1), 4000), trainer)
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        eos_token="<|im_end|>",
        pad_token="<|endoftext|>",
        chat_template=CHAT_TEMPLATE,
        model_max_length=CONTEXT,
    )


def build_model(tokenizer: PreTrainedTokenizerFast) -> Qwen3ForCausalLM:
    """A Qwen3 of about 1.1 million parameters; every linear layer is a multiple of the NF4 block of 64."""
    torch.manual_seed(7)
    return Qwen3ForCausalLM(
        Qwen3Config(
            vocab_size=VOCABULARY,
            hidden_size=128,
            intermediate_size=384,
            num_hidden_layers=4,
            num_attention_heads=4,
            num_key_value_heads=2,
            head_dim=32,
            max_position_embeddings=CONTEXT,
            # At 0.02, made for widths of thousands, it would not learn to look words up in the sentence.
            initializer_range=0.06,
            tie_word_embeddings=True,
            bos_token_id=None,
            eos_token_id=tokenizer.eos_token_id,
            pad_token_id=tokenizer.pad_token_id,
        )
    )


def _batches(tokenizer: PreTrainedTokenizerFast) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    """Endless batches of paragraphs as (ids, labels), both of shape (BATCH, longest), int64, padded at the right.

    The first sentence is drawn by lot; learning from what follows it alone teaches sooner to look it up there.
    """
    end = tokenizer.pad_token_id
    stop = tokenizer(".")["input_ids"][0]
    rng = random.Random(7)
    texts = pretraining_text(seed=2)
    while True:
        rows = [torch.tensor([*tokenizer(text)["input_ids"], end]) for text in itertools.islice(texts, BATCH)]
        labels = [row.clone() for row in rows]
        for row in labels:
            if rng.random() < FOLLOWING:
                row[: row.tolist().index(stop) + 1] = IGNORED
        yield (
            torch.nn.utils.rnn.pad_sequence(rows, batch_first=True, padding_value=end),
            torch.nn.utils.rnn.pad_sequence(labels, batch_first=True, padding_value=IGNORED),
        )


def pretrain(model: Qwen3ForCausalLM, tokenizer: PreTrainedTokenizerFast, steps: int) -> float:
    """Plain next-token training; returns the last loss in nats a token."""
    optimizer = torch.optim.AdamW(model.parameters(), lr=PEAK, betas=(0.9, 0.98), weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=PEAK, total_steps=steps, pct_start=0.05)
    loss = torch.tensor(0.0)
    for step, (ids, labels) in enumerate(itertools.islice(_batches(tokenizer), steps), start=1):
        loss = model(input_ids=ids, labels=labels).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        optimizer.zero_grad()
        if step % 50 == 0 or step == steps:
            print(f"pretraining step {step}/{steps}  loss {loss.item():.3f}", flush=True)
    return float(loss.item())


def write_rows(path: Path, rows: list[dict[str, object]]) -> None:
    """One JSON object a line."""
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="where to write, usually presets/demo")
    parser.add_argument(
        "--steps", type=int, default=1200, help="pretraining steps (default 1200: five minutes)"
    )
    args = parser.parse_args()
    torch.set_num_threads(2)
    tokenizer = train_tokenizer()
    model = build_model(tokenizer)
    pretrain(model, tokenizer, args.steps)
    model.to(torch.bfloat16).save_pretrained(args.folder / "model")
    tokenizer.save_pretrained(args.folder / "model")
    write_rows(args.folder / "train.jsonl", chat_rows(seed=3, rows=400))
    write_rows(args.folder / "eval.jsonl", chat_rows(seed=4, rows=64))
    write_rows(args.folder / "overfit-train.jsonl", locker_rows(seed=5, rows=16))
    write_rows(args.folder / "overfit-eval.jsonl", locker_rows(seed=6, rows=48))
    size = sum(f.stat().st_size for f in args.folder.rglob("*") if f.is_file())
    print(f"{args.folder}: {size / 2**20:.2f} MiB")


if __name__ == "__main__":
    main()
