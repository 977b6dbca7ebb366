"""The HTTP interface of the verification service."""
