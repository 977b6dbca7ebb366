"""The example, really built: what comes out, and that nothing else can come out."""

import gzip
import io
import json
import os
import tarfile
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from assay.domain.digest import Digest
from assay.domain.errors import InvalidInput
from assay.formats.cyclonedx import parse_cyclonedx
from assay.formats.provenance import parse_provenance
from assay.formats.spdx import parse_spdx
from assay_builder import composition
from assay_builder.describe.listing import UNCOMPILED
from assay_builder.plan.plan import make_plan
from assay_builder.stages.ingest import fetch_inputs
from tests.fakes.build import FakeProxy, MemoryStore
from tests.fixtures.builds import EXAMPLE, INPUTS, ExampleBuild, build_as_another_user, example_plan, shared_build

FILES = {
    "etc/group": 0o644,
    "etc/passwd": 0o644,
    "usr/bin/age": 0o755,
    "usr/bin/age-keygen": 0o755,
    "usr/share/licences/filippo.io/age/LICENSE": 0o644,
    "usr/share/licences/filippo.io/edwards25519/LICENSE": 0o644,
    "usr/share/licences/filippo.io/hpke/LICENSE": 0o644,
    "usr/share/licences/filippo.io/nistec/LICENSE": 0o644,
    "usr/share/licences/go/LICENSE": 0o644,
    "usr/share/licences/go/PATENTS": 0o644,
    "usr/share/licences/go/src/vendor/golang.org/x/crypto/LICENSE": 0o644,
    "usr/share/licences/go/src/vendor/golang.org/x/crypto/PATENTS": 0o644,
    "usr/share/licences/go/src/vendor/golang.org/x/net/LICENSE": 0o644,
    "usr/share/licences/go/src/vendor/golang.org/x/net/PATENTS": 0o644,
    "usr/share/licences/golang.org/x/crypto/LICENSE": 0o644,
    "usr/share/licences/golang.org/x/crypto/PATENTS": 0o644,
    "usr/share/licences/golang.org/x/sys/LICENSE": 0o644,
    "usr/share/licences/golang.org/x/sys/PATENTS": 0o644,
    "usr/share/licences/golang.org/x/term/LICENSE": 0o644,
    "usr/share/licences/golang.org/x/term/PATENTS": 0o644,
}
"""Every file of the layer; whatever is not in this list has no business in the image."""


@pytest.fixture(scope="module")
def built() -> ExampleBuild:
    return shared_build()


