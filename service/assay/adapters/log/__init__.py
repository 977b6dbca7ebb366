"""The decision log in SQLite: one sequencer writes it, everybody else reads it."""
