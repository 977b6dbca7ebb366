"""`assay sign` and `assay attest`: who signs what, and what is told."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from assay.domain.descriptor import OCI_INDEX, OCI_MANIFEST
from assay.domain.digest import Digest
from assay.domain.key_uri import parse_key_uri
from tests.fakes.oci import LayoutFolder, image, index, put_image, rendered
from tests.fakes.registry import FakeRegistry, Fault
from tests.unit.cli.conftest import CommandLine

IMAGE = Digest.of(image())
KEY = ("--key", "release.key")


@pytest.fixture
def registry() -> Iterator[FakeRegistry]:
    with FakeRegistry.start() as fake:
        put_image(fake, "app")
        fake.put_manifest("app", index(rendered(OCI_MANIFEST, image())), OCI_INDEX, tag="multi")
        yield fake


@pytest.fixture
def predicate(tmp_path: Path) -> str:
    file = tmp_path / "predicate.json"
    file.write_text('{"bomFormat":"CycloneDX"}')
    return str(file)


@pytest.fixture(autouse=True)
def key_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file in the working folder that stands for the key."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "release.key").touch()


def test_a_signature_is_attached_and_told(assay: CommandLine, registry: FakeRegistry, tmp_path: Path) -> None:
    outcome = assay.run("sign", *KEY, f"{registry.host}/app:v1")
    assert outcome.status == 0
    assert outcome.out.startswith(f"SIGNED  {registry.host}/app:v1@{IMAGE}\n")
    told = (f"attached to {IMAGE}", "proven: image signature by signer", "stored as referrer sha256:")
    assert all(text in outcome.out for text in told)
    (tmp_path / "release.pub").touch()
    assert assay.run("verify", "--key", str(tmp_path / "release.pub"), f"{registry.host}/app:v1").status == 0


def test_json_is_one_document(assay: CommandLine, registry: FakeRegistry) -> None:
    words = ["-a", "stage=qa", "-a", "empty=", "--legacy", "--output", "json"]
    document = assay.run("sign", *KEY, *words, f"{registry.host}/app:v1").document
    (attached,) = document["attached"]
    assert document["image"] == f"{registry.host}/app:v1@{IMAGE}"
    assert (attached["subject"], attached["tag"]) == (IMAGE.text, f"sha256-{IMAGE.hex}.sig")
    assert attached["claim"]["annotations"] == {"empty": "", "stage": "qa"}


def test_an_index_is_signed_alone_or_with_all_it_lists(assay: CommandLine, registry: FakeRegistry) -> None:
    alone = assay.run("sign", *KEY, "--output", "json", f"{registry.host}/app:multi").document["attached"]
    both = assay.run("sign", *KEY, "--recursive", "--output", "json", f"{registry.host}/app:multi").document["attached"]
    assert [item["subject"] for item in both] == [IMAGE.text, alone[0]["subject"]]


@pytest.mark.parametrize("form", [[], ["--legacy"]])
def test_a_layout_is_signed_as_a_registry_is(
    assay: CommandLine, tmp_path: Path, predicate: str, form: list[str]
) -> None:
    put_image(LayoutFolder(folder=tmp_path / "layout"), "")
    assay.parts.digest = IMAGE
    target = ["--layout", str(tmp_path / "layout"), "--output", "json", *form]
    signed = assay.run("sign", *KEY, *target).document
    attested = assay.run("attest", *KEY, "--predicate", predicate, *target, f"any.example/x@{IMAGE}").document
    assert signed["image"] == f"layout.invalid/image@{IMAGE}"
    assert attested["attached"][0]["claim"]["predicate_type"] == "https://cosign.sigstore.dev/attestation/v1"
    assert ("writable_layout", tmp_path / "layout") in assay.parts.calls


@pytest.mark.parametrize("recursive", [False, True])
def test_an_attestation_is_attached(
    assay: CommandLine, registry: FakeRegistry, predicate: str, *, recursive: bool
) -> None:
    words = ["--type", "cyclonedx", "--predicate", predicate, *(["--recursive"] if recursive else [])]
    outcome = assay.run("attest", *KEY, *words, "--output", "json", f"{registry.host}/app:multi")
    kinds = [item["claim"]["predicate_type"] for item in outcome.document["attached"]]
    assert (outcome.status, kinds) == (0, ["https://cyclonedx.org/bom"] * (1 + recursive))


@pytest.mark.parametrize(
    "words",
    [
        ["sign"],
        ["sign", *KEY],
        ["sign", "registry.example/app"],
        ["sign", *KEY, "-a", "stage", "registry.example/app"],
        ["sign", *KEY, "-a", "=qa", "registry.example/app"],
        ["attest", *KEY, "registry.example/app"],
        ["sign", "--keyless", "registry.example/app"],
        ["sign", "--keyless", *KEY, "registry.example/app"],
        ["sign", *KEY, "--signing-config", __file__, "registry.example/app"],
        ["sign", *KEY, "--trusted-root", __file__, "registry.example/app"],
        ["sign", *KEY, "--identity-token", __file__, "registry.example/app"],
        ["sign", "--keyless", "--trusted-root", __file__, "registry.example/app"],
    ],
)
def test_a_call_that_leaves_something_open_is_2(assay: CommandLine, words: list[str]) -> None:
    assert assay.run(*words).status == 2


def test_the_predicate_and_its_type_have_to_fit(assay: CommandLine, registry: FakeRegistry, predicate: str) -> None:
    Path(predicate).write_text("[]")
    call = ["attest", *KEY, "--predicate", predicate, "--output", "json", f"{registry.host}/app:v1", "--type"]
    assert assay.run(*call, "spdxjson").document["error"]["code"] == "predicate_malformed"
    assert assay.run(*call, "nonsense").document["error"]["code"] == "predicate_type_unusable"
    assert assay.run(*call, "custom").status == 0


def test_a_registry_that_fails_is_3(assay: CommandLine, registry: FakeRegistry) -> None:
    registry.faults["/v2/app/blobs/uploads/"] = Fault(status=500)
    assert assay.run("sign", *KEY, f"{registry.host}/app:v1").status == 3


@pytest.mark.parametrize(("variable", "password"), [("secret", b"secret"), ("", b""), (None, b"")])
def test_the_password_comes_from_the_environment(
    assay: CommandLine, registry: FakeRegistry, variable: str | None, password: bytes
) -> None:
    if variable is not None:
        assay.monkeypatch.setenv("ASSAY_KEY_PASSWORD", variable)
    assay.run("sign", *KEY, f"{registry.host}/app:v1")
    assert ("signer", (Path("release.key"), password)) in assay.parts.calls


@pytest.mark.parametrize(("content", "asked"), [("-----BEGIN ENCRYPTED SIGSTORE", True), ("-----BEGIN PRIVATE", False)])
def test_at_a_terminal_the_password_of_an_encrypted_key_is_asked_for(
    assay: CommandLine, registry: FakeRegistry, tmp_path: Path, content: str, *, asked: bool
) -> None:
    (tmp_path / "release.key").write_text(content)
    assay.monkeypatch.setattr("sys.stdin.isatty", lambda: True)
    assay.monkeypatch.setattr("click.prompt", lambda *_, **__: "typed")
    assay.run("sign", "--key", str(tmp_path / "release.key"), f"{registry.host}/app:v1")
    assert assay.parts.calls[-2] == ("signer", (tmp_path / "release.key", b"typed" if asked else b""))
    assert assay.run("sign", "--key", str(tmp_path / "absent.key"), f"{registry.host}/app:v1").status == 2


def test_a_key_in_a_key_service_needs_no_password(assay: CommandLine, registry: FakeRegistry) -> None:
    assay.monkeypatch.setattr("sys.stdin.isatty", lambda: True)
    assert assay.run("sign", "--key", "hashivault://release", f"{registry.host}/app:v1").status == 0
    assert ("signer", (parse_key_uri("hashivault://release"), b"")) in assay.parts.calls


@pytest.mark.parametrize(("given", "token"), [(["--identity-token", "FILE"], "a.b.c"), ([], None)])
def test_an_identity_signs_with_a_token_or_without(
    assay: CommandLine, registry: FakeRegistry, tmp_path: Path, given: list[str], token: str | None
) -> None:
    file = tmp_path / "file"
    file.write_text("a.b.c")
    words = [str(file) if word == "FILE" else word for word in given]
    services = ["--signing-config", str(file), "--trusted-root", str(file), *words]
    outcome = assay.run("sign", "--keyless", *services, f"{registry.host}/app:v1")
    assert (outcome.status, "https://" in outcome.out) == (0, True)
    assert ("keyless", (file, file, token, False)) in assay.parts.calls


def test_a_key_signs_with_the_services_of_a_signing_config(
    assay: CommandLine, registry: FakeRegistry, tmp_path: Path
) -> None:
    file = tmp_path / "file"
    file.touch()
    services = ["--signing-config", str(file), "--trusted-root", str(file)]
    outcome = assay.run("sign", *KEY, *services, "--output", "json", f"{registry.host}/app:v1")
    (attached,) = outcome.document["attached"]
    assert (outcome.status, len(attached["claim"]["log_entries"])) == (0, 1)
    assert ("backing", (file, file)) in assay.parts.calls
