"""Keyless signing through sigstore-python."""
