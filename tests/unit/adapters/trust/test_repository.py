"""Refreshing from a TUF repository: what is published, and what leaves the last root in place."""

import fcntl
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

import pytest

from assay.adapters.trust.repository import refresh_root
from assay.adapters.trust.root_file import load_root, read_published
from assay.adapters.trust.source import RootSource, TufSource
from assay.domain.deadline import Deadline
from assay.domain.digest import Digest
from assay.domain.errors import AssayError, ConfigError, Unavailable
from assay.formats.published_root import PublishedRoot, Refreshed
from tests.fakes.certificate import NOW
from tests.fakes.sigstore import FakeSigstore
from tests.fakes.tuf_repository import FakeTuf

WORLD = FakeSigstore()
FIRST = WORLD.trusted_root()
SECOND = WORLD.trusted_root(edit=lambda root: root["timestampAuthorities"].clear())
SECONDS = 60.0


@dataclass
class Setting:
    """A repository that is served, and the installation's side of it."""

    repository: FakeTuf
    source: RootSource
    tuf: TufSource
    seconds: float = SECONDS

    def refresh(self) -> Refreshed:
        deadline = Deadline.after(self.seconds, time.monotonic)
        return refresh_root(self.source, self.tuf, now=NOW, deadline=deadline)

    def refused(self) -> Unavailable:
        """The error of a refresh that must fail and change nothing."""
        before = self.current()
        with pytest.raises(Unavailable) as caught:
            self.refresh()
        assert self.current() == before
        return caught.value

    def current(self) -> PublishedRoot | None:
        return read_published(self.tuf)


@pytest.fixture
def setting(tmp_path: Path) -> Iterator[Setting]:
    repository = FakeTuf()
    repository.put("trusted_root.json", FIRST)
    bootstrap = tmp_path / "root.json"
    bootstrap.write_bytes(repository.bootstrap)
    with repository.serve() as url:
        tuf = TufSource(
            url=url,
            target="trusted_root.json",
            bootstrap=bootstrap,
            ca=None,
            folder=tmp_path / "state" / "trust" / "own",
            refresh=timedelta(hours=1),
            max_age=timedelta(days=1),
        )
        yield Setting(repository=repository, source=RootSource(name="own", profile=None, tuf=tuf), tuf=tuf)


def test_a_first_refresh_publishes_what_the_repository_vouches_for(setting: Setting) -> None:
    assert load_root(setting.source).root is None
    done = setting.refresh()
    assert (done.before, done.changed) == (None, True)
    assert done.after.octets == FIRST
    assert dict(done.after.versions) == {"root": 1, "timestamp": 2, "snapshot": 2, "targets": 2}
    assert setting.current() == done.after
    loaded = load_root(setting.source)
    assert loaded.root is not None
    assert loaded.origin.trusted_until == NOW + timedelta(days=1)
    assert setting.tuf.folder.stat().st_mode & 0o777 == 0o700


def test_a_refresh_without_news_confirms_and_fetches_no_target_again(setting: Setting) -> None:
    setting.refresh()
    setting.repository.seen.clear()
    done = setting.refresh()
    assert not done.changed
    assert setting.repository.seen == ["2.root.json", "timestamp.json"]


def test_a_new_root_is_taken_up(setting: Setting) -> None:
    setting.refresh()
    setting.repository.put("trusted_root.json", SECOND)
    done = setting.refresh()
    assert done.changed
    assert done.after.octets == SECOND


def test_another_target_may_be_asked_for(setting: Setting) -> None:
    setting.repository.put("mirror/own.json", SECOND)
    other = replace(setting, tuf=replace(setting.tuf, target="mirror/own.json"))
    assert other.refresh().after.octets == SECOND
    assert setting.current() is None


def test_a_chain_of_rotated_root_keys_is_followed(setting: Setting) -> None:
    for _ in range(3):
        setting.repository.rotate_root()
    assert dict(setting.refresh().after.versions)["root"] == 4
    setting.repository.rotate("timestamp")
    setting.repository.put("trusted_root.json", SECOND)
    assert setting.refresh().after.octets == SECOND


Break = Callable[[FakeTuf], None]


def _foreign_timestamp(repository: FakeTuf) -> None:
    repository.files["timestamp.json"] = FakeTuf().files["timestamp.json"]


def _mix(repository: FakeTuf) -> None:
    """A snapshot of another moment than the timestamp speaks about."""
    old = repository.files["2.snapshot.json"]
    repository.put("trusted_root.json", SECOND)
    repository.files["3.snapshot.json"] = old


def _shrink(repository: FakeTuf) -> None:
    for role in ("timestamp", "snapshot", "targets"):
        repository.roles[role].signed.version = 1
    repository.put("trusted_root.json", SECOND)
    for role in ("timestamp", "snapshot", "targets"):
        repository.roles[role].signed.version = 1
    repository.advance()


def _expire_snapshot(repository: FakeTuf) -> None:
    repository.expire("snapshot")
    repository.advance("timestamp")


def _expire_targets(repository: FakeTuf) -> None:
    repository.expire("targets")
    repository.advance("snapshot", "timestamp")


def _withdraw(repository: FakeTuf) -> None:
    repository.roles["targets"].signed.targets.clear()
    repository.advance("targets", "snapshot", "timestamp")


