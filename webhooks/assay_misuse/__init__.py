"""Misuse cases for admission webhooks: what must be denied, whoever wrote the webhook."""
