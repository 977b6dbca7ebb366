"""Who calls the service, and what follows from it."""

from dataclasses import dataclass
from enum import StrEnum


class Role(StrEnum):
    """What a caller may do."""

    GATE = "gate"
    AUDIT = "audit"


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """A known caller: the tenant whose policy applies to it, the environments it may name, its roles.

    Tenant and policy follow from the caller; nothing in a request can choose another one.
    """

    name: str
    tenant: str
    environments: tuple[str, ...]
    roles: frozenset[Role]
