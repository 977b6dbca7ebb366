"""The five steps, resolve to record, and what callers ask of them."""
