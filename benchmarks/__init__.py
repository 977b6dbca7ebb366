"""Figures that the papers quote: `python -m benchmarks [NAME ...] [--json]`."""
