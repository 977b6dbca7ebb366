"""What the command line is given; adapters are imported when a command needs them, because start-up time counts."""

import os
import signal
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from assay.bootstrap.installation import Installation
from assay.configuration.trust_root import PUBLIC_GOOD_REPOSITORY
from assay.domain.deadline import Deadline
from assay.domain.digest import Digest
from assay.domain.errors import ConfigError, InvalidInput, Unavailable
from assay.domain.identity import IdentityRule, PublicKey
from assay.domain.key_kind import KeyKind
from assay.domain.key_uri import KeyUri
from assay.domain.limit import Limits
from assay.domain.reference import Repository
from assay.formats.published_root import Refreshed
from assay.ports import (
    Clock,
    Commits,
    EvidenceSigner,
    Gate,
    KeptVerdicts,
    Registry,
    ServiceClient,
    Signer,
    WritableRegistry,
)
from assay.verification.trust_root import TrustProfile
from assay.verification.trust_snapshot import TrustSnapshot

if TYPE_CHECKING:
    from assay.adapters.registry.client import RegistryClient
    from assay.adapters.trust.source import RootSource
    from assay.ports.incident import TagBook
    from assay.usecases.break_glass import BreakGlass
    from assay.usecases.sign import Backing

_LAYOUT_SECONDS = 30.0
_LARGEST_LAYER = 4 * 1024**3
_DUE_SECONDS = 15.0
_PUBLIC_GOOD = "public_good"
_ANY_REPOSITORY = Repository(registry="layout.invalid", path="image")


