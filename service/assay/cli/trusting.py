"""Whom a command trusts: signers named on the command line, or the authorities of a configuration."""

from dataclasses import dataclass
from pathlib import Path

import click

from assay.cli.composition import Composition
from assay.cli.option import FILE, KEY, identity_options, read_identities
from assay.cli.packed import packed
from assay.domain.key_uri import KeyUri, Pkcs11Key
from assay.verification.trust_snapshot import TrustSnapshot

_OFFLINE = "offline: no trust root was refreshed; the public-good one is that which came with Assay"


@dataclass(frozen=True, slots=True, kw_only=True)
class Trusted:
    """The trust that was asked for, and the conditions of an answer that rests on it."""

    snapshot: TrustSnapshot
    conditions: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Trusting:
    """The options that say whom to trust, and whether trust roots may be refreshed."""

    keys: tuple[Path | KeyUri, ...]
    identity: str | None
    issuer: str | None
    trusted_root: Path | None
    configuration: Path | None
    offline: bool

    def open(self, parts: Composition) -> Trusted:
        """The trust that was asked for; `click.UsageError` when nobody is named, or two ways at once."""
        trusted = self.open_if_named(parts)
        if trusted is None:
            raise _unnamed()
        return trusted

    def open_if_named(self, parts: Composition) -> Trusted | None:
        """The trust that was asked for, None when nobody is named; `click.UsageError` for two ways at once.

        Trust roots that are due are refreshed first, unless `offline`.
        """
        identities = read_identities(self.identity, self.issuer)
        signers = bool(self.keys or identities)
        if self.configuration is not None and (signers or self.trusted_root):
            raise _unnamed()
        if self.configuration is not None:
            conditions = self._refresh(parts)
            snapshot = parts.trust_from_configuration(self.configuration, offline=self.offline)
            return Trusted(snapshot=snapshot, conditions=conditions)
        if not signers:
            if self.trusted_root is not None:
                raise _unnamed()
            return None
        if self.offline and any(not isinstance(key, (Path, Pkcs11Key)) for key in self.keys):
            raise click.UsageError(
                "--offline asks no key service: name the file of its public key (`assay keys public`)"
            )
        published = bool(identities) and self.trusted_root is None
        conditions = self._refresh(parts) if published or self.offline else ()
        snapshot = parts.trust_from_signers(
            keys=self.keys, identities=identities, trusted_root=self.trusted_root, offline=self.offline
        )
        return Trusted(snapshot=snapshot, conditions=conditions)

    def _refresh(self, parts: Composition) -> tuple[str, ...]:
        """Refresh what is due; a root that could not be is told as a condition: the last one counts while it may."""
        if self.offline:
            return (_OFFLINE,)
        failed = parts.refresh_due(self.configuration)
        return tuple(
            f"{name} was not refreshed, the last one counts: {error.message}" for name, error in failed.items()
        )


def _unnamed() -> click.UsageError:
    return click.UsageError("name whom to trust: --key, or --identity and --issuer, or else --config")


trusting_options = packed(
    "trusting",
    Trusting,
    [
        click.option("--key", "keys", type=KEY, multiple=True, help="Trust this public key (PEM file, key URI)."),
        identity_options,
        click.option("--config", "configuration", type=FILE, help="Trust the authorities of this configuration file."),
        click.option("--offline", is_flag=True, help="Ask nobody but the registry; with --layout nobody at all."),
    ],
)
"""`--key`, `--identity`, `--issuer`, `--trusted-root`, `--config` and `--offline`, handed over as `trusting`."""
