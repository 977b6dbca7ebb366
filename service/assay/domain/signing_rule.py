"""What a signer process may sign, and what it signed."""

from dataclasses import dataclass

from assay.domain.digest import Digest


@dataclass(frozen=True, slots=True, kw_only=True)
class SigningRule:
    """What may be signed; `ValueError` when that is nothing.

    `predicate_types` are those of statements, `builders` the ids that provenance may name, without which none is
    signed. `simple_signing` and `manifests` allow the payload of legacy image signatures and bare manifests.
    """

    predicate_types: frozenset[str] = frozenset()
    builders: frozenset[str] = frozenset()
    simple_signing: bool = False
    manifests: bool = False

    def __post_init__(self) -> None:
        if not (self.predicate_types or self.simple_signing or self.manifests):
            raise ValueError("a rule that allows nothing is a mistake")


@dataclass(frozen=True, slots=True, kw_only=True)
class PermittedMessage:
    """A message that a rule allows: its own digest, what it is, and which digests it speaks about."""

    digest: Digest
    kind: str
    predicate_type: str = ""
    builder: str = ""
    subjects: tuple[Digest, ...] = ()
