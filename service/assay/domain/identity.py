"""Who signed: public keys and the named authorities that hold them."""

from dataclasses import dataclass

from assay.domain.digest import Digest


@dataclass(frozen=True, slots=True, kw_only=True)
class PublicKey:
    """A trusted public key as SubjectPublicKeyInfo DER; its identity is the digest of those bytes."""

    spki: bytes

    @property
    def key_id(self) -> Digest:
        """SHA-256 over the SubjectPublicKeyInfo, the identity under which the key counts once."""
        return Digest.of(self.spki)


@dataclass(frozen=True, slots=True, kw_only=True)
class Authority:
    """A named set of keys whose signatures a policy may ask for.

    An empty set is refused with `ValueError`: an authority nobody can meet is a mistake, not a rule.
    """

    name: str
    keys: tuple[PublicKey, ...]

    def __post_init__(self) -> None:
        if not self.name or not self.keys:
            raise ValueError("an authority needs a name and at least one key")
