import json
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from cryptography.hazmat.primitives.asymmetric import ec

from assay.adapters.signing.key_file import KeyFileSigner
from assay.domain.deadline import Deadline
from assay.domain.decision import Verdict
from assay.domain.digest import Digest
from assay.domain.errors import InvalidInput
from assay.domain.key_uri import KeyUri
from assay.usecases.sign import Backing
from assay.verification.trust_root import TrustRoot
from assay_builder import commands, composition
from assay_builder.plan.lock import parse_lock, render_lock
from tests.fakes.build import SPEC, TEXTS, FakeBuildWorld, FrozenClock
from tests.fakes.checksum_database import DATABASE_KEY, RecordingProxy
from tests.fakes.desk import KeylessSigner
from tests.fakes.publication import FakeGate, RecordingRegistry
from tests.fakes.sigstore import FakeSigstore, Recipe
from tests.fakes.transparency import FakeLog
from tests.fakes.witness import OwnWitness


@dataclass
class Service:
    """The service's side, and the context that hands it out."""

    answer: FakeGate = field(default_factory=lambda: FakeGate(Verdict.ALLOW))
    target: RecordingRegistry = field(default_factory=RecordingRegistry)
    root: TrustRoot = field(default_factory=lambda: KeylessSigner(recipe=Recipe(body="dsse 0.0.1")).roots()["private"])

    def builder_parts(self) -> "Service":
        return self

    def clock(self) -> FrozenClock:
        return FrozenClock()

    def signer(self, key: Path | KeyUri, *, password: bytes) -> KeyFileSigner:
        assert key == Path("key")
        assert password == b"secret"
        return KeyFileSigner(ec.derive_private_key(7, ec.SECP256R1()))

    def backing(self, *, signing_config: Path, trusted_root: Path, begin: Callable[[], Deadline]) -> Backing:
        assert (signing_config.name, trusted_root.name) == ("config.json", "root.json")
        assert begin().remaining("the test") > 0
        return Backing(witness=OwnWitness(), root=self.root)

    def signer_process(self, socket: Path) -> KeyFileSigner:
        assert socket == Path("/run/signer.sock")
        return KeyFileSigner(ec.derive_private_key(7, ec.SECP256R1()))

    def gate(self, url: str, *, token: str, ca: Path | None) -> FakeGate:
        assert (url, token, ca) == ("http://127.0.0.1:1", "t", None)
        return self.answer

    def registry(
        self, *, plain_http: tuple[str, ...], ca: Path | None, token_hosts: tuple[tuple[str, str], ...] = ()
    ) -> RecordingRegistry:
        assert (plain_http, ca, token_hosts) == ((), None, ())
        return self.target


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> FakeBuildWorld:
    world = FakeBuildWorld()
    monkeypatch.chdir(tmp_path)
    Path("demo.yaml").write_bytes(SPEC)
    Path("demo.lock.json").write_bytes(render_lock(world.lock))
    Path("key").write_bytes(b"")
    monkeypatch.setenv("ASSAY_KEY_PASSWORD", "secret")
    monkeypatch.setenv("ASSAY_TOKEN", "t")
    monkeypatch.setattr(composition, "compose_fetcher", lambda: world.proxy)
    monkeypatch.setattr(composition, "compose_store", lambda _: world.store)
    monkeypatch.setattr(composition, "compose_sandbox", lambda _: world.sandbox)
    monkeypatch.setattr(composition, "load_licence_texts", lambda: TEXTS)
    return world


def call(*arguments: str, service: Service | None = None) -> Result:
    name, *rest = arguments
    command = {"build": commands.build, "lock": commands.lock, "fetch": commands.fetch}[name]
    return CliRunner().invoke(command, rest, obj=service or Service())


def test_a_build_without_a_gate_writes_a_layout_and_pushes_nothing(world: FakeBuildWorld) -> None:
    service = Service()
    result = call("build", "demo.yaml", "--key", "key", "--layout", "out", "--output", "json", service=service)
    assert result.exit_code == 0
    document = json.loads(result.stdout)
    index = json.loads(Path("out/index.json").read_bytes())
    assert document["image"] == index["manifests"][0]["digest"]
    assert len(list(Path("out.evidence").iterdir())) == 9
    assert "isolate" in result.stderr
    assert service.target.pushed == []


def test_a_build_is_signed_by_a_signer_process(world: FakeBuildWorld) -> None:
    result = call("build", "demo.yaml", "--signer", "unix:/run/signer.sock", "--layout", "out", "--output", "json")
    assert (result.exit_code, Path("out/index.json").exists()) == (0, True)


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["--signer", "/run/signer.sock"],
        ["--signer", "unix:"],
        ["--key", "key", "--signer", "unix:/run/signer.sock"],
    ],
)
def test_one_signer_is_named(world: FakeBuildWorld, arguments: list[str]) -> None:
    result = call("build", "demo.yaml", "--layout", "out", *arguments)
    assert (result.exit_code, "--signer unix:PATH" in result.stderr) == (2, True)


