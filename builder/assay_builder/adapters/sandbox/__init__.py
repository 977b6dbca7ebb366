"""Confinement with bubblewrap, and what happens inside."""
