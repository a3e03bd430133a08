"""Configs of other tools: read into a preset, and written from one. Nothing in them is ever run or imported."""
