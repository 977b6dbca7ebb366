"""Registries over HTTP, OCI layouts on disk and candidates carried in a call, behind one port."""
