"""The command line: parse, run a use case, render."""
