"""The builder's only I/O: fetch, store, sandbox; strangers to each other."""
