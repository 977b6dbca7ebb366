"""Verdicts on evidence in a database of their own, which may be lost at any time."""
