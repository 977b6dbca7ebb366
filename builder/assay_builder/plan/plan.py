"""The plan: a specification together with the lock that was made for exactly it."""

from dataclasses import dataclass

from assay.domain.digest import Digest
from assay.domain.errors import InvalidInput
from assay_builder.plan.lock import Lock, parse_lock
from assay_builder.plan.spec import Spec, parse_spec


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Everything a build depends on, by digest."""

    spec: Spec
    spec_digest: Digest
    lock: Lock
    lock_digest: Digest


def make_plan(spec_octets: bytes, lock_octets: bytes) -> Plan:
    """Join a specification with its lock.

    Guaranteed: the lock was made from exactly these bytes of the specification, and locks its toolchain and source.
    Raises `InvalidInput(lock_stale)` otherwise, and what `parse_spec` and `parse_lock` raise.
    """
    spec, lock = parse_spec(spec_octets), parse_lock(lock_octets)
    digest = Digest.of(spec_octets)
    if lock.spec != digest or lock.toolchain.module != spec.toolchain or lock.source.module != spec.source:
        raise InvalidInput(
            "lock_stale",
            f"the lock was made for the specification {lock.spec}, this one is {digest}",
            remedy="review the change and write the lock again with `assay lock SPEC`",
        )
    return Plan(spec=spec, spec_digest=digest, lock=lock, lock_digest=Digest.of(lock_octets))
