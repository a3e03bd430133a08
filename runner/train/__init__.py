"""The training itself: the only package that imports torch, transformers, peft, trl, datasets and bitsandbytes."""
