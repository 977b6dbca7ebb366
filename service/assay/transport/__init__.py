"""HTTP as every adapter needs it: what `requests` and the standard library do not bound by themselves."""
