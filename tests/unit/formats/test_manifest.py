import json
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.domain.descriptor import (
    DOCKER_LIST,
    DOCKER_MANIFEST,
    OCI_CONFIG,
    OCI_INDEX,
    OCI_MANIFEST,
    SIGSTORE_BUNDLE,
    Content,
    Descriptor,
)
from assay.domain.digest import Digest
from assay.domain.errors import InvalidInput
from assay.domain.limit import Limits
from assay.formats.manifest import (
    ImageIndex,
    ImageManifest,
    declared_media_type,
    parse_image_config,
    parse_image_manifest,
    parse_index,
    parse_manifest,
    render_index,
)
from tests.fakes.oci import CONFIG, bundle_referrer, image, image_document, index, rendered

LIMITS = Limits()
ENTRY = rendered(OCI_MANIFEST, b"one")
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 2**64) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


def parse(octets: bytes, media_type: str = OCI_MANIFEST, limits: Limits = LIMITS) -> ImageManifest | ImageIndex:
    return parse_manifest(octets, media_type, what="it", limits=limits)


def refused(octets: bytes, media_type: str = OCI_MANIFEST, limits: Limits = LIMITS) -> str:
    with pytest.raises(InvalidInput) as caught:
        parse(octets, media_type, limits)
    return caught.value.code


def test_an_image_manifest_is_parsed() -> None:
    parsed = parse(image(annotations={"b": "2", "a": "1"}))
    assert isinstance(parsed, ImageManifest)
    assert parsed.config.digest == Digest.of(CONFIG)
    assert [layer.digest for layer in parsed.layers] == [Digest.of(b"layer")]
    assert parsed.annotations == (("a", "1"), ("b", "2"))
    assert parsed.subject is None
    assert parsed.effective_artifact_type == OCI_CONFIG


def test_a_referrer_names_its_subject_and_artifact_type() -> None:
    parsed = parse(bundle_referrer(image(), b"bundle"))
    assert isinstance(parsed, ImageManifest)
    assert parsed.subject is not None
    assert parsed.subject.digest == Digest.of(image())
    assert parsed.effective_artifact_type == SIGSTORE_BUNDLE


def test_the_content_type_may_carry_parameters_and_capitals() -> None:
    assert parse(image(), "Application/vnd.oci.image.manifest.v1+json; charset=utf-8").media_type == OCI_MANIFEST


@pytest.mark.parametrize(
    ("media_type", "document"),
    [
        (DOCKER_MANIFEST, image_document() | {"mediaType": DOCKER_MANIFEST}),
        (DOCKER_LIST, {"schemaVersion": 2, "mediaType": DOCKER_LIST, "manifests": []}),
        (OCI_MANIFEST, {name: value for name, value in image_document().items() if name != "mediaType"}),
        (OCI_INDEX, {"schemaVersion": 2, "manifests": None}),
    ],
)
def test_every_known_manifest_type_is_parsed(media_type: str, document: dict[str, object]) -> None:
    assert parse(json.dumps(document).encode(), media_type).media_type == media_type


@pytest.mark.parametrize(
    ("octets", "media_type"),
    [
        pytest.param(image(), OCI_INDEX, id="served as another type than it names"),
        pytest.param(image(), "application/json", id="served as no manifest type"),
        pytest.param(image(), "", id="served without a type"),
        pytest.param(image(schemaVersion=1), OCI_MANIFEST, id="schema 1"),
        pytest.param(image(schemaVersion=True), OCI_MANIFEST, id="schema true"),
        pytest.param(image(manifests=[]), OCI_MANIFEST, id="layers and manifests"),
        pytest.param(index(ENTRY, layers=[]), OCI_INDEX, id="manifests and layers"),
        pytest.param(b'{"schemaVersion": 2, "layers": []}', OCI_MANIFEST, id="no config"),
        pytest.param(b'{"schemaVersion": 2}', OCI_INDEX, id="no manifests"),
        pytest.param(b"[]", OCI_MANIFEST, id="a list"),
        pytest.param(b"{", OCI_MANIFEST, id="no JSON"),
        pytest.param(b'{"schemaVersion": 2, "schemaVersion": 2}', OCI_MANIFEST, id="a duplicate key"),
        pytest.param(image(layers={}), OCI_MANIFEST, id="layers no list"),
        pytest.param(image(layers=["x"]), OCI_MANIFEST, id="a layer no object"),
        pytest.param(image(annotations={"a": 1}), OCI_MANIFEST, id="an annotation no string"),
        pytest.param(image(annotations=[]), OCI_MANIFEST, id="annotations no object"),
        pytest.param(image(artifactType=1), OCI_MANIFEST, id="artifactType no string"),
        pytest.param(image(artifactType="a\nb"), OCI_MANIFEST, id="artifactType with a line break"),
        pytest.param(image(subject=rendered(OCI_MANIFEST, b"x", size=-1)), OCI_MANIFEST, id="a negative size"),
        pytest.param(image(subject=rendered(OCI_MANIFEST, b"x", size=True)), OCI_MANIFEST, id="a size that is true"),
        pytest.param(image(subject=rendered(OCI_MANIFEST, b"x", size=1.0)), OCI_MANIFEST, id="a fractional size"),
        pytest.param(image(subject=rendered("", b"x")), OCI_MANIFEST, id="no media type"),
        pytest.param(image(subject=rendered(OCI_MANIFEST, b"x", digest="sha512:00")), OCI_MANIFEST, id="sha512"),
    ],
)
def test_a_document_that_is_no_manifest_is_refused(octets: bytes, media_type: str) -> None:
    assert refused(octets, media_type) == "manifest_malformed"


