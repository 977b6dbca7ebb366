"""The verification service as a client sees it."""
