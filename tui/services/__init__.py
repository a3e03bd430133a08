"""Threads that watch runs, presets and GPUs and post what they see as messages."""
