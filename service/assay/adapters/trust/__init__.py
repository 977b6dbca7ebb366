"""Trust material from files."""
