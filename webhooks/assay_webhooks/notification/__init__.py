"""Notifications of registries: bytes and headers to events, and proof of who sent them."""
