"""The settings of TRL, transformers, PEFT, Axolotl, LLaMA-Factory and Unsloth, each with what it is here."""
