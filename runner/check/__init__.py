"""Before a run: everything that is known of a preset on this machine, in one assessment."""
