"""What to train: the settings, their files, and what is wrong with them."""