class SystemComposition:
    """Builds each part when it is asked for."""

    def clock(self) -> Clock:
        """The system's clocks."""
        from assay.adapters.clock import SystemClock

        return SystemClock()

    def registry(
        self, *, plain_http: Sequence[str], ca: Path | None, token_hosts: Sequence[tuple[str, str]] = ()
    ) -> "RegistryClient":
        """A registry client for the user's own command line: it reaches what the user reaches, with docker's logins."""
        from assay.bootstrap.registry import user_registry

        return user_registry(plain_http=plain_http, ca=ca, token_hosts=token_hosts, limits=Limits())

    def copying_registry(
        self, *, plain_http: Sequence[str], ca: Path | None, token_hosts: Sequence[tuple[str, str]] = ()
    ) -> "RegistryClient":
        """A registry client that handles the layers of images, too."""
        from assay.bootstrap.registry import user_registry

        limits = Limits(blob_octets=_LARGEST_LAYER)
        return user_registry(plain_http=plain_http, ca=ca, token_hosts=token_hosts, limits=limits)

    def layout(self, path: Path) -> Registry:
        """An OCI layout on disk."""
        from assay.adapters.registry.layout import OciLayout

        absolute = path.absolute()
        return OciLayout.open(absolute.parent, absolute.name, limits=Limits())

    def writable_layout(self, path: Path) -> WritableRegistry:
        """An OCI layout on disk that can be added to."""
        from assay.adapters.registry.writable_layout import WritableLayout

        return WritableLayout(path, limits=Limits())

    def new_layout(self, path: Path) -> WritableRegistry:
        """A new OCI layout in a folder that does not exist or is empty."""
        from assay.adapters.registry.writable_layout import WritableLayout

        return WritableLayout.create(path, limits=Limits())

    def layout_image(self, path: Path) -> Digest:
        """The one manifest or index that the layout's index names, that speaks about no other and lies in none."""
        from assay.adapters.registry.layout import TAG, OciLayout
        from assay.domain.evidence_tag import is_evidence_tag
        from assay.formats.manifest import ImageIndex, parse_manifest

        layout = OciLayout.open(path.absolute().parent, path.absolute().name, limits=Limits())
        deadline = Deadline.after(_LAYOUT_SECONDS, self.clock().monotonic)
        images: set[Digest] = set()
        listed: set[Digest] = set()
        for entry in layout.index.manifests:
            if is_evidence_tag(dict(entry.annotations).get(TAG, "")):
                continue
            content = layout.find_manifest(_ANY_REPOSITORY, entry.digest.text, deadline)
            if content is None:
                continue
            manifest = parse_manifest(content.octets, content.media_type, what=entry.digest.text, limits=Limits())
            if manifest.subject is None:
                images.add(entry.digest)
            if isinstance(manifest, ImageIndex):
                listed |= {item.digest for item in manifest.manifests}
        found = images - listed
        if len(found) != 1:
            raise InvalidInput(
                "layout_ambiguous", f"{path} holds {len(found)} images", remedy="name the image: repository@sha256:…"
            )
        return found.pop()

    def trust_from_signers(
        self,
        *,
        keys: Sequence[Path | KeyUri],
        identities: Sequence[IdentityRule] = (),
        trusted_root: Path | None = None,
        offline: bool,
    ) -> TrustSnapshot:
        """One authority per public key, named after its file or URI, and one for the identities.

        A key behind a URI is fetched here and now, and what its service raises is raised.
        """
        from assay.adapters.trust.loading import LoadedAuthority, load_trust
        from assay.adapters.trust.source import AuthoritySource, KeySource, TrustSources
        from assay.bootstrap.keys import fetch_public_key

        root = _named_root(trusted_root, offline=offline)
        judging = [root] if trusted_root is not None or identities else []
        key_root = root.name if trusted_root is not None else ""
        files = [key for key in keys if isinstance(key, Path)]
        authorities = [AuthoritySource(name=path.stem, keys=[KeySource(file=path)], root=key_root) for path in files]
        if identities:
            authorities.append(AuthoritySource(name="identity", keys=[], identities=identities, root=root.name))
        loaded = load_trust(TrustSources(authorities=authorities, roots=judging))
        fetched = [
            LoadedAuthority(
                source=AuthoritySource(name=str(key), keys=[], root=key_root),
                keys=(fetch_public_key(key, password=bytes),),
            )
            for key in keys
            if not isinstance(key, Path)
        ]
        return replace(loaded, authorities=(*loaded.authorities, *fetched)).at(self.clock().now())

    def trust_from_root(self, file: Path | None) -> TrustSnapshot:
        """The trust root in a file, or the public-good root that comes with Assay, and no authority."""
        from assay.adapters.trust.loading import load_trust
        from assay.adapters.trust.source import TrustSources

        return load_trust(TrustSources(authorities=(), roots=[_named_root(file, offline=True)])).at(self.clock().now())

    def trust_from_configuration(self, path: Path, *, offline: bool = False) -> TrustSnapshot:
        """The authorities of a configuration file, and its trust roots as they were published last.

        Key services are asked for the keys that they keep; when `offline`, those keys are not available.
        """
        return Installation.load(path).load_trust(offline=offline).at(self.clock().now())

    def refresh_trust(self, path: Path) -> Mapping[str, Refreshed | Unavailable]:
        """Refresh every trust root of a configuration that has a repository."""
        from assay.adapters.trust.refresher import REFRESH_SECONDS
        from assay.adapters.trust.repository import refresh_root

        clock, done = self.clock(), dict[str, Refreshed | Unavailable]()
        for source in Installation.load(path).trust_sources().roots:
            if source.tuf is None:
                continue
            deadline = Deadline.after(REFRESH_SECONDS, clock.monotonic)
            try:
                done[source.name] = refresh_root(source, source.tuf, now=clock.now(), deadline=deadline)
            except Unavailable as error:
                done[source.name] = error
        return done

    def refresh_due(self, configuration: Path | None) -> Mapping[str, Unavailable]:
        """Refresh the trust roots that were to be refreshed by now; the failures by name."""
        from assay.adapters.trust.root_file import is_due

        roots = Installation.load(configuration).trust_sources().roots if configuration is not None else [_user_root()]
        clock, failed = self.clock(), dict[str, Unavailable]()
        for source in roots:
            if source.tuf is None or not is_due(source.tuf, clock.now()):
                continue
            from assay.adapters.trust.repository import refresh_root

            try:
                refresh_root(
                    source, source.tuf, now=clock.now(), deadline=Deadline.after(_DUE_SECONDS, clock.monotonic)
                )
            except Unavailable as error:
                failed[source.name] = error
        return failed

    def kept_verdicts(self, configuration: Path) -> KeptVerdicts:
        """The verdicts that the installation keeps between requests."""
        from assay.adapters.cache.database import VerdictDatabase

        return VerdictDatabase(Installation.load(configuration).cache)

    def tag_book(self, configuration: Path) -> "TagBook":
        """What immutable tags stood for; `ConfigError(immutable_tags_missing)` when none is declared immutable."""
        from assay.bootstrap.incidents import open_tag_guard

        guard = open_tag_guard(Installation.load(configuration))
        if guard is None:
            raise ConfigError(
                "immutable_tags_missing",
                f"{configuration} declares no tag immutable",
                remedy="add the section `immutable_tags`",
            )
        return guard.book

    def run_refresher(self, configuration: Path) -> None:
        """Keep the trust roots up to date until SIGTERM."""
        import logging

        from assay.adapters.clock import random_share
        from assay.adapters.metrics.prometheus import PrometheusMetrics
        from assay.adapters.trust.refresher import run_refresher

        logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
        run_refresher(
            Installation.load(configuration).trust_sources().roots,
            clock=self.clock(),
            metrics=PrometheusMetrics(),
            stop=_stop_on_signal(),
            jitter=random_share,
        )

    def run_prewarmer(self) -> None:
        """Verify images before anybody asks, until SIGTERM."""
        from assay.bootstrap.prewarmer import run_prewarmer

        run_prewarmer(_stop_on_signal())

    def service(self, url: str, *, token: str, ca: Path | None) -> ServiceClient:
        """A client of the verification service."""
        from assay.adapters.service.client import HttpServiceClient

        return HttpServiceClient(url, token=token, ca=str(ca) if ca else "")

    def serve(self, configuration: Path, report: Callable[[str], None]) -> None:
        """Run the service until it is told to stop."""
        from assay.bootstrap.serve import serve

        serve(Installation.load(configuration), report)

    def run_sequencer(self, configuration: Path) -> None:
        """Run the sequencer until SIGTERM."""
        from assay.bootstrap.sequencer import run_sequencer

        run_sequencer(configuration, _stop_on_signal())

    def inspect_configuration(self, path: Path) -> Sequence[tuple[str, str]]:
        """Check a configuration with everything it names."""
        from assay.bootstrap.inspection import inspect_installation

        return inspect_installation(Installation.load(path))

    def generate_keys(self, folder: Path, password: bytes, kind: KeyKind = KeyKind.ECDSA_P256) -> tuple[Path, Path]:
        """Write a new key pair; never overwrites."""
        from assay.adapters.signing.key_file import generate_key_pair

        folder.mkdir(parents=True, exist_ok=True)
        private, public = folder / "cosign.key", folder / "cosign.pub"
        secret_pem, public_pem = generate_key_pair(password, kind)
        for file, content, mode in ((private, secret_pem, 0o600), (public, public_pem, 0o644)):
            try:
                descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
            except FileExistsError as error:
                raise ConfigError(
                    "key_file_exists",
                    f"{file} exists already",
                    remedy="choose another folder",
                ) from error
            with os.fdopen(descriptor, "wb") as target:
                target.write(content)
        return private, public

    def builder_parts(self) -> "SystemComposition":
        """The service's side of a build: clock, signer, gate, registry."""
        return self

    def signer(self, key: Path | KeyUri, *, password: bytes) -> Signer:
        """The signer for a private key file or a key URI."""
        from assay.bootstrap.keys import open_signer

        return open_signer(key, password=password)

    def signer_process(self, socket: Path) -> Signer:
        """The signer process behind a unix socket."""
        from assay.adapters.signing.client import SocketSigner
        from assay.usecases.checked_signer import CheckedSigner

        return CheckedSigner(SocketSigner(socket, clock=self.clock().monotonic))

    def serve_signer(self, configuration: Path, report: Callable[[str], None]) -> None:
        """Run a signer process until SIGTERM."""
        from assay.bootstrap.signer import serve_signer

        serve_signer(configuration, self.clock(), stop=_stop_on_signal(), report=report)

    def public_key(self, key: Path | KeyUri, *, password: Callable[[], bytes]) -> PublicKey:
        """The public key of a file or URI."""
        from assay.bootstrap.keys import fetch_public_key

        return fetch_public_key(key, password=password)

    def keyless_signer(
        self, *, signing_config: Path, trusted_root: Path, token: str | None, login: bool, deadline: Deadline
    ) -> EvidenceSigner:
        """A signer by identity: that of the token, else of this CI job, else of whoever logs in, if `login`."""
        from assay.bootstrap.signing import certify

        (root,) = self.trust_from_root(trusted_root).roots.values()
        return certify(signing_config, root, self.clock(), deadline, token=token, login=login)

    def backing(self, *, signing_config: Path, trusted_root: Path, begin: Callable[[], Deadline]) -> "Backing":
        """The logs and timestamp authorities of a signing config, and the trusted root that they are judged by."""
        from assay.bootstrap.signing import back

        (root,) = self.trust_from_root(trusted_root).roots.values()
        return back(signing_config, root, self.clock(), begin)

    def break_glass(self, configuration: Path) -> "tuple[BreakGlass, TrustSnapshot]":
        """The grants of a configuration file with their rules, and who is trusted to sign them.

        Raises `ConfigError(break_glass_missing)` when the file has no section for them.
        """
        from assay.bootstrap.break_glass import open_break_glass

        installation = Installation.load(configuration)
        glass = open_break_glass(installation)
        if glass is None:
            raise ConfigError(
                "break_glass_missing", f"{configuration} has no section break_glass", remedy="add it, or do without"
            )
        return glass, installation.load_trust().at(self.clock().now())

    def commits(self, repository: Path, *, scratch: Path, allowed_signers: Path | None) -> Commits:
        """The commits of a clone, a git bundle or an evidence folder; git writes to `scratch` only."""
        from assay.adapters.git.commits import GitCommits

        return GitCommits(repository, scratch=scratch, allowed_signers=allowed_signers)

    def gate(self, url: str, *, token: str, ca: Path | None) -> Gate:
        """The gate of the service at this address."""
        return self.service(url, token=token, ca=ca)


