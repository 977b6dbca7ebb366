"""Who may sign: public keys, identities, and the named authorities that hold them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from assay.domain.digest import Digest
from assay.domain.signer import SignerIdentity


@dataclass(frozen=True, slots=True, kw_only=True)
class PublicKey:
    """A trusted public key as SubjectPublicKeyInfo DER; its identity is the digest of those bytes.

    `valid_from` and `valid_until`, which belong to the window, say when signatures by it count.
    """

    spki: bytes
    valid_from: datetime | None = None
    valid_until: datetime | None = None

    @property
    def key_id(self) -> Digest:
        """SHA-256 over the SubjectPublicKeyInfo, the identity under which the key counts once."""
        return Digest.of(self.spki)

    def counts_at(self, times: Sequence[datetime]) -> bool:
        """Whether a signature made at these verified times counts; with a window it needs a time, and all inside."""
        if self.valid_from is None and self.valid_until is None:
            return True
        return bool(times) and all(
            (self.valid_from is None or self.valid_from <= time)
            and (self.valid_until is None or time <= self.valid_until)
            for time in times
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfirmedKey:
    """A public key that a service vouched for; after `trusted_until` it counts no longer."""

    key: PublicKey
    trusted_until: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class MissingKey:
    """The name of a key that a service keeps and nobody may use now, and why."""

    name: str
    why: str


class IdentityRule(Protocol):
    """What a certificate's identity must be."""

    def matches(self, identity: SignerIdentity) -> bool:
        """Whether the identity meets every condition of this one rule."""
        ...

    def document(self) -> Mapping[str, object]:
        """The rule as canonical JSON values: equal documents, equal rules."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Authority:
    """A named set of keys and identities whose signatures a policy may ask for.

    `missing_keys` belong to it and cannot be used now: what nobody else signed may be signed by one of them.

    `root` names the trust root that its evidence is verified with; without one, keys are verified offline: log
    entries and timestamps count for nothing. An empty set is refused with `ValueError`, because an authority nobody
    can meet is a mistake, not a rule; so are identities without a root, which alone gives a certificate its meaning.
    """

    name: str
    keys: tuple[PublicKey, ...] = ()
    missing_keys: tuple[MissingKey, ...] = ()
    identities: tuple[IdentityRule, ...] = ()
    root: str = ""

    def __post_init__(self) -> None:
        if not self.name or not (self.keys or self.missing_keys or self.identities):
            raise ValueError("an authority needs a name and at least one key or identity")
        if self.identities and not self.root:
            raise ValueError("identities need a trust root")
