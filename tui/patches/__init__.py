"""Where Textual is not yet as it must be, on private parts of it: each names the upstream issue, and a test pins it."""
