"""Mirrors by name: what lies in one is known under the name of the registry that it mirrors."""

from dataclasses import dataclass, replace
from itertools import permutations

from assay.domain.reference import Reference, Repository


@dataclass(frozen=True, slots=True, kw_only=True)
class MirrorNames:
    """Each mirror, written `host` or `host/prefix`, with the host of the registry that it mirrors.

    Raises `ValueError` saying why when a name could have two origins: a mirror that is named twice, mirrors inside each
    other, and a mirror on a host that has mirrors itself.
    """

    origins: tuple[tuple[str, str], ...] = ()

    def __post_init__(self) -> None:
        for (outer, _), (inner, _) in permutations(self.origins, 2):
            if f"{inner}/".startswith(f"{outer}/"):
                raise ValueError(f"what lies in the mirror {inner} lies in the mirror {outer}, which is named too")
        mirrored = {host for _, host in self.origins}
        for mirror, _ in self.origins:
            host = mirror.partition("/")[0]
            if host in mirrored:
                raise ValueError(f"the mirror {mirror} is on {host}, which has mirrors itself")

    def origin(self, repository: Repository) -> Repository:
        """The repository under the name of its origin; one that lies in no mirror is its own origin."""
        name = repository.name
        for mirror, host in self.origins:
            if name.startswith(f"{mirror}/"):
                return Repository.on(host, name.removeprefix(f"{mirror}/"))
        return repository

    def origin_of(self, reference: Reference) -> Reference:
        """The reference with its repository's origin; tag and digest stay."""
        return replace(reference, repository=self.origin(reference.repository))


NO_MIRRORS = MirrorNames()
"""Every name is that of an origin."""
