"""Charts as text, without textual: what is drawn, and how."""
