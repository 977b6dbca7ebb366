"""What the commands are given: everything that touches the outside, built by `bootstrap`."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, cast

import click

from assay.domain.deadline import Deadline
from assay.domain.digest import Digest
from assay.domain.errors import Unavailable
from assay.domain.identity import IdentityRule, PublicKey
from assay.domain.key_kind import KeyKind
from assay.domain.key_uri import KeyUri
from assay.formats.published_root import Refreshed
from assay.ports import (
    Clock,
    Commits,
    CopyingRegistry,
    EvidenceSigner,
    KeptVerdicts,
    Registry,
    ServiceClient,
    Signer,
    WritableRegistry,
)
from assay.verification.trust_snapshot import TrustSnapshot

if TYPE_CHECKING:
    from assay.ports.incident import TagBook
    from assay.usecases.break_glass import BreakGlass
    from assay.usecases.sign import Backing


class Composition(Protocol):
    """The parts behind the commands. Raises the typed errors of `assay.domain.errors` only."""

    def clock(self) -> Clock:
        """The system's clocks."""
        ...

    def registry(
        self, *, plain_http: Sequence[str], ca: Path | None, token_hosts: Sequence[tuple[str, str]] = ()
    ) -> WritableRegistry:
        """A registry client; plain http only for the named hosts and for loopback.

        Each pair of `token_hosts` is a registry with a further host that may issue its tokens.
        """
        ...

    def copying_registry(
        self, *, plain_http: Sequence[str], ca: Path | None, token_hosts: Sequence[tuple[str, str]] = ()
    ) -> CopyingRegistry:
        """A registry client that handles the layers of images, too."""
        ...

    def trust_from_signers(
        self,
        *,
        keys: Sequence[Path | KeyUri],
        identities: Sequence[IdentityRule] = (),
        trusted_root: Path | None = None,
        offline: bool,
    ) -> TrustSnapshot:
        """One authority per public key, named after its file or URI, and one named `identity` for the identities.

        Identities are judged by the trusted root, without one by the public-good root: that which comes with Assay
        when `offline`, else the one that was confirmed last. A key without a trusted root is verified by itself.
        Nothing is fetched but the keys behind URIs; what their services raise is raised.
        """
        ...

    def refresh_due(self, configuration: Path | None) -> Mapping[str, Unavailable]:
        """Refresh the trust roots that were to be refreshed by now, and say which could not be, and why.

        They are those of the configuration that have a repository, without one the public-good root of this user.
        """
        ...

    def trust_from_root(self, file: Path | None) -> TrustSnapshot:
        """The trust root in a file, or the public-good root that comes with Assay, and no authority."""
        ...

    def trust_from_configuration(self, path: Path, *, offline: bool = False) -> TrustSnapshot:
        """The authorities of a configuration file, and its trust roots as they were published last.

        Nothing is fetched but the keys that services keep; when `offline`, those are missing.
        """
        ...

    def refresh_trust(self, path: Path) -> Mapping[str, Refreshed | Unavailable]:
        """Refresh every trust root of a configuration that has a repository, and say for each how that went."""
        ...

    def kept_verdicts(self, configuration: Path) -> KeptVerdicts:
        """The verdicts that the installation keeps between requests."""
        ...

    def tag_book(self, configuration: Path) -> "TagBook":
        """What immutable tags stood for, as the installation has seen it."""
        ...

    def run_refresher(self, configuration: Path) -> None:
        """Run the process that keeps trust roots up to date."""
        ...

    def run_prewarmer(self) -> None:
        """Run the process that verifies images before anybody asks."""
        ...

    def layout(self, path: Path) -> Registry:
        """An OCI layout on disk."""
        ...

    def writable_layout(self, path: Path) -> WritableRegistry:
        """An OCI layout on disk that can be added to."""
        ...

    def new_layout(self, path: Path) -> WritableRegistry:
        """A new OCI layout in a folder that does not exist or is empty."""
        ...

    def layout_image(self, path: Path) -> Digest:
        """The digest of the one image in a layout; `InvalidInput(layout_ambiguous)` when there is not exactly one."""
        ...

    def service(self, url: str, *, token: str, ca: Path | None) -> ServiceClient:
        """A client of the verification service."""
        ...

    def serve(self, configuration: Path, report: Callable[[str], None]) -> None:
        """Run the service until it is told to stop."""
        ...

    def run_sequencer(self, configuration: Path) -> None:
        """Run the process that alone writes the decision log."""
        ...

    def inspect_configuration(self, path: Path) -> Sequence[tuple[str, str]]:
        """Check a configuration with everything it names; (part, what was found) for each part that is fine."""
        ...

    def signer(self, key: Path | KeyUri, *, password: bytes) -> Signer:
        """The signer for a private key, in a file or in a key service."""
        ...

    def keyless_signer(
        self, *, signing_config: Path, trusted_root: Path, token: str | None, login: bool, deadline: Deadline
    ) -> EvidenceSigner:
        """A signer by identity: that of the token, else of this CI job, else of whoever logs in, if `login`."""
        ...

    def backing(self, *, signing_config: Path, trusted_root: Path, begin: Callable[[], Deadline]) -> "Backing":
        """The logs and timestamp authorities that stand behind a key; `begin` gives the deadline of each signature."""
        ...

    def break_glass(self, configuration: Path) -> "tuple[BreakGlass, TrustSnapshot]":
        """The grants of a configuration file with their rules, and who is trusted to sign them."""
        ...

    def commits(self, repository: Path, *, scratch: Path, allowed_signers: Path | None) -> Commits:
        """The commits of a clone, a git bundle or an evidence folder; git writes to `scratch` only."""
        ...

    def generate_keys(self, folder: Path, password: bytes, kind: KeyKind) -> tuple[Path, Path]:
        """Write a new key pair `cosign.key`, `cosign.pub` into a folder; never overwrites."""
        ...

    def serve_signer(self, configuration: Path, report: Callable[[str], None]) -> None:
        """Run a signer process until SIGTERM."""
        ...

    def public_key(self, key: Path | KeyUri, *, password: Callable[[], bytes]) -> PublicKey:
        """The public key of a file, public or private, or of a URI; the password is asked for when it is needed."""
        ...


def composition(context: click.Context) -> Composition:
    """The composition that `__main__` put into the context."""
    return cast("Composition", context.obj)
