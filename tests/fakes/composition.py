"""What the commands are given, scripted: a service, registries by name, keys, a clock."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from assay.adapters.registry.access import RegistryAccess
from assay.adapters.registry.client import RegistryClient
from assay.bootstrap.composition import SystemComposition
from assay.domain.deadline import Deadline
from assay.domain.digest import Digest
from assay.domain.errors import Unavailable
from assay.domain.gate import GateAnswer, GateQuestion
from assay.domain.identity import IdentityRule, PublicKey
from assay.domain.key_kind import KeyKind
from assay.domain.key_uri import KeyUri
from assay.domain.limit import Limits
from assay.formats.published_root import Refreshed
from assay.ports import Commits, CopyingRegistry, EvidenceSigner, Registry, ServiceClient, WritableRegistry
from assay.usecases.break_glass import BreakGlass
from assay.usecases.sign import Backing
from assay.verification.trust_snapshot import TrustSnapshot
from tests.fakes.clock import FrozenClock
from tests.fakes.desk import KeylessSigner
from tests.fakes.engine import trust_in
from tests.fakes.grants import RULES, SECURITY, MemoryGrants
from tests.fakes.signing import FakeAuthority
from tests.fakes.sigstore import Recipe
from tests.fakes.tag_book import MemoryTagBook
from tests.fakes.verdict_store import MemoryStore
from tests.fakes.witness import OwnWitness


@dataclass
class ScriptedService:
    """Answers each path as told; an exception among the answers is raised."""

    answers: Mapping[str, object] = field(default_factory=dict)
    asked: list[tuple[str, Mapping[str, str]]] = field(default_factory=list)
    questions: list[GateQuestion] = field(default_factory=list)

    def ask(self, question: GateQuestion, deadline: Deadline) -> GateAnswer:
        deadline.remaining("the test")
        self.questions.append(question)
        answer = self._answer("/v1/gate")
        assert isinstance(answer, GateAnswer)
        return answer

    def get(self, path: str, parameters: Mapping[str, str], deadline: Deadline) -> object:
        deadline.remaining("the test")
        self.asked.append((path, parameters))
        return self._answer(path)

    def get_text(self, path: str, deadline: Deadline) -> str:
        return str(self.get(path, {}, deadline))

    def _answer(self, path: str) -> object:
        answer = self.answers[path]
        if isinstance(answer, list) and path == "/v1/log/verification":
            return answer.pop(0)
        if isinstance(answer, BaseException):
            raise answer
        return answer


@dataclass
class FakeComposition:
    """Every part is a field; `error` is raised wherever something would be done."""

    client: ScriptedService = field(default_factory=ScriptedService)
    registry_error: BaseException | None = None
    digest: Digest = field(default_factory=lambda: Digest.of(b"the one image"))
    error: BaseException | None = None
    calls: list[tuple[str, object]] = field(default_factory=list)
    overdue: Mapping[str, Unavailable] = field(default_factory=dict)
    refreshed: Mapping[str, Refreshed | Unavailable] = field(default_factory=dict)
    trusted: TrustSnapshot | None = None
    verdicts: MemoryStore = field(default_factory=MemoryStore)
    tags: MemoryTagBook = field(default_factory=MemoryTagBook)
    grants: MemoryGrants = field(default_factory=MemoryGrants)

    def clock(self) -> FrozenClock:
        return FrozenClock()

    def registry(
        self, *, plain_http: Sequence[str], ca: Path | None, token_hosts: Sequence[tuple[str, str]] = ()
    ) -> RegistryClient:
        self._called("registry", (tuple(plain_http), ca, *token_hosts))
        return RegistryClient(access=RegistryAccess(plain_http_on_loopback=True), limits=Limits())

    def copying_registry(
        self, *, plain_http: Sequence[str], ca: Path | None, token_hosts: Sequence[tuple[str, str]] = ()
    ) -> CopyingRegistry:
        return self.registry(plain_http=plain_http, ca=ca, token_hosts=token_hosts)

    def trust_from_signers(
        self,
        *,
        keys: Sequence[Path | KeyUri],
        identities: Sequence[IdentityRule] = (),
        trusted_root: Path | None = None,
        offline: bool,
    ) -> TrustSnapshot:
        self._called("signers", (tuple(keys), tuple(identities), trusted_root, offline))
        return self.trusted or trust_in(*(FakeAuthority(Path(str(key)).stem).authority for key in keys))

    def trust_from_configuration(self, path: Path, *, offline: bool = False) -> TrustSnapshot:
        self._called("configuration", (path, offline) if offline else path)
        return self.trusted or trust_in(FakeAuthority().authority)

    def trust_from_root(self, file: Path | None) -> TrustSnapshot:
        return SystemComposition().trust_from_root(file)

    def refresh_due(self, configuration: Path | None) -> Mapping[str, Unavailable]:
        self._called("refresh_due", configuration)
        return self.overdue

    def refresh_trust(self, path: Path) -> Mapping[str, Refreshed | Unavailable]:
        self._called("refresh", path)
        return self.refreshed

    def kept_verdicts(self, configuration: Path) -> MemoryStore:
        self._called("cache", configuration)
        return self.verdicts

    def tag_book(self, configuration: Path) -> MemoryTagBook:
        self._called("tags", configuration)
        return self.tags

    def run_refresher(self, configuration: Path) -> None:
        self._called("refresher", configuration)

    def run_prewarmer(self) -> None:
        self._called("prewarmer", Path())

    def layout(self, path: Path) -> Registry:
        self._called("layout", path)
        return SystemComposition().layout(path)

    def writable_layout(self, path: Path) -> WritableRegistry:
        self._called("writable_layout", path)
        return SystemComposition().writable_layout(path)

    def new_layout(self, path: Path) -> WritableRegistry:
        self._called("new_layout", path)
        return SystemComposition().new_layout(path)

    def signer(self, key: Path | KeyUri, *, password: bytes) -> FakeAuthority:
        self._called("signer", (key, password))
        return FakeAuthority(Path(str(key)).stem)

    def keyless_signer(
        self, *, signing_config: Path, trusted_root: Path, token: str | None, login: bool, deadline: Deadline
    ) -> EvidenceSigner:
        deadline.remaining("the test")
        self._called("keyless", (signing_config, trusted_root, token, login))
        return KeylessSigner()

    def backing(self, *, signing_config: Path, trusted_root: Path, begin: Callable[[], Deadline]) -> Backing:
        begin().remaining("the test")
        self._called("backing", (signing_config, trusted_root))
        return Backing(witness=OwnWitness(), root=KeylessSigner(recipe=Recipe(body="dsse 0.0.1")).roots()["private"])

    def break_glass(self, configuration: Path) -> tuple[BreakGlass, TrustSnapshot]:
        self._called("break_glass", configuration)
        return BreakGlass(grants=self.grants, rules=RULES), trust_in(SECURITY.authority)

    def commits(self, repository: Path, *, scratch: Path, allowed_signers: Path | None) -> Commits:
        self._called("commits", (repository, allowed_signers))
        return SystemComposition().commits(repository, scratch=scratch, allowed_signers=allowed_signers)

    def layout_image(self, path: Path) -> Digest:
        self._called("layout_image", path)
        return self.digest

    def service(self, url: str, *, token: str, ca: Path | None) -> ServiceClient:
        self._called("service", (url, token, ca))
        return self.client

    def serve(self, configuration: Path, report: Callable[[str], None]) -> None:
        self._called("serve", configuration)
        report("service listens on http://127.0.0.1:8700")

    def run_sequencer(self, configuration: Path) -> None:
        self._called("sequencer", configuration)

    def inspect_configuration(self, path: Path) -> Sequence[tuple[str, str]]:
        self._called("inspect", path)
        return [("trust", "1 authorities, 1 keys")]

    def generate_keys(self, folder: Path, password: bytes, kind: KeyKind) -> tuple[Path, Path]:
        self._called("generate", (folder, password, kind))
        return folder / "cosign.key", folder / "cosign.pub"

    def serve_signer(self, configuration: Path, report: Callable[[str], None]) -> None:
        self._called("signer", configuration)
        report("signer listens on unix:signer.sock")

    def public_key(self, key: Path | KeyUri, *, password: Callable[[], bytes]) -> PublicKey:
        self._called("public key", (str(key), password()))
        return FakeAuthority().public_key()

    def _called(self, name: str, argument: object) -> None:
        if self.error is not None:
            raise self.error
        self.calls.append((name, argument))
