"""Registries are asked as the Pod and its service account may ask them, and what is read stays apart."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

import pytest

from assay.domain.admission import AdmissionAnswer, AdmissionQuestion
from assay.domain.decision import Verdict
from assay.domain.digest import Digest
from assay.domain.errors import InvalidInput, Unavailable
from assay.formats.docker_config import DockerConfig
from assay.ports import Registry
from assay.usecases.admit import AdmissionScope, admit
from assay.usecases.engine import Source
from assay.usecases.pulling import PullingRegistries
from tests.fakes.clock import FrozenClock
from tests.fakes.cluster import FakeCluster
from tests.fakes.engine import World, good_bundles, publish
from tests.fakes.oci import image
from tests.fakes.policy import ENVIRONMENT, TENANT
from tests.fakes.registry import FakeRegistry
from tests.fakes.signing import FakeAuthority

CONFIG = b'{"auths": {"registry.example": {"username": "u", "password": "p"}}}'
OTHER = b'{"auths": {}}'
SCOPE = AdmissionScope(tenant=TENANT, environment=ENVIRONMENT, caller="client certificate")


@dataclass(kw_only=True)
class Bench:
    """Pulling registries around a fake cluster; `opened` are the credentials of each client that was opened."""

    world: World = field(default_factory=World)
    cluster: FakeCluster = field(default_factory=lambda: FakeCluster(pull_secrets={("team-a", "login"): CONFIG}))
    clock: FrozenClock = field(default_factory=FrozenClock)
    opened: list[Sequence[DockerConfig]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.plain = self.world.engine()
        self.pulling = PullingRegistries(
            cluster=self.cluster, configured=self.plain.registry, open_registry=self._open, clock=self.clock
        )

    def _open(self, configs: Sequence[DockerConfig]) -> Registry:
        self.opened.append(configs)
        return self.world.engine().registry

    def source(self, question: AdmissionQuestion) -> Source:
        return replace(self.plain, pulling=self.pulling).source_for(question, self.world.deadline())


@pytest.fixture
def registry() -> Iterator[FakeRegistry]:
    with FakeRegistry.start() as fake:
        publish(fake, "app", good_bundles(FakeAuthority(), Digest.of(image())))
        yield fake


@pytest.fixture
def asked(registry: FakeRegistry) -> AdmissionQuestion:
    return AdmissionQuestion(
        uid="uid-1",
        operation="CREATE",
        namespace="team-a",
        kind="Pod",
        name="web",
        user="alice",
        service_account="default",
        dry_run=False,
        labels=(),
        references=(registry.reference("app", tag="v1"),),
        pull_secrets=("login",),
    )


def test_a_secret_opens_registries_of_its_own_with_an_identity_that_is_no_secret(asked: AdmissionQuestion) -> None:
    bench = Bench()
    source = bench.source(asked)
    assert bench.cluster.asked == [("team-a", "default", ("login",))]
    assert [list(config.credentials) for config in bench.opened[0]] == [["registry.example"]]
    assert source.registry is not bench.plain.registry
    assert source.reader == Digest.of(Digest.of(CONFIG).text.encode()).text


def test_without_secrets_the_configured_credentials_count(asked: AdmissionQuestion) -> None:
    bench = Bench()
    source = bench.source(replace(asked, pull_secrets=()))
    assert (source.registry, source.reader) == (bench.plain.registry, "")
    assert bench.plain.source_for(asked, bench.world.deadline()) == source


def test_an_asker_is_known_for_half_a_minute_and_the_same_secrets_have_the_same_client(
    asked: AdmissionQuestion,
) -> None:
    bench = Bench()
    first = bench.source(asked)
    assert bench.source(asked).registry is first.registry
    assert len(bench.cluster.asked) == 1
    bench.clock.seconds += 30
    assert bench.source(asked).registry is first.registry
    assert len(bench.cluster.asked) == 2
    assert len(bench.opened) == 1


def test_a_secret_that_was_replaced_has_another_identity(asked: AdmissionQuestion) -> None:
    bench = Bench()
    before = bench.source(asked)
    bench.cluster.pull_secrets[("team-a", "login")] = OTHER
    bench.clock.seconds += 30
    after = bench.source(asked)
    assert after.reader != before.reader
    assert after.registry is not before.registry


def test_a_secret_that_was_not_there_yet_is_asked_for_again(asked: AdmissionQuestion) -> None:
    bench = Bench(cluster=FakeCluster())
    before = bench.source(asked)
    assert before.registry is bench.plain.registry
    bench.cluster.pull_secrets["team-a", "login"] = CONFIG
    after = bench.source(asked)
    assert after.reader != before.reader
    assert after.registry is not before.registry


@pytest.mark.parametrize("other", [{"namespace": "team-b"}, {"service_account": "robot"}, {"pull_secrets": ()}])
def test_askers_do_not_share_an_answer(asked: AdmissionQuestion, other: dict[str, object]) -> None:
    bench = Bench()
    assert bench.source(asked).reader
    bench.source(replace(asked, **other))  # type: ignore[arg-type]
    assert len(bench.cluster.asked) == 2


def test_what_is_remembered_is_bounded(asked: AdmissionQuestion, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("assay.usecases.pulling._MOST_ANSWERS", 1)
    monkeypatch.setattr("assay.usecases.pulling._MOST_REGISTRIES", 1)
    bench = Bench()
    bench.cluster.pull_secrets["team-a", "other"] = OTHER
    for names in (("login",), ("other",), ("login",)):
        bench.source(replace(asked, pull_secrets=names))
    assert len(bench.cluster.asked) == len(bench.opened) == 3


def test_a_secret_that_cannot_be_parsed_is_refused(asked: AdmissionQuestion) -> None:
    bench = Bench()
    bench.cluster.pull_secrets["team-a", "login"] = b"{"
    with pytest.raises(InvalidInput) as caught:
        bench.source(asked)
    assert caught.value.code == "docker_config_malformed"


def test_an_outage_of_the_cluster_is_a_recorded_denial_that_may_be_repeated(asked: AdmissionQuestion) -> None:
    bench = Bench()
    engine = replace(bench.plain, pulling=bench.pulling)

    def answer() -> AdmissionAnswer:
        return admit(engine, asked, SCOPE, bench.world.deadline())

    bench.cluster.error = Unavailable("cluster_unavailable", "no answer", remedy="repeat")
    denied = answer()
    assert (denied.verdict, denied.retryable) == (Verdict.INDETERMINATE, True)
    assert denied.images[0].code == "cluster_unavailable"
    bench.cluster.error = None
    assert answer().verdict is Verdict.ALLOW
    assert bench.world.log.decisions[0].id == denied.decision_id
