"""Whoever has to hear of incidents."""
