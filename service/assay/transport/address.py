"""Addresses that requests must not reach."""


class AddressRefused(Exception):
    """A host resolves to an address that requests from outside must not reach."""
