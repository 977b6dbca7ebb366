"""Evidence to claims: cryptography and comparisons over bytes that were already fetched; pure."""
