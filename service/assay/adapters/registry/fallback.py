"""The fallback tag: how referrers are kept where a registry has no referrers API.

OCI distribution specification 1.1, "referrers tag schema": an index under the tag `sha256-<hex>` of the subject.
"""

from assay.domain.descriptor import OCI_INDEX, Content, Descriptor
from assay.domain.digest import Digest
from assay.domain.limit import Limits
from assay.formats.manifest import parse_index, render_index
from assay.ports import Amend


def listing(referrer: Descriptor, *, what: str, limits: Limits) -> Amend:
    """The change that adds a referrer to the index under the tag, beside those that it has."""

    def amend(found: Content | None) -> Content | None:
        index = parse_index(found.octets, found.media_type, what=what, limits=limits) if found is not None else None
        listed = {entry.digest: entry for entry in index.manifests} if index is not None else {}
        if referrer.digest in listed:
            return None
        octets = render_index([*listed.values(), referrer])
        return Content(media_type=OCI_INDEX, octets=octets, digest=Digest.of(octets))

    return amend
