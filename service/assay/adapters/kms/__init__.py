"""Keys that never leave their service: public halves fetched, digests signed there."""