def _named_root(file: Path | None, *, offline: bool) -> "RootSource":
    from assay.adapters.trust.source import RootSource

    if file is not None:
        return RootSource(name=file.name, profile=None, file=file)
    return RootSource(name=_PUBLIC_GOOD, profile=TrustProfile.public_good()) if offline else _user_root()


def _user_root() -> "RootSource":
    """The public-good root with what its repository told this user, below the user's cache (XDG specification)."""
    from assay.adapters.trust.source import RootSource, TufSource

    base = Path(os.environ.get("XDG_CACHE_HOME", ""))
    cache = base if base.is_absolute() else Path.home() / ".cache"
    repository = TufSource(
        url=PUBLIC_GOOD_REPOSITORY,
        target="trusted_root.json",
        bootstrap=None,
        ca=None,
        folder=cache / "assay" / "trust" / _PUBLIC_GOOD,
        refresh=timedelta(days=1),
        max_age=timedelta(days=14),
    )
    return RootSource(name=_PUBLIC_GOOD, profile=TrustProfile.public_good(), tuf=repository)


def _stop_on_signal() -> threading.Event:
    """An event that SIGTERM and SIGINT set."""
    stop = threading.Event()
    for kind in (signal.SIGTERM, signal.SIGINT):
        signal.signal(kind, lambda _number, _frame: stop.set())
    return stop
