"""What the end-to-end tests share."""

from tests.fixtures.private_sigstore import private_sigstore
from tests.fixtures.signed_images import host, referrers_host, signatory
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
    "host",
    "make_spare",
    "private_sigstore",
    "referrers_host",
    "released",
    "signatory",
    "signer",
    "stack",
]
