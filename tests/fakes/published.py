"""Trust roots as a refresh publishes them."""

from datetime import datetime, timedelta
from pathlib import Path

from assay.adapters.trust.root_file import read_bootstrap
from assay.adapters.trust.source import TufSource
from assay.domain.digest import Digest
from assay.formats.published_root import ROLES, PublishedRoot, render_published_root

URL = "https://tuf.test"


def tuf_source(folder: Path, bootstrap: Path | None, **changes: timedelta) -> TufSource:
    """A repository that refreshes each hour and counts for a day, unless told otherwise."""
    ages = {"refresh": timedelta(hours=1), "max_age": timedelta(days=1), **changes}
    return TufSource(url=URL, target="trusted_root.json", bootstrap=bootstrap, ca=None, folder=folder, **ages)


def publish(tuf: TufSource, octets: bytes, at: datetime, *, version: int = 1) -> PublishedRoot:
    """What a refresh of this moment leaves behind."""
    published = PublishedRoot(
        repository=tuf.url,
        target=tuf.target,
        bootstrap=Digest.of(read_bootstrap(tuf)),
        fetched_at=at,
        versions=tuple((role, version) for role in ROLES),
        octets=octets,
    )
    tuf.folder.mkdir(parents=True, exist_ok=True)
    new = tuf.published.with_suffix(".other")
    new.write_bytes(render_published_root(published))
    new.replace(tuf.published)
    return published
