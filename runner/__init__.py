"""Everything of ftui but the screen: presets, the life of a run, the judgement of its curves, the training."""