@pytest.fixture
def scratch() -> Iterator[Path]:
    """A folder that the sandbox's user can enter, unlike pytest's own."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


def test_another_user_in_another_folder_gets_the_same_image(built: ExampleBuild, scratch: Path) -> None:
    again = build_as_another_user(scratch)
    assert again["user"] == "4321" != str(os.getuid())
    assert again["image"] == str(built.attested.isolated.image.digest)
    assert again["compiled"] == str(built.attested.isolated.compiled)


def test_the_compiler_ran_once_for_every_package(built: ExampleBuild) -> None:
    isolated = built.attested.isolated
    assert isolated.compiled == sum(package.path != UNCOMPILED for package in isolated.packages)
    assert isolated.compiled > 100
    assert isolated.network.isolated


def test_the_layer_holds_exactly_these_files(built: ExampleBuild) -> None:
    octets = gzip.decompress(built.attested.isolated.image.layer.octets)
    with tarfile.open(fileobj=io.BytesIO(octets)) as layer:
        members = layer.getmembers()
    assert {item.name: item.mode for item in members if not item.isdir()} == FILES
    assert {item.mode for item in members if item.isdir() and item.name != "tmp"} == {0o755}
    assert {(item.uid, item.gid, item.mtime, item.type in {tarfile.REGTYPE, tarfile.DIRTYPE}) for item in members} == {
        (0, 0, built.plan.spec.epoch, True)
    }


def test_the_program_starts_from_the_image_as_nobody_in_particular(built: ExampleBuild) -> None:
    image = built.attested.isolated.image
    answer = built.sandbox.run_image(image, ["--version"])
    assert (answer.status, answer.output) == (0, b"v1.3.2\n")
    assert json.loads(image.config.octets)["config"]["User"] == "65532"


def test_both_sboms_name_the_linked_modules_with_their_licences(built: ExampleBuild) -> None:
    documents = dict(built.attested.documents)
    spdx = parse_spdx(json.loads(documents["sbom.spdx.json"]), most_packages=100)
    cyclonedx = parse_cyclonedx(json.loads(documents["sbom.cdx.json"]), most_packages=100)
    facts = {(item.purl, item.declared, item.concluded) for item in spdx.packages}
    assert facts == {(item.purl, item.declared, item.concluded) for item in cyclonedx.packages}
    assert {licence for _, licence, _ in facts} == {"BSD-3-Clause"}
    assert {purl for purl, _, _ in facts} >= {"pkg:golang/filippo.io/age@v1.3.2", "pkg:golang/stdlib@1.26.11"}
    assert len(facts) == 8
    assert built.attested.graph.gaps == ()


def test_the_provenance_lists_every_locked_input(built: ExampleBuild) -> None:
    document = json.loads(dict(built.attested.documents)["provenance.json"])
    materials = parse_provenance(document, most_materials=100).materials
    assert {dict(item.digests)["sha256"] for item in materials} == {item.digest.hex for item in built.plan.lock.inputs}


def test_every_input_came_from_the_store(built: ExampleBuild) -> None:
    assert ("ingest", f"{len(built.plan.lock.inputs)} inputs of lock {built.plan.lock_digest}") in {
        (title, proved.partition(" are stored")[0]) for title, proved in built.steps
    }
    assert not any(title == "fetched" for title, _ in built.steps)


def test_a_module_that_is_not_locked_cannot_be_had(scratch: Path) -> None:
    plan, store = example_plan(), composition.compose_store(INPUTS)
    toolchain, source = plan.lock.toolchain, plan.lock.source
    with composition.compose_sandbox(scratch).open_workshop(
        toolchain=(toolchain.module, store.read(toolchain.name, toolchain.digest)),
        source=(source.module, store.read(source.name, source.digest)),
        epoch=0,
    ) as workshop:
        answer = workshop.run_go(["list", "-deps", plan.spec.packages[0].path])
        for item in plan.lock.inputs:
            workshop.add_proxy_file(item.path, store.read(item.name, item.digest))
        twin = workshop.run_go(["list", "-deps", plan.spec.packages[0].path])
    assert (answer.status, b"no such file" in answer.log) == (1, True)
    assert (twin.status, twin.network.isolated) == (0, True)


def test_a_changed_byte_of_an_input_is_found_before_anything_is_built(tmp_path: Path) -> None:
    plan, stored = example_plan(), composition.compose_store(INPUTS)
    files = {item.path: stored.read(item.name, item.digest) for item in plan.lock.inputs}
    fetch_inputs(plan, fetcher=FakeProxy(files), store=MemoryStore(), progress=lambda *_: None)
    victim = plan.lock.source
    changed = bytearray(files[victim.path])
    changed[len(changed) // 2] ^= 1
    proxy = FakeProxy(files | {victim.path: bytes(changed)})
    with pytest.raises(InvalidInput) as caught:
        fetch_inputs(plan, fetcher=proxy, store=composition.compose_store(tmp_path), progress=lambda *_: None)
    assert caught.value.code == "input_digest_mismatch"
    for named in (victim.name, str(victim.digest), str(Digest.of(bytes(changed)))):
        assert named in caught.value.message


def test_a_changed_specification_makes_the_lock_stale() -> None:
    spec, lock = (EXAMPLE / "assay.yaml").read_bytes(), (EXAMPLE / "assay.lock.json").read_bytes()
    make_plan(spec, lock)
    with pytest.raises(InvalidInput) as caught:
        make_plan(spec.replace(b"-w,", b""), lock)
    assert caught.value.code == "lock_stale"
