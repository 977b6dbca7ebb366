"""The list of referrers: what a stranger pushed must not spoil it for the others."""

import json

import pytest

from assay.domain.descriptor import OCI_INDEX, OCI_MANIFEST, SIGSTORE_BUNDLE
from assay.domain.digest import Digest
from assay.domain.errors import InvalidInput
from assay.domain.limit import Limits
from assay.formats.manifest import parse_referrer_list
from tests.fakes.oci import image, index, rendered

GOOD = rendered(OCI_MANIFEST, b"good", artifactType=SIGSTORE_BUNDLE)


def listed(*entries: object, most: int = 10) -> list[tuple[str, str]]:
    octets = json.dumps({"schemaVersion": 2, "manifests": list(entries)}).encode()
    parsed = parse_referrer_list(octets, OCI_INDEX, what="the list", limits=Limits(referrers=most))
    return [(entry.digest.text, entry.artifact_type) for entry in parsed]


def refusal(octets: bytes, media_type: str = OCI_INDEX, *, most: int = 10) -> str:
    with pytest.raises(InvalidInput) as caught:
        parse_referrer_list(octets, media_type, what="the list", limits=Limits(referrers=most))
    return caught.value.code


@pytest.mark.parametrize("kind", ["ünï", "x" * 256, " ", 7, None, ["a"]])
def test_a_type_that_is_no_media_type_is_no_type(kind: object) -> None:
    odd = rendered(OCI_MANIFEST, b"odd", artifactType=kind)
    assert listed(odd, GOOD) == [(Digest.of(b"odd").text, ""), (Digest.of(b"good").text, SIGSTORE_BUNDLE)]


@pytest.mark.parametrize("annotations", [{"a": 1}, [], "text"])
def test_annotations_are_not_read(annotations: object) -> None:
    assert len(listed(GOOD | {"annotations": annotations})) == 1


@pytest.mark.parametrize(
    "entry",
    [
        GOOD | {"digest": "sha512:" + "0" * 128},
        GOOD | {"digest": 5},
        GOOD | {"size": -1},
        GOOD | {"mediaType": ""},
        {},
        [],
        "text",
        None,
    ],
)
def test_an_entry_that_names_nothing_that_can_be_fetched_is_left_out(entry: object) -> None:
    assert listed(entry, GOOD) == listed(GOOD)
    assert len(listed(GOOD)) == 1


def test_what_is_no_list_of_referrers_is_malformed() -> None:
    assert refusal(b"{}") == "manifest_malformed"
    assert refusal(b'{"schemaVersion": 2}') == "manifest_malformed"
    assert refusal(b'{"schemaVersion": 2, "manifests": {}}') == "manifest_malformed"
    assert refusal(image(), OCI_MANIFEST) == "manifest_malformed"
    assert refusal(index(), "text/html") == "manifest_malformed"
    assert listed() == []


def test_a_list_has_a_limit() -> None:
    assert refusal(index(GOOD, GOOD), most=1) == "evidence_limit"
    assert len(listed(GOOD, GOOD, most=2)) == 2