def test_layers_above_the_limit_are_refused() -> None:
    layers = [rendered("application/x", b"x")] * 3
    assert refused(image(layers=layers), limits=Limits(layers=2)) == "evidence_limit"
    assert parse(image(layers=layers), limits=Limits(layers=3))


def test_index_entries_above_the_limit_are_refused() -> None:
    assert refused(index(ENTRY, ENTRY), OCI_INDEX, Limits(referrers=1)) == "evidence_limit"
    assert parse(index(ENTRY, ENTRY), OCI_INDEX, Limits(referrers=2))


def test_bytes_above_the_limit_are_refused() -> None:
    assert refused(image(), limits=Limits(manifest_octets=len(image()) - 1)) == "evidence_limit"
    assert parse(image(), limits=Limits(manifest_octets=len(image())))


def test_an_index_is_no_image_manifest() -> None:
    octets = index(ENTRY)
    content = Content(media_type=OCI_INDEX, octets=octets, digest=Digest.of(octets))
    with pytest.raises(InvalidInput, match="name the manifest of one platform") as caught:
        parse_image_manifest(content, what="it", limits=LIMITS)
    assert caught.value.code == "index_unsupported"
    single = Content(media_type=OCI_MANIFEST, octets=image(), digest=Digest.of(image()))
    assert parse_image_manifest(single, what="it", limits=LIMITS).media_type == OCI_MANIFEST


def test_an_image_manifest_is_no_index() -> None:
    with pytest.raises(InvalidInput) as caught:
        parse_index(image(), OCI_MANIFEST, what="it", limits=LIMITS)
    assert caught.value.code == "manifest_malformed"
    assert parse_index(index(ENTRY), OCI_INDEX, what="it", limits=LIMITS).manifests


@pytest.mark.parametrize(
    ("octets", "media_type"),
    [
        (image(), OCI_MANIFEST),
        (b'{"manifests": []}', OCI_INDEX),
        (b'{"layers": []}', OCI_MANIFEST),
        (b'{"mediaType": "a/b"}', "a/b"),
    ],
)
def test_a_document_without_a_type_from_outside_tells_its_own(octets: bytes, media_type: str) -> None:
    assert declared_media_type(octets, what="it", limits=LIMITS) == media_type


def test_an_image_config_gives_the_facts_policies_ask_for() -> None:
    section: dict[str, object] = {
        "User": "65532",
        "Labels": {"b": "2", "a": "1"},
        "Env": ["PATH=/bin", "TOKEN=secret"],
        "Entrypoint": ["/app"],
        "Cmd": None,
        "ExposedPorts": {"8080/tcp": {}},
    }
    document = {
        "os": "linux",
        "architecture": "arm64",
        "variant": "v8",
        "created": "2026-01-01T00:00:00Z",
        "config": section,
        "rootfs": {"type": "layers", "diff_ids": [Digest.of(b"x").text]},
    }
    config = parse_image_config(json.dumps(document).encode(), what="it", limits=LIMITS)
    assert config.platform == "linux/arm64/v8"
    assert (config.user, config.labels, config.env_names) == ("65532", (("a", "1"), ("b", "2")), ("PATH", "TOKEN"))
    assert (config.entrypoint, config.command, config.exposed_ports) == (("/app",), (), ("8080/tcp",))
    assert config.diff_ids == (Digest.of(b"x"),)
    assert "secret" not in repr(config)


def test_a_config_without_an_operating_system_names_no_platform() -> None:
    assert parse_image_config(b'{"architecture": "amd64"}', what="it", limits=LIMITS).platform == ""


@pytest.mark.parametrize(
    "octets",
    [
        b"",
        b"[]",
        b'{"os": 1}',
        b'{"config": []}',
        b'{"config": {"Env": [1]}}',
        b'{"config": {"Env": "A=b"}}',
        b'{"config": {"Labels": {"a": null}}}',
        b'{"rootfs": {"diff_ids": ["md5:x"]}}',
    ],
)
def test_what_is_no_image_config_is_refused(octets: bytes) -> None:
    with pytest.raises(InvalidInput) as caught:
        parse_image_config(octets, what="it", limits=LIMITS)
    assert caught.value.code == "config_malformed"


descriptors = st.builds(
    Descriptor,
    media_type=st.just(OCI_MANIFEST),
    digest=st.binary(max_size=4).map(Digest.of),
    size=st.integers(0, 2**63 - 1),
    artifact_type=st.sampled_from(["", SIGSTORE_BUNDLE, "application/vnd.dev.sigstore.bundle+json;version=0.3"]),
    annotations=st.dictionaries(st.text(max_size=5), st.text(max_size=5), max_size=2).map(
        lambda notes: tuple(sorted(notes.items()))
    ),
)


@given(st.lists(descriptors, max_size=5))
def test_a_rendered_index_parses_to_the_same_entries_in_order_of_digest(entries: list[Descriptor]) -> None:
    parsed = parse_index(render_index(entries), OCI_INDEX, what="it", limits=LIMITS)
    assert list(parsed.manifests) == sorted(entries, key=lambda entry: entry.digest)


@given(st.dictionaries(st.sampled_from([*image_document(), "subject", "manifests", "annotations"]), JSON))
def test_no_document_raises_anything_but_invalid_input(members: dict[str, object]) -> None:
    octets = json.dumps(image_document() | members).encode()
    for media_type in (OCI_MANIFEST, OCI_INDEX):
        with suppress(InvalidInput):
            parse(octets, media_type)


@given(st.binary(max_size=64) | JSON.map(lambda value: json.dumps({"config": value, "rootfs": value}).encode()))
def test_no_config_raises_anything_but_invalid_input(octets: bytes) -> None:
    with suppress(InvalidInput):
        parse_image_config(octets, what="it", limits=LIMITS)
