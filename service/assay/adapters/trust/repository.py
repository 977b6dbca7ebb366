"""One refresh of a trust root from its TUF repository.

Only what refreshes imports this module: python-tuf stays out of the processes that answer requests.
"""

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

from tuf.api.exceptions import DownloadError, DownloadLengthMismatchError, RepositoryError
from tuf.api.metadata import Metadata
from tuf.ngclient.config import UpdaterConfig
from tuf.ngclient.updater import Updater

from assay.adapters.trust.fetcher import RepositoryFetcher
from assay.adapters.trust.root_file import build_root, read_bootstrap, read_published
from assay.adapters.trust.source import RootSource, TufSource
from assay.domain.deadline import Deadline
from assay.domain.digest import Digest
from assay.domain.errors import ConfigError, Unavailable
from assay.formats.published_root import ROLES, PublishedRoot, Refreshed, render_published_root

_LARGEST_TARGET = 1024 * 1024
_MOST_ROTATIONS = 64
_WAIT = 0.05


def refresh_root(source: RootSource, tuf: TufSource, *, now: datetime, deadline: Deadline) -> Refreshed:
    """Fetch and verify the trusted root, and publish it for every process that uses it.

    Published is, with one rename, only what the repository vouches for by unexpired metadata that is no older than
    what was seen before (The Update Framework, section 5) and what can be used as a trust root. Everything else
    leaves the last one in place and raises `Unavailable`: `trust_refresh_failed` when the repository did not answer
    as it should, `trust_refresh_refused` when it answered what must not be believed. `ConfigError` for unusable root
    metadata.
    """
    bootstrap = read_bootstrap(tuf)
    try:
        with _alone(tuf, deadline):
            return _refresh(source, tuf, bootstrap, now, deadline)
    except OSError as error:
        raise _failed(tuf, f"{error.filename or tuf.folder} cannot be used: {error.strerror}") from error


def _refresh(source: RootSource, tuf: TufSource, bootstrap: bytes, now: datetime, deadline: Deadline) -> Refreshed:
    before = _read_before(tuf)
    metadata = tuf.folder / f"metadata-{Digest.of(tuf.url.encode() + bootstrap).hex[:16]}"
    metadata.mkdir(mode=0o700, exist_ok=True)
    octets = _fetch(tuf, bootstrap, metadata, deadline)
    _require_usable(octets, source, tuf)
    after = PublishedRoot(
        repository=tuf.url,
        target=tuf.target,
        bootstrap=Digest.of(bootstrap),
        fetched_at=now.replace(microsecond=0),
        versions=_versions(metadata),
        octets=octets,
    )
    _publish(tuf.published, render_published_root(after))
    return Refreshed(before=before, after=after)


def _read_before(tuf: TufSource) -> PublishedRoot | None:
    try:
        return read_published(tuf)
    except ConfigError:  # damaged: this refresh replaces it
        return None


def _fetch(tuf: TufSource, bootstrap: bytes, metadata: Path, deadline: Deadline) -> bytes:
    fetcher = RepositoryFetcher(deadline=deadline, ca=tuf.ca)
    try:
        updater = Updater(
            metadata_dir=str(metadata),
            metadata_base_url=tuf.url,
            target_base_url=f"{tuf.url}/targets",
            fetcher=fetcher,
            config=UpdaterConfig(max_root_rotations=_MOST_ROTATIONS),
            bootstrap=bootstrap,
        )
        return _download(updater, tuf, metadata / "target")
    except DownloadLengthMismatchError as error:
        raise _refused(tuf, str(error)) from error
    except DownloadError as error:
        raise _failed(tuf, str(error)) from error
    except RepositoryError as error:
        raise _refused(tuf, f"{type(error).__name__}: {error}") from error
    finally:
        fetcher.close()


def _download(updater: Updater, tuf: TufSource, file: Path) -> bytes:
    updater.refresh()
    found = updater.get_targetinfo(tuf.target)
    if found is None:
        raise _refused(tuf, f"it has no target {tuf.target}")
    if found.length > _LARGEST_TARGET:
        raise _refused(tuf, f"{tuf.target} has {found.length} bytes")
    if updater.find_cached_target(found, str(file)) is None:
        updater.download_target(found, str(file))
    octets = file.read_bytes()
    found.verify_length_and_hashes(octets)
    return octets


def _require_usable(octets: bytes, source: RootSource, tuf: TufSource) -> None:
    try:
        build_root(octets, source, tuf.target)
    except ConfigError as error:
        raise _refused(tuf, error.message) from error


def _versions(metadata: Path) -> tuple[tuple[str, int], ...]:
    """The versions of what was verified last, as it lies in the folder that only a refresh writes."""
    verified: dict[str, Metadata[Any]] = {role: Metadata.from_file(str(metadata / f"{role}.json")) for role in ROLES}
    return tuple((role, document.signed.version) for role, document in verified.items())


@contextmanager
def _alone(tuf: TufSource, deadline: Deadline) -> Iterator[None]:
    """Be the only refresh of this root: python-tuf's folder has one user at a time."""
    tuf.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor = os.open(tuf.folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        _lock(descriptor, deadline)
        yield
    finally:
        os.close(descriptor)


def _lock(descriptor: int, deadline: Deadline) -> None:
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            deadline.remaining("another refresh of the trust root")
            time.sleep(_WAIT)
        else:
            return


def _publish(path: Path, octets: bytes) -> None:
    temporary = path.with_suffix(".new")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(octets)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)


def _failed(tuf: TufSource, why: str) -> Unavailable:
    return Unavailable(
        "trust_refresh_failed",
        f"the trust root could not be fetched from {tuf.url}: {why[:500]}",
        remedy="check address and network, then repeat; the last one counts until its maximum age",
    )


def _refused(tuf: TufSource, why: str) -> Unavailable:
    return Unavailable(
        "trust_refresh_refused",
        f"what {tuf.url} offers is not believed: {why[:500]}",
        remedy="ask who runs the repository; the last one counts until its maximum age",
    )
