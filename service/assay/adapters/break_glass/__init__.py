"""Grants (break-glass) in a folder, and the book of their uses."""
