"""Authorities that share one trust root, ready for use."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from assay.domain.errors import EvidenceRejected
from assay.domain.identity import Authority
from assay.verification.signature import TrustedKey, trusted_keys
from assay.verification.trust_root import TrustRoot


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthorityGroup:
    """The authorities that name one trust root, or none (`root_name` is empty): then only their keys count.

    `root` is None when nothing is loaded under that name.
    """

    root_name: str
    root: TrustRoot | None
    members: tuple[Authority, ...]
    keys: tuple[TrustedKey, ...]

    @property
    def has_keys(self) -> bool:
        """Whether a key could meet any of the authorities, one that is missing included."""
        return bool(self.keys) or any(member.missing_keys for member in self.members)

    @property
    def has_identities(self) -> bool:
        """Whether a certificate could meet any of the authorities."""
        return any(member.identities for member in self.members)

    def required_root(self) -> TrustRoot:
        """The trust root to verify with.

        Raises `EvidenceRejected(trust_root_unavailable)` when the named root is not loaded: nothing may pass then.
        """
        if self.root is None:
            raise EvidenceRejected(
                "trust_root_unavailable",
                f"the trust root {self.root_name[:100]!r} was never fetched, or is too old",
                remedy="see `assay trust check`, then repeat",
            )
        return self.root

    def require_all_keys(self) -> None:
        """Require that no key of the authorities is missing, before a signature is said to be by none of them.

        Raises `EvidenceRejected(key_unavailable)` naming the missing ones.
        """
        missing = sorted({key.name for member in self.members for key in member.missing_keys})
        if missing:
            raise EvidenceRejected(
                "key_unavailable",
                f"the signature may be by a key that could not be fetched: {', '.join(missing)[:300]}",
                remedy="see `assay trust check`, then repeat",
            )


def group_authorities(authorities: Sequence[Authority], roots: Mapping[str, TrustRoot]) -> tuple[AuthorityGroup, ...]:
    """The authorities by the trust root that they name, in the order of the configuration.

    Raises `InvalidInput(key_malformed | key_unsupported)` for an unusable key.
    """
    members: dict[str, list[Authority]] = {}
    for authority in authorities:
        members.setdefault(authority.root, []).append(authority)
    return tuple(
        AuthorityGroup(
            root_name=name, root=roots.get(name) if name else None, members=tuple(group), keys=trusted_keys(group)
        )
        for name, group in members.items()
    )
