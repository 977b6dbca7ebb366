"""Private keys in files."""
