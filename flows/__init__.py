"""What is run: one strategy per file."""
