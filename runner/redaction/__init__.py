"""What is secret, and how it is kept out of what is written."""