REFUSED: dict[str, Break] = {
    "a root that the old key did not sign": lambda tuf: tuf.rotate_root(signed_by_old=False),
    "an expired timestamp": lambda tuf: tuf.expire("timestamp"),
    "an expired snapshot": _expire_snapshot,
    "expired targets": _expire_targets,
    "a timestamp of another repository": _foreign_timestamp,
    "metadata of different moments": _mix,
    "older versions than were seen": _shrink,
    "another target than is vouched for": lambda tuf: tuf.put("trusted_root.json", SECOND, served=FIRST),
    "a target that is cut off": lambda tuf: tuf.put("trusted_root.json", SECOND, served=SECOND[:-1]),
    "a target that goes on": lambda tuf: tuf.put("trusted_root.json", SECOND, served=SECOND + b" "),
    "a target that is no trusted root": lambda tuf: tuf.put("trusted_root.json", b"{}"),
    "a target beyond every size": lambda tuf: tuf.put("trusted_root.json", SECOND + b" " * 2**20),
    "no such target": _withdraw,
    "metadata that is none": lambda tuf: tuf.files.update({"timestamp.json": b"[" * 10_000}),
    "metadata that never ends": lambda tuf: tuf.endless.add("timestamp.json"),
}


@pytest.mark.parametrize("defect", REFUSED)
def test_what_must_not_be_believed_leaves_the_last_root_in_place(setting: Setting, defect: str) -> None:
    setting.refresh()
    REFUSED[defect](setting.repository)
    error = setting.refused()
    assert error.code == "trust_refresh_refused", error.message
    assert setting.tuf.url in error.message


def _redirect(repository: FakeTuf) -> None:
    repository.status = 302
    repository.headers["Location"] = "http://127.0.0.1:1/"


FAILED: dict[str, Break] = {
    "a server that is overloaded": lambda tuf: setattr(tuf, "status", 503),
    "a redirect": _redirect,
    "a content coding": lambda tuf: tuf.headers.update({"Content-Encoding": "gzip"}),
}


@pytest.mark.parametrize("defect", FAILED)
def test_a_repository_that_does_not_answer_leaves_the_last_root_in_place(setting: Setting, defect: str) -> None:
    setting.refresh()
    FAILED[defect](setting.repository)
    assert setting.refused().code == "trust_refresh_failed"


def test_a_server_that_is_not_there_leaves_the_last_root_in_place(setting: Setting) -> None:
    setting.refresh()
    gone = replace(setting, tuf=replace(setting.tuf, url="http://127.0.0.1:1"))
    with pytest.raises(Unavailable) as caught:
        gone.refresh()
    assert caught.value.code == "trust_refresh_failed"
    assert setting.current() is not None


def test_a_slow_body_ends_with_the_deadline(setting: Setting) -> None:
    setting.repository.seconds_per_octet = 0.05
    setting.seconds = 0.5
    assert setting.refused().code == "trust_refresh_failed"


def test_a_refresh_waits_for_another_one_no_longer_than_its_deadline(setting: Setting) -> None:
    setting.refresh()
    setting.seconds = 0.2
    with (setting.tuf.folder / "lock").open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        assert setting.refused().code == "deadline_exceeded"
    setting.seconds = SECONDS
    assert not setting.refresh().changed


def test_cve_2026_24137_the_name_of_a_target_never_becomes_a_path_of_ours(setting: Setting) -> None:
    """The configuration refuses such a name; here is what happens when it gets this far."""
    setting.repository.put("../../escaped.json", FIRST)
    climbing = replace(setting, tuf=replace(setting.tuf, target="../../escaped.json"))
    with pytest.raises(Unavailable):
        climbing.refresh()
    inside = {path.name for path in setting.tuf.folder.rglob("*")}
    assert not list(setting.tuf.folder.parents[2].rglob("escaped.json"))
    assert "published.json" not in inside


def test_another_repository_starts_from_nothing(setting: Setting, tmp_path: Path) -> None:
    setting.refresh()
    moved = replace(setting.tuf, url=f"{setting.tuf.url}/elsewhere")
    assert read_published(moved) is None
    other = tmp_path / "other.json"
    other.write_bytes(FakeTuf().bootstrap)
    assert read_published(replace(setting.tuf, bootstrap=other)) is None


def test_root_metadata_that_cannot_be_used_is_a_mistake_of_the_configuration(setting: Setting, tmp_path: Path) -> None:
    def code(content: bytes | None) -> str:
        path = tmp_path / "broken.json"
        if content is not None:
            path.write_bytes(content)
        with pytest.raises(AssayError) as caught:
            replace(setting, tuf=replace(setting.tuf, bootstrap=path)).refresh()
        return caught.value.code

    assert code(None) == "trusted_root_unusable"
    assert code(b"{}") == "trust_refresh_refused"


def test_a_damaged_file_is_told_and_replaced_by_the_next_refresh(setting: Setting) -> None:
    setting.refresh()
    whole = setting.tuf.published.read_bytes()
    for octets in (
        b"",
        whole[:-10],
        whole.replace(b'"root": 1', b'"root": -1'),
        whole.replace(b'"format": 1', b'"format": 2'),
    ):
        setting.tuf.published.write_bytes(octets)
        with pytest.raises(ConfigError) as caught:
            setting.current()
        assert caught.value.code == "trusted_root_unusable"
    done = setting.refresh()
    assert (done.before, done.after.digest) == (None, Digest.of(FIRST))
    assert setting.current() == done.after


def test_a_folder_that_cannot_be_used_is_a_failure_that_names_it(setting: Setting, tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.touch()
    with pytest.raises(Unavailable) as caught:
        replace(setting, tuf=replace(setting.tuf, folder=file / "own")).refresh()
    assert caught.value.code == "trust_refresh_failed"
    assert str(file) in caught.value.message
    setting.tuf.published.mkdir(parents=True)
    with pytest.raises(ConfigError) as unreadable:
        setting.current()
    assert unreadable.value.code == "trusted_root_unusable"
    setting.tuf.published.rmdir()
    assert setting.refresh().changed
