"""One run's life: its directory, its events, its supervisor."""
