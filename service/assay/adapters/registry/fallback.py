"""The fallback tag: how referrers are kept where a registry has no referrers API.

OCI distribution specification 1.1, "referrers tag schema": an index under the tag `sha256-<hex>` of the subject.
"""

from collections.abc import Callable

from assay.domain.descriptor import OCI_INDEX, Descriptor
from assay.domain.digest import Digest
from assay.domain.errors import Unavailable
from assay.formats.manifest import ImageIndex, render_index

_ROUNDS = 5


def fallback_tag(subject: Digest) -> str:
    """The tag that lists the subject's referrers."""
    return f"sha256-{subject.hex}"


def add_to_fallback(
    referrer: Descriptor, *, read: Callable[[], ImageIndex | None], write: Callable[[bytes, str], None], what: str
) -> None:
    """Add a referrer to the index that `read` returns, and see that it stays there.

    The tag has no lock: what another writer wrote in between is merged by reading again after each write. A writer
    that overwrites the tag after the last look is not noticed. `Unavailable(registry_unavailable)` after five rounds.
    """
    listed = _by_digest(read())
    if referrer.digest in listed:
        return
    for _ in range(_ROUNDS):
        write(render_index([*listed.values(), referrer]), OCI_INDEX)
        listed = _by_digest(read())
        if referrer.digest in listed:
            return
    raise Unavailable(
        "registry_unavailable",
        f"{what} lost the referrer {referrer.digest} to other writers {_ROUNDS} times",
        remedy="push again when nobody else writes to this tag",
    )


def _by_digest(index: ImageIndex | None) -> dict[Digest, Descriptor]:
    return {entry.digest: entry for entry in index.manifests} if index else {}
