"""The Rego engine: generations of policy on disk, the command that serves one, queries to it."""
