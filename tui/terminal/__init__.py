"""The terminal the screen stands on: how it is given back, whatever ends or stops the screen. No textual here."""
