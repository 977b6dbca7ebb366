"""Authorities and trust roots whose keys and documents lie in files."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from importlib.resources import files
from pathlib import Path

from assay.adapters.trust.key_file import load_public_key
from assay.domain.digest import Digest
from assay.domain.errors import ConfigError, InvalidInput
from assay.domain.identity import Authority, IdentityRule, PublicKey
from assay.domain.limit import Limits
from assay.formats.trusted_root import parse_trusted_root
from assay.verification.root_builder import build_trust_root
from assay.verification.trust_root import TrustProfile, TrustRoot

_LARGEST = 1024 * 1024
_PUBLIC_GOOD = ("public_good", "trusted_root.json")


@dataclass(frozen=True, slots=True, kw_only=True)
class KeySource:
    """Where a public key comes from, and the window outside of which it does not count."""

    file: Path
    valid_from: datetime | None = None
    valid_until: datetime | None = None

    def load(self) -> PublicKey:
        """Read the file; `ConfigError(key_file_unusable)` naming it."""
        return replace(load_public_key(self.file), valid_from=self.valid_from, valid_until=self.valid_until)


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthoritySource:
    """Where an authority comes from: its keys, its identities, and the name of its trust root, if any."""

    name: str
    keys: Sequence[KeySource]
    identities: Sequence[IdentityRule] = ()
    root: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RootSource:
    """Where a trust root comes from: a file, or None for the public-good root that comes with Assay.

    Without a profile it demands one of everything that it has a service for.
    """

    name: str
    file: Path | None
    profile: TrustProfile | None


@dataclass(frozen=True, slots=True, kw_only=True)
class FileTrust:
    """Trust material read once; what changes in a file takes effect with a restart of the service."""

    members: tuple[Authority, ...]
    trust_roots: Mapping[str, TrustRoot] = field(default_factory=dict)

    @classmethod
    def load(cls, authorities: Sequence[AuthoritySource], roots: Sequence[RootSource] = ()) -> "FileTrust":
        """Read every file; `ConfigError` naming the one that cannot be used."""
        return cls(
            members=tuple(
                Authority(
                    name=source.name,
                    keys=tuple(key.load() for key in source.keys),
                    identities=tuple(source.identities),
                    root=source.root,
                )
                for source in authorities
            ),
            trust_roots={source.name: load_trust_root(source) for source in roots},
        )

    def authorities(self) -> Sequence[Authority]:
        """Every configured authority."""
        return self.members

    def roots(self) -> Mapping[str, TrustRoot]:
        """Every trust root, by the name that authorities use."""
        return self.trust_roots

    def digest(self) -> Digest:
        """SHA-256 over the canonical list of authorities and trust roots."""
        document = {
            "authorities": sorted((_describe(member) for member in self.members), key=lambda entry: str(entry["name"])),
            "roots": {name: root.digest.text for name, root in self.trust_roots.items()},
        }
        return Digest.of(json.dumps(document, sort_keys=True).encode("ascii"))


def _describe(authority: Authority) -> dict[str, object]:
    return {
        "name": authority.name,
        "keys": sorted([key.key_id.text, str(key.valid_from), str(key.valid_until)] for key in authority.keys),
        "identities": sorted(json.dumps(rule.document(), sort_keys=True) for rule in authority.identities),
        "root": authority.root,
    }


def load_trust_root(source: RootSource) -> TrustRoot:
    """Read a trust root; `ConfigError(trusted_root_unusable)` naming the file."""
    place = str(source.file) if source.file is not None else "the public-good trusted root of Assay"
    try:
        document = parse_trusted_root(_read(source.file), limits=Limits())
        fitting = TrustProfile.of_services(log=bool(document.logs), ct_log=bool(document.ct_logs))
        return build_trust_root(document, source.profile or fitting, source.name)
    except OSError as error:
        raise ConfigError(
            "trusted_root_unusable", f"{place} cannot be read: {error.strerror}", remedy="check path and mode"
        ) from error
    except (InvalidInput, ConfigError) as error:
        raise ConfigError(
            "trusted_root_unusable", f"{place} is not usable: {error.message}", remedy=error.remedy
        ) from error


def _read(file: Path | None) -> bytes:
    if file is None:
        return files("assay.adapters.trust").joinpath(*_PUBLIC_GOOD).read_bytes()
    with file.open("rb") as handle:
        return handle.read(_LARGEST + 1)
