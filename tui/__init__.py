"""The screen: a Textual app and the command line. Never trains, never asks a driver from a widget."""
