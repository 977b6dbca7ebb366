"""Decisions while trust changes under them: each is made with one trust, and what is too old does not count."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import pytest

from assay.adapters.clock import SystemClock
from assay.adapters.kms.signer import CachedKeySource
from assay.adapters.trust.live_trust import LiveTrust
from assay.adapters.trust.source import AuthoritySource, KeySource, RemoteKey, RootSource, TrustSources, TufSource
from assay.domain.artefact import Artefact
from assay.domain.deadline import Deadline
from assay.domain.decision import Verdict
from assay.domain.digest import Digest
from assay.domain.gate import FromRegistry, GateAnswer, GateQuestion
from assay.domain.identity import PublicKey
from assay.formats.public_key import render_public_key
from assay.usecases.gate import ask_gate
from tests.fakes.certificate import NOW
from tests.fakes.clock import MovingClock
from tests.fakes.engine import CALLER, World, good_bundles, publish
from tests.fakes.key_source import HOUR, FakeKeySource
from tests.fakes.metrics import CountingMetrics
from tests.fakes.oci import image
from tests.fakes.policy import ENVIRONMENT
from tests.fakes.published import publish as publish_root
from tests.fakes.published import tuf_source
from tests.fakes.registry import FakeRegistry
from tests.fakes.signing import FakeAuthority
from tests.fakes.sigstore import FakeSigstore

RELEASE, OTHER = FakeAuthority(), FakeAuthority("other")
IMAGE = Digest.of(image())
ROOT = FakeSigstore().trusted_root()
CLIENTS = 4


@dataclass
class Setting:
    """A service's world whose authority `release` is read from a file, or comes from the key service `kept`.

    With `root` it needs a trust root as well.
    """

    folder: Path
    registry: FakeRegistry
    root: str = ""
    kept: FakeKeySource | None = None
    clock: MovingClock = field(default_factory=lambda: MovingClock(wall=NOW))
    answers: list[GateAnswer] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.write_key(RELEASE.public_key())
        (self.folder / "root.json").write_bytes(b"bootstrap")
        self.live = LiveTrust(self.read, file=self.folder / "x", clock=self.clock, metrics=CountingMetrics())
        self.world = World(trust=self.live)

    @property
    def tuf(self) -> TufSource:
        return tuf_source(self.folder / "trust", self.folder / "root.json")

    def read(self) -> TrustSources:
        file = KeySource(file=self.folder / "release.pub")
        keys = [] if self.kept else [file]
        remote_keys = [RemoteKey(name="openbao://release", source=self.kept)] if self.kept else []
        authority = AuthoritySource(name="release", keys=keys, remote_keys=remote_keys, root=self.root)
        roots = [RootSource(name=self.root, profile=None, tuf=self.tuf)] if self.root else []
        other = AuthoritySource(name="other", keys=[file])
        return TrustSources(authorities=[authority, other] if self.kept else [authority], roots=roots)

    def write_key(self, key: PublicKey) -> None:
        new = self.folder / "new"
        new.write_bytes(render_public_key(key))
        new.replace(self.folder / "release.pub")

    def pass_time(self, seconds: float) -> None:
        self.clock.pass_time(seconds)
        self.live.look()

    def ask(self) -> GateAnswer:
        artefact = Artefact(repository=self.registry.repository("app"), digest=IMAGE)
        question = GateQuestion(artefact=artefact, environment=ENVIRONMENT, evidence=FromRegistry())
        answer = ask_gate(self.world.engine(), question, CALLER, self.world.deadline(60))
        self.answers.append(answer)
        return answer


@pytest.fixture
def registry() -> Iterator[FakeRegistry]:
    with FakeRegistry.start() as fake:
        publish(fake, "app", good_bundles(RELEASE, IMAGE))
        yield fake


@pytest.fixture
def setting(tmp_path: Path, registry: FakeRegistry) -> Setting:
    return Setting(folder=tmp_path, registry=registry)


def blocking(answer: GateAnswer) -> set[str]:
    return {reason for finding in answer.findings if finding.blocks for reason in finding.reasons or (finding.code,)}


def trust_of(setting: Setting) -> dict[Digest, set[Verdict]]:
    """The verdicts that were recorded, by the trust that each decision names."""
    found: dict[Digest, set[Verdict]] = {}
    for decision in setting.world.log.decisions:
        found.setdefault(decision.policy.trust, set()).add(decision.verdict)
    return found


def test_a_revoked_key_denies_and_a_key_that_comes_back_allows_without_a_restart(setting: Setting) -> None:
    assert setting.ask().verdict is Verdict.ALLOW
    setting.write_key(OTHER.public_key())
    setting.pass_time(1)
    revoked = setting.ask()
    assert (revoked.verdict, revoked.retryable) == (Verdict.INDETERMINATE, False)
    assert blocking(revoked) == {"all_rejected", "signature_invalid"}
    setting.write_key(RELEASE.public_key())
    setting.pass_time(1)
    assert setting.ask().verdict is Verdict.ALLOW
    assert len(trust_of(setting)) == 2


def test_every_request_is_answered_while_trust_changes_and_names_the_trust_it_was_judged_by(setting: Setting) -> None:
    stop = threading.Event()

    def run() -> int:
        asked = 0
        while not stop.is_set() or asked < CLIENTS:
            setting.ask()
            asked += 1
        return asked

    with ThreadPoolExecutor(CLIENTS) as pool:
        clients = [pool.submit(run) for _ in range(CLIENTS)]
        for key in (OTHER, RELEASE, OTHER, RELEASE):
            setting.write_key(key.public_key())
            setting.pass_time(1)
            seen = len(setting.answers) + 2 * CLIENTS
            while len(setting.answers) < seen and not any(client.done() for client in clients):
                stop.wait(0.01)
        stop.set()
    assert sum(client.result() for client in clients) == len(setting.answers)
    assert sorted(map(sorted, trust_of(setting).values())) == [[Verdict.ALLOW], [Verdict.INDETERMINATE]]


def test_a_reload_in_the_middle_of_a_request_changes_nothing_in_it(setting: Setting) -> None:
    engine = setting.world.engine().for_one_request()
    before = engine.identity()
    setting.write_key(OTHER.public_key())
    setting.pass_time(1)
    assert setting.live.snapshot().digest != before.trust
    assert engine.identity() == before
    assert setting.world.engine().for_one_request().identity() != before


def test_the_last_root_counts_until_its_maximum_age_and_then_nothing_is_believed(
    tmp_path: Path, registry: FakeRegistry
) -> None:
    setting = Setting(folder=tmp_path, registry=registry, root="own")
    never = setting.ask()
    assert (never.verdict, never.retryable) == (Verdict.INDETERMINATE, True)
    assert blocking(never) == {"trust_root_unavailable"}
    publish_root(setting.tuf, ROOT, NOW)
    setting.pass_time(timedelta(days=1).total_seconds())
    assert blocking(setting.ask()) == {"all_rejected", "trust_profile_unmet"}
    setting.pass_time(1)
    late = setting.ask()
    assert (late.verdict, late.retryable, blocking(late)) == (Verdict.INDETERMINATE, True, {"trust_root_unavailable"})
    assert {item.code for item in late.rejected} == {"trust_root_unavailable"}
    publish_root(setting.tuf, ROOT, setting.clock.now())
    setting.pass_time(1)
    assert blocking(setting.ask()) == {"all_rejected", "trust_profile_unmet"}


def test_the_last_key_of_a_silent_service_counts_for_an_hour_and_then_its_evidence_is_nobodys_to_judge(
    tmp_path: Path, registry: FakeRegistry
) -> None:
    clock = MovingClock(wall=NOW)
    kept = FakeKeySource(key=RELEASE.public_key(), clock=clock)
    setting = Setting(folder=tmp_path, registry=registry, kept=kept, clock=clock)
    setting.write_key(OTHER.public_key())
    kept.key = None
    setting.pass_time(HOUR.total_seconds())
    assert setting.ask().verdict is Verdict.ALLOW
    setting.pass_time(1)
    late = setting.ask()
    assert (late.verdict, late.retryable, blocking(late)) == (Verdict.INDETERMINATE, True, {"key_unavailable"})
    assert {item.code for item in late.rejected} == {"key_unavailable"}
    assert setting.live.snapshot().outage() == ""
    kept.key = RELEASE.public_key()
    setting.pass_time(1)
    assert setting.ask().verdict is Verdict.ALLOW


def test_a_key_that_its_service_rotates_is_another_trust(tmp_path: Path, registry: FakeRegistry) -> None:
    clock = MovingClock(wall=NOW)
    kept = FakeKeySource(key=RELEASE.public_key(), clock=clock)
    setting = Setting(folder=tmp_path, registry=registry, kept=kept, clock=clock)
    setting.write_key(OTHER.public_key())
    setting.pass_time(1)
    assert setting.ask().verdict is Verdict.ALLOW
    kept.key = FakeAuthority("third").public_key()
    setting.pass_time(1)
    rotated = setting.ask()
    assert (rotated.retryable, blocking(rotated)) == (False, {"all_rejected", "signature_invalid"})
    assert len(trust_of(setting)) == 2


def test_a_key_service_that_hangs_neither_stalls_the_follower_nor_keeps_a_file_from_being_reloaded(
    tmp_path: Path,
) -> None:
    answer, clock = threading.Event(), SystemClock()

    def hang(_: Deadline) -> PublicKey:
        assert answer.wait(60)
        return RELEASE.public_key()

    kept = RemoteKey(name="openbao://kept", source=CachedKeySource(hang, clock=clock, seconds=0.1))
    path = tmp_path / "release.pub"
    path.write_bytes(render_public_key(RELEASE.public_key()))
    authorities = [
        AuthoritySource(name="release", keys=[KeySource(file=path)]),
        AuthoritySource(name="kept", keys=[], remote_keys=[kept]),
    ]
    live = LiveTrust(
        lambda: TrustSources(authorities=authorities), file=tmp_path, clock=clock, metrics=CountingMetrics()
    )
    path.write_bytes(render_public_key(OTHER.public_key()) + b"\n")
    live.look()
    assert live.snapshot().authorities[0].keys == (OTHER.public_key(),)
    assert (live.snapshot().lacking(), live.stalled()) == (frozenset({"kept"}), "")
    answer.set()
    limit = clock.monotonic() + 60
    while live.snapshot().lacking() and clock.monotonic() < limit:
        live.look()
    assert live.snapshot().authorities[1].keys == (RELEASE.public_key(),)
