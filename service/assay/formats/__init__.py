"""Capped bytes to domain values and back; pure."""
