"""GPU memory of a run, in closed form, from a model's config.json alone."""
