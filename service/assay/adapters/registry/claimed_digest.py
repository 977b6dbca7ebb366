"""What a registry says about digests is compared with what was computed here, and never believed."""

from assay.adapters.registry.exchange import Answer
from assay.domain.digest import Digest
from assay.domain.errors import InvalidInput


def check_claim(answer: Answer, digest: Digest, *, what: str) -> None:
    """Compare what the registry claims (`Docker-Content-Digest`) with the digest that was computed here."""
    claim = answer.headers.get("Docker-Content-Digest", digest.text)
    if claim != digest.text:
        raise mismatch(what, f"{digest}, although the registry claims {claim[:100]!r}")


def mismatch(what: str, received: str) -> InvalidInput:
    """The error for bytes that are not those that were asked for."""
    return InvalidInput(
        "digest_mismatch",
        f"{what}: the registry served other bytes than were asked for ({received})",
        remedy="do not use this image; ask the registry's operator why its content changed",
    )
