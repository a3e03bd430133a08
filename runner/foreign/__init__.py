"""Training runs started elsewhere: what other trainers leave behind, read as the events of a run."""
