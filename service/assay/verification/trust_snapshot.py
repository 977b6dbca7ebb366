"""What is trusted at one moment: immutable, so that a request judges all of its evidence by the same trust."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Self

from assay.domain.digest import Digest
from assay.domain.identity import Authority
from assay.domain.root_origin import RootOrigin
from assay.verification.authority_group import AuthorityGroup, group_authorities
from assay.verification.trust_root import TrustRoot

_NO_REASONS: Mapping[str, str] = MappingProxyType({})
_NO_ORIGINS: Mapping[str, RootOrigin] = MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class TrustSnapshot:
    """Authorities and the trust roots that may be used, grouped once.

    `unavailable` are the roots that authorities name and nobody may use now, with the reason: what needs them cannot
    be verified. `origins` are those of all roots. `digest` identifies the authorities and the usable roots.
    """

    authorities: tuple[Authority, ...]
    roots: Mapping[str, TrustRoot] = field(hash=False)
    groups: tuple[AuthorityGroup, ...] = field(hash=False)
    digest: Digest
    unavailable: Mapping[str, str] = field(hash=False)
    origins: Mapping[str, RootOrigin] = field(hash=False)

    @classmethod
    def of(
        cls,
        authorities: Sequence[Authority],
        roots: Mapping[str, TrustRoot],
        *,
        unavailable: Mapping[str, str] = _NO_REASONS,
        origins: Mapping[str, RootOrigin] = _NO_ORIGINS,
    ) -> Self:
        """Group the authorities; raises `InvalidInput(key_malformed | key_unsupported)` for an unusable key."""
        return cls(
            authorities=tuple(authorities),
            roots=roots,
            groups=group_authorities(authorities, roots),
            digest=_digest(authorities, roots),
            unavailable=unavailable,
            origins=origins,
        )

    def snapshot(self) -> Self:
        """This one: what a request holds on to is a source of trust that never changes."""
        return self

    def outage(self) -> str:
        """Why nobody can be believed now; empty when some authority can.

        A root or key that is missing concerns its own authorities: the others go on being served.
        """
        if not self.authorities:
            return "nobody is trusted"
        waiting = self.waiting()
        if any(item.name not in waiting and (item.keys or item.identities) for item in self.authorities):
            return ""
        return "; ".join(self.missing())

    def missing(self) -> tuple[str, ...]:
        """What cannot be used now, roots and keys, each with the reason."""
        return tuple(f"{name}: {why}" for name, why in (*self.unavailable.items(), *self.missing_keys()))

    def waiting(self) -> frozenset[str]:
        """The names of the authorities whose trust root is not available."""
        return frozenset(authority.name for authority in self.authorities if authority.root in self.unavailable)

    def lacking(self) -> frozenset[str]:
        """The names of the authorities of which a key is missing."""
        return frozenset(authority.name for authority in self.authorities if authority.missing_keys)

    def missing_keys(self) -> tuple[tuple[str, str], ...]:
        """Each key that is missing, as the name of its authority and a text that names the key and says why."""
        return tuple(
            (authority.name, f"the key {key.name}: {key.why}")
            for authority in self.authorities
            for key in authority.missing_keys
        )


def _digest(authorities: Sequence[Authority], roots: Mapping[str, TrustRoot]) -> Digest:
    document = {
        "authorities": sorted((_describe(member) for member in authorities), key=lambda entry: str(entry["name"])),
        "roots": {name: root.digest.text for name, root in roots.items()},
    }
    return Digest.of(json.dumps(document, sort_keys=True).encode("ascii"))


def _describe(authority: Authority) -> dict[str, object]:
    return {
        "name": authority.name,
        "keys": sorted([key.key_id.text, str(key.valid_from), str(key.valid_until)] for key in authority.keys),
        "identities": sorted(json.dumps(rule.document(), sort_keys=True) for rule in authority.identities),
        "root": authority.root,
    }
