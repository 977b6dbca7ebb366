"""`assay verify`: whom to trust, what to read, how it ends."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from assay.domain.digest import Digest
from assay.domain.errors import Unavailable
from assay.domain.identity import Authority, MissingKey
from tests.fakes.buildkit import FakeIndex
from tests.fakes.engine import good_bundles, publish, trust_in
from tests.fakes.oci import CONFIG, LayoutFolder, image, put_bundle, put_image
from tests.fakes.registry import FakeRegistry, Fault
from tests.fakes.signing import FakeAuthority
from tests.unit.cli.conftest import CommandLine

IMAGE = Digest.of(image())
GOOD = good_bundles(FakeAuthority(), IMAGE)


@pytest.fixture
def registry() -> Iterator[FakeRegistry]:
    with FakeRegistry.start() as fake:
        publish(fake, "app", GOOD)
        publish(fake, "bare", {})
        yield fake


@pytest.fixture
def key(tmp_path: Path) -> str:
    """A key file that stands for the authority of its name."""
    file = tmp_path / "release.pub"
    file.touch()
    return str(file)


def test_a_signed_image_is_0_and_each_claim_is_told(assay: CommandLine, registry: FakeRegistry, key: str) -> None:
    outcome = assay.run("verify", "--key", key, f"{registry.host}/app:v1")
    assert outcome.status == 0
    assert outcome.out.startswith(f"VERIFIED  {registry.host}/app:v1@{IMAGE}\n")
    assert f"├─ image {IMAGE} (linux/amd64)\n" in outcome.out
    assert "proven: image signature by release\n" in outcome.out
    assert "proven: attestation https://slsa.dev/provenance/v1 by release\n" in outcome.out
    assert f"   └─ bound to {IMAGE}\n" in outcome.out
    assert "   └─ release: keys alone, whatever their log entries and timestamps say\n" in outcome.out


def test_json_is_one_document(assay: CommandLine, registry: FakeRegistry, key: str) -> None:
    document = assay.run("verify", "--key", key, f"{registry.host}/app:v1", "--output", "json").document
    assert (document["verified"], document["digest"], document["gaps"]) == (True, IMAGE.text, [])
    assert {claim["type"] for claim in document["claims"]} == {"signature", "attestation"}
    assert {claim["bound_to"] for claim in document["claims"]} == {IMAGE.text}
    assert document["manifests"] == [
        {"type": "image", "digest": IMAGE.text, "platform": "", "indexes": [], "signed": True}
    ]
    assert document["trusted"] == [
        {"authority": "release", "trust_root": "", "digest": "", "unavailable": "", "missing_keys": []}
    ]


def test_an_image_nobody_signed_is_1(assay: CommandLine, registry: FakeRegistry, key: str) -> None:
    outcome = assay.run("verify", "--key", key, f"{registry.host}/bare:v1")
    assert (outcome.status, outcome.out.startswith("NOT VERIFIED")) == (1, True)
    assert "signature: absent" in outcome.out
    registry.faults[f"/v2/bare/blobs/{Digest.of(CONFIG)}"] = Fault(status=500)
    assert assay.run("verify", "--key", key, f"{registry.host}/bare:v1").status == 1


def test_evidence_that_could_not_be_asked_for_is_3(assay: CommandLine, registry: FakeRegistry, key: str) -> None:
    registry.faults[f"/v2/app/referrers/{IMAGE}"] = Fault(status=500)
    assert assay.run("verify", "--key", key, f"{registry.host}/app:v1").status == 3
    registry.faults["/v2/app/manifests/v1"] = Fault(status=500)
    outcome = assay.run("verify", "--key", key, f"{registry.host}/app:v1", "--output", "json")
    assert (outcome.status, outcome.document["error"]["code"]) == (3, "registry_unavailable")


def test_a_layout_is_read_instead_of_a_registry(assay: CommandLine, tmp_path: Path, key: str) -> None:
    folder = LayoutFolder(folder=tmp_path / "layout")
    put_image(folder, "")
    for bundle in GOOD.values():
        put_bundle(folder, "", image(), bundle)
    assay.parts.digest = IMAGE
    alone = assay.run("verify", "--key", key, "--layout", str(tmp_path / "layout"))
    named = assay.run("verify", "--key", key, "--layout", str(tmp_path / "layout"), f"any.example/x@{IMAGE}")
    assert (alone.status, named.status) == (0, 0)
    assert f"any.example/x@{IMAGE}" in named.out


def test_the_authorities_of_a_configuration_can_be_trusted(
    assay: CommandLine, registry: FakeRegistry, key: str
) -> None:
    assert assay.run("verify", "--config", key, f"{registry.host}/app:v1").status == 0
    assert ("configuration", Path(key)) in assay.parts.calls


@pytest.mark.parametrize("options", [[], ["--key", "KEY", "--config", "KEY"], ["--key", "KEY"]])
def test_whom_to_trust_and_what_to_read_must_be_said_once(assay: CommandLine, key: str, options: list[str]) -> None:
    image_or_none = [] if options == ["--key", "KEY"] else ["registry.example/app"]
    words = [key if word == "KEY" else word for word in options]
    assert assay.run("verify", *words, *image_or_none).status == 2


def test_registry_options_reach_the_registry(assay: CommandLine, registry: FakeRegistry, key: str) -> None:
    options = ["--plain-http", "a:1", "--registry-ca", key, "--token-host", "r.example=t.example:5001"]
    assay.run("verify", "--key", key, *options, f"{registry.host}/app:v1")
    assert ("registry", (("a:1",), Path(key), ("r.example", "t.example:5001"))) in assay.parts.calls


@pytest.mark.parametrize("pair", ["r.example", "=t.example", "r.example=", "r.example=https://t.example", "R=t"])
def test_a_token_host_is_named_with_its_registry(
    assay: CommandLine, registry: FakeRegistry, key: str, pair: str
) -> None:
    outcome = assay.run("verify", "--key", key, "--token-host", pair, f"{registry.host}/app:v1")
    assert (outcome.status, "is not REGISTRY=HOST" in outcome.err) == (2, True)


@pytest.fixture
def index(registry: FakeRegistry) -> FakeIndex:
    """An index of two platforms, of which only the first is signed."""
    index = FakeIndex.of("amd64", "arm64").attested()
    index.put(registry, "multi")
    first = index.images[0]
    put_bundle(registry, "multi", first.manifest, FakeAuthority().bundle(first.digest))
    return index


def test_a_platform_that_nobody_signed_is_told_in_the_tree(
    assay: CommandLine, registry: FakeRegistry, index: FakeIndex, key: str
) -> None:
    amd, arm = index.images
    outcome = assay.run("verify", "--key", key, f"{registry.host}/multi:v1")
    assert outcome.status == 1
    assert f"├─ index {index.digest}\n" in outcome.out
    assert f"├─ platform linux/amd64, signed: {amd.digest}\n" in outcome.out
    assert f"├─ platform linux/arm64, NOT SIGNED: {arm.digest}\n" in outcome.out
    assert "gap: signature: absent\n│     └─ -> sign the image, or attach the attestation\n" in outcome.out
    assert "gap: sbom: attestation_unsigned (" in outcome.out


def test_a_signature_of_the_index_is_told_to_count_for_what_it_lists(
    assay: CommandLine, registry: FakeRegistry, index: FakeIndex, key: str
) -> None:
    put_bundle(registry, "multi", index.octets, FakeAuthority().bundle(index.digest))
    outcome = assay.run("verify", "--key", key, f"{registry.host}/multi:v1")
    assert outcome.status == 0
    assert f"└─ bound to {index.digest}, and to everything that it lists\n" in outcome.out
    assert "proven: attestation https://spdx.dev/Document by release\n" in outcome.out
    assert "(buildkit)\n" in outcome.out


def test_one_platform_can_be_chosen(assay: CommandLine, registry: FakeRegistry, index: FakeIndex, key: str) -> None:
    words = ("verify", "--key", key, f"{registry.host}/multi:v1", "--platform")
    assert assay.run(*words, "linux/amd64").status == 0
    assert assay.run(*words, "linux/arm64").status == 1
    assert assay.run(*words, "linux/s390x").status == 1
    malformed = assay.run(*words, "amd64")
    assert (malformed.status, "platform_malformed" in malformed.err) == (2, True)
    assert index.images[1].digest.text not in assay.run(*words, "linux/amd64").out


@pytest.mark.parametrize(("platform", "status"), [("linux/amd64", 0), ("linux/amd64/v2", 1), ("linux/arm64", 1)])
def test_an_image_has_to_be_for_the_platform_that_is_named(
    assay: CommandLine, registry: FakeRegistry, key: str, platform: str, status: int
) -> None:
    outcome = assay.run("verify", "--key", key, f"{registry.host}/app:v1", "--platform", platform)
    assert (outcome.status, "platform_unknown" in outcome.err) == (status, status == 1)


def test_json_tells_the_same_as_the_tree(
    assay: CommandLine, registry: FakeRegistry, index: FakeIndex, key: str
) -> None:
    amd, arm = index.images
    put_bundle(registry, "multi", arm.manifest, FakeAuthority("stranger").bundle(arm.digest))
    document = assay.run("verify", "--key", key, f"{registry.host}/multi:v1", "--output", "json").document
    assert (document["verified"], document["conditions"]) == (False, [])
    assert document["manifests"][0] == {"type": "index", "digest": index.digest.text}
    platforms = {entry["platform"]: entry for entry in document["manifests"][1:]}
    assert {name: entry["signed"] for name, entry in platforms.items()} == {"linux/amd64": True, "linux/arm64": False}
    assert platforms["linux/amd64"]["indexes"] == [index.digest.text]
    assert [claim["bound_to"] for claim in document["claims"]] == [amd.digest.text]
    (refused,) = document["rejected"]
    assert (refused["code"], refused["beside"]) == ("signature_invalid", arm.digest.text)
    assert refused["remedy"].startswith("sign with a key that is trusted")
    gaps = {(gap["kind"], gap["code"]) for gap in document["gaps"] if gap["beside"] == arm.digest.text}
    assert gaps >= {("signature", "all_rejected"), ("sbom", "attestation_unsigned")}


IDENTITY = ("--identity", "dev@example.com", "--issuer", "https://issuer.test")


def asked(assay: CommandLine, what: str) -> list[object]:
    return [argument for name, argument in assay.parts.calls if name == what]


def test_trust_roots_that_are_due_are_refreshed_first(
    assay: CommandLine, registry: FakeRegistry, key: str, tmp_path: Path
) -> None:
    image_name = f"{registry.host}/app:v1"
    configuration = tmp_path / "assay.yaml"
    configuration.touch()
    assay.run("verify", *IDENTITY, image_name)
    assay.run("verify", "--config", str(configuration), image_name)
    assert asked(assay, "refresh_due") == [None, configuration]
    assay.run("verify", "--key", key, image_name)
    assay.run("verify", *IDENTITY, "--trusted-root", key, image_name)
    assert len(asked(assay, "refresh_due")) == 2


@pytest.mark.parametrize("output", ["text", "json"])
def test_a_root_that_could_not_be_refreshed_is_told(assay: CommandLine, registry: FakeRegistry, output: str) -> None:
    assay.parts.overdue = {"public_good": Unavailable("trust_refresh_failed", "no route", remedy="repeat")}
    told = "public_good was not refreshed, the last one counts: no route"
    assert told in assay.run("verify", *IDENTITY, f"{registry.host}/app:v1", "--output", output).out


def test_offline_asks_nobody_and_says_so(assay: CommandLine, registry: FakeRegistry) -> None:
    words = ("verify", *IDENTITY, "--offline", f"{registry.host}/app:v1")
    assert "offline: no trust root was refreshed" in assay.run(*words).out
    (condition,) = assay.run(*words, "--output", "json").document["conditions"]
    assert condition.startswith("offline")
    assert asked(assay, "refresh_due") == []


def test_offline_asks_no_key_service(assay: CommandLine, registry: FakeRegistry, key: str) -> None:
    name = f"{registry.host}/app:v1"
    refused = assay.run("verify", "--offline", "--key", "openbao://release", name)
    assert (refused.status, asked(assay, "signers")) == (2, [])
    assert assay.run("verify", "--key", "openbao://release", name).status == 0
    assert assay.run("verify", "--offline", "--key", "pkcs11:token=t;object=release", name).status in {0, 1}
    assay.run("verify", "--offline", "--config", key, name)
    assert asked(assay, "configuration") == [(Path(key), True)]


def test_a_key_that_is_missing_is_told_and_may_come_back(assay: CommandLine, registry: FakeRegistry, key: str) -> None:
    missing = MissingKey(name="openbao://release", why="it was never fetched")
    assay.parts.trusted = trust_in(Authority(name="release", missing_keys=(missing,)))
    words = ("verify", "--config", key, f"{registry.host}/app:v1")
    outcome = assay.run(*words)
    assert outcome.status == 3
    assert "; without the key openbao://release: it was never fetched" in outcome.out
    document = assay.run(*words, "--output", "json").document
    assert document["trusted"][0]["missing_keys"] == [{"name": missing.name, "reason": missing.why}]
    assert {gap["code"] for gap in document["gaps"]} == {"key_unavailable"}
