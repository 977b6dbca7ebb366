"""Secrets that others show to us, or that we show to others."""
