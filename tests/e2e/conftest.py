"""What the end-to-end tests share."""

from tests.fixtures.stacks import (
    bench,
    cosign,
    distribution,
    distribution_server,
    make_spare,
    released,
    signer,
    stack,
)

__all__ = [
    "bench",
    "cosign",
    "distribution",
    "distribution_server",
    "make_spare",
    "released",
    "signer",
    "stack",
]
