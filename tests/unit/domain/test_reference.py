import pytest

from assay.domain.artefact import Artefact, ArtefactType
from assay.domain.digest import Digest
from assay.domain.errors import InvalidInput
from assay.domain.reference import Reference, Repository

DIGEST = Digest.of(b"image")


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("nginx", "docker.io/library/nginx:latest"),
        ("nginx:1.27", "docker.io/library/nginx:1.27"),
        ("team/app", "docker.io/team/app:latest"),
        ("docker.io/nginx", "docker.io/library/nginx:latest"),
        ("index.docker.io/nginx", "docker.io/library/nginx:latest"),
        ("registry-1.docker.io/team/app:x", "docker.io/team/app:x"),
        ("Registry.Test/app", "registry.test/app:latest"),
        ("localhost/app", "localhost/app:latest"),
        ("localhost:5000/app:v1", "localhost:5000/app:v1"),
        ("[::1]:5000/app", "[::1]:5000/app:latest"),
        ("[::1]/app", "[::1]/app:latest"),
        ("registry.test/a__b/c-d/e.f:V_1.0-x", "registry.test/a__b/c-d/e.f:V_1.0-x"),
        (f"registry.test/app@{DIGEST}", f"registry.test/app@{DIGEST}"),
        (f"registry.test:443/app:v1@{DIGEST}", f"registry.test:443/app:v1@{DIGEST}"),
    ],
)
def test_a_reference_becomes_canonical(text: str, canonical: str) -> None:
    reference = Reference.parse(text)
    assert str(reference) == canonical
    assert Reference.parse(canonical) == reference


@pytest.mark.parametrize(
    "text",
    [
        "",
        " nginx",
        "nginx ",
        "ngin x",
        "nginx\n",
        "registry.test/App",
        "registry.test/app:",
        "registry.test/app:-x",
        "registry.test/app:" + "x" * 129,
        "registry.test/app@sha256:abc",
        "registry.test/app@",
        f"registry.test/app@{DIGEST}@{DIGEST}",
        "registry.test/",
        "registry.test//app",
        "registry.test/app/",
        "registry.test/a___b",
        "registry.test:0/app",
        "registry.test:65536/app",
        "registry.test:x/app",
        "-registry.test/app",
        "registry..test/app",
        "registry_a.test/app",
        "https://registry.test/app",
        "user@registry.test/app",
        "регистр.test/app",
        "registry.test/../app",
        "registry.test/" + "a" * 256,
        "a" * 513,
    ],
)
def test_what_is_no_reference_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        Reference.parse(text)
    assert caught.value.code == "reference_malformed"


def test_a_reference_needs_a_tag_or_a_digest() -> None:
    repository = Repository.parse("registry.test/app")
    with pytest.raises(InvalidInput) as caught:
        Reference(repository=repository)
    assert caught.value.code == "reference_malformed"
    assert Reference(repository=repository, tag="v1")


def test_a_pinned_reference_keeps_its_tag_for_humans() -> None:
    pinned = Reference.parse("registry.test/app:v1").pinned(DIGEST)
    assert str(pinned) == f"registry.test/app:v1@{DIGEST}"


def test_a_repository_has_one_name() -> None:
    repository = Repository.parse("index.docker.io/nginx")
    assert str(repository) == repository.name == "docker.io/library/nginx"


def test_an_artefact_is_named_by_repository_and_digest() -> None:
    artefact = Artefact(repository=Repository.parse("registry.test/app"), digest=DIGEST, tag="v1")
    assert artefact.type is ArtefactType.IMAGE
    assert str(artefact.reference) == f"registry.test/app:v1@{DIGEST}"
