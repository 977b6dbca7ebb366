"""Everything that does I/O; adapters are strangers to each other."""