def test_every_signature_of_a_build_is_logged_when_a_log_is_named(world: FakeBuildWorld) -> None:
    for name in ("config.json", "root.json"):
        Path(name).touch()
    words = ["--signing-config", "config.json", "--trusted-root", "root.json", "--layout", "out", "--output", "json"]
    assert call("build", "demo.yaml", "--key", "key", *words).exit_code == 0
    blobs = [
        json.loads(path.read_bytes())
        for path in Path("out/blobs/sha256").iterdir()
        if b"dsseEnvelope" in path.read_bytes()
    ]
    assert len(blobs) == 4
    assert all(blob["verificationMaterial"]["tlogEntries"] for blob in blobs)


def test_what_the_trust_root_would_not_accept_is_not_built(world: FakeBuildWorld) -> None:
    for name in ("config.json", "root.json"):
        Path(name).touch()
    other = replace(FakeSigstore(), log=FakeLog(name="other.test"))
    service = Service(root=KeylessSigner(world=other, recipe=Recipe(body="dsse 0.0.1")).roots()["private"])
    words = ["--signing-config", "config.json", "--trusted-root", "root.json", "--layout", "out"]
    refused = call("build", "demo.yaml", "--key", "key", *words, service=service)
    assert isinstance(refused.exception, InvalidInput)
    assert (refused.exception.code, Path("out").exists()) == ("evidence_unverified", False)


def test_a_log_needs_the_trust_root_that_judges_it(world: FakeBuildWorld) -> None:
    Path("config.json").touch()
    result = call("build", "demo.yaml", "--key", "key", "--layout", "out", "--signing-config", "config.json")
    assert (result.exit_code, "belong together" in result.stderr) == (2, True)


def test_an_allowed_build_is_pushed(world: FakeBuildWorld) -> None:
    service = Service()
    result = call("build", "demo.yaml", "--key", "key", "--gate", "http://127.0.0.1:1", service=service)
    assert (result.exit_code, service.target.pushed[-1]) == (0, "tag 1.0.0")
    assert "registry.example/demo:1.0.0@sha256:" in result.stdout


@pytest.mark.parametrize(("verdict", "code"), [(Verdict.DENY, 1), (Verdict.INDETERMINATE, 1)])
def test_a_denied_build_is_not_pushed(world: FakeBuildWorld, verdict: Verdict, code: int) -> None:
    service = Service(answer=FakeGate(verdict))
    result = call("build", "demo.yaml", "--key", "key", "--gate", "http://127.0.0.1:1", service=service)
    assert (result.exit_code, service.target.pushed) == (code, [])


def test_an_allowed_build_can_stay_here(world: FakeBuildWorld) -> None:
    service = Service()
    result = call(
        *("build", "demo.yaml", "--key", "key", "--gate", "http://127.0.0.1:1", "--no-push"),
        *("--push", "registry.example/demo", "--tag", "x"),
        service=service,
    )
    assert (result.exit_code, service.target.pushed) == (0, [])


@pytest.mark.parametrize(
    "arguments",
    [[], ["--layout", "out", "--push", "registry.example/demo"], ["--layout", "out", "--tag", "x"]],
)
def test_a_push_without_a_gate_is_a_mistake(world: FakeBuildWorld, arguments: list[str]) -> None:
    result = call("build", "demo.yaml", "--key", "key", *arguments)
    assert (result.exit_code, "--gate" in result.stderr) == (2, True)


@pytest.mark.parametrize(
    ("publish", "names"), [(b"", "a repository"), (b"publish: {repository: registry.example/demo}\n", "a tag")]
)
def test_a_push_needs_a_repository_and_a_tag(world: FakeBuildWorld, publish: bytes, names: str) -> None:
    start, end = SPEC.index(b"publish:"), SPEC.index(b"policy:")
    spec = SPEC[:start] + publish + SPEC[end:]
    Path("demo.yaml").write_bytes(spec)
    lock = Path("demo.lock.json").read_bytes().replace(str(world.lock.spec).encode(), str(Digest.of(spec)).encode())
    Path("demo.lock.json").write_bytes(lock)
    result = call("build", "demo.yaml", "--key", "key", "--gate", "http://127.0.0.1:1")
    assert (result.exit_code, names in result.stderr) == (2, True)


def test_locked_inputs_are_fetched_ahead(world: FakeBuildWorld) -> None:
    result = call("fetch", "demo.yaml", "--lock", "demo.lock.json")
    assert result.exit_code == 0
    assert set(world.store.content) == {item.digest for item in world.lock.inputs}


def test_a_lock_is_written(world: FakeBuildWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(composition, "compose_fetcher", lambda: RecordingProxy(world))
    monkeypatch.setattr(composition, "compose_checksum_database", lambda: DATABASE_KEY)
    Path("demo.lock.json").unlink()
    result = call("lock", "demo.yaml", "--output", "json")
    assert result.exit_code == 0
    assert json.loads(result.stdout)["inputs"] == 4
    assert parse_lock(Path("demo.lock.json").read_bytes()) == world.lock
