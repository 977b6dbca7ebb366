"""Reading everything that is trusted."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from assay.adapters.trust.key_file import load_public_key
from assay.adapters.trust.root_file import LoadedRoot, load_root, why_unavailable
from assay.adapters.trust.source import AuthoritySource, TrustSources
from assay.domain.identity import Authority
from assay.verification.trust_snapshot import TrustSnapshot


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadedTrust:
    """Authorities and trust roots as they were read; which roots count depends on the time."""

    authorities: tuple[Authority, ...]
    roots: Mapping[str, LoadedRoot] = field(hash=False)

    def at(self, now: datetime) -> TrustSnapshot:
        """What is trusted at this moment."""
        reasons = {name: why_unavailable(loaded, now) for name, loaded in self.roots.items()}
        return TrustSnapshot.of(
            self.authorities,
            {name: loaded.root for name, loaded in self.roots.items() if loaded.root and not reasons[name]},
            unavailable={name: reason for name, reason in reasons.items() if reason},
            origins={name: loaded.origin for name, loaded in self.roots.items()},
        )


def load_trust(sources: TrustSources) -> LoadedTrust:
    """Read every file; `ConfigError(key_file_unusable | trusted_root_unusable)` naming the one that cannot be used."""
    return LoadedTrust(
        authorities=tuple(_load_authority(source) for source in sources.authorities),
        roots={source.name: load_root(source) for source in sources.roots},
    )


def _load_authority(source: AuthoritySource) -> Authority:
    return Authority(
        name=source.name,
        keys=tuple(
            replace(load_public_key(key.file), valid_from=key.valid_from, valid_until=key.valid_until)
            for key in source.keys
        ),
        identities=tuple(source.identities),
        root=source.root,
    )
