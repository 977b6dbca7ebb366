"""What the end-to-end tests share."""

from tests.fixtures.guarded_cluster import guarded, namespace
from tests.fixtures.kubernetes import control_plane
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
    "control_plane",
    "cosign",
    "distribution",
    "distribution_server",
    "guarded",
    "host",
    "make_spare",
    "namespace",
    "private_sigstore",
    "referrers_host",
    "released",
    "signatory",
    "signer",
    "stack",
]
