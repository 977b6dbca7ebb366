import json
from datetime import UTC, datetime

import pytest

from assay.domain.errors import InvalidInput
from assay.domain.limit import Limits
from assay.domain.statement import IMAGE_SIGNATURE
from assay.formats.predicate import PREDICATE_TYPES, Predicate, detect_sbom_type, read_predicate, resolve_predicate_type

NOW = datetime(2026, 11, 21, 12, 0, 0, 5, tzinfo=UTC)
DOCUMENT = {"bomFormat": "CycloneDX", "score": 9.8}


def read(octets: bytes, name: str = "cyclonedx", limits: Limits | None = None) -> Predicate | str:
    try:
        return read_predicate(octets, name, now=NOW, limits=limits or Limits())
    except InvalidInput as error:
        return error.code


@pytest.mark.parametrize("name", sorted(set(PREDICATE_TYPES) - {"custom"}))
def test_a_short_name_stands_for_its_predicate_type(name: str) -> None:
    assert read(json.dumps(DOCUMENT).encode(), name) == Predicate(type=PREDICATE_TYPES[name], body=DOCUMENT)


def test_a_uri_stands_for_itself() -> None:
    assert read(b'{"a":1}', "https://example.test/review/v1") == Predicate(
        type="https://example.test/review/v1", body={"a": 1}
    )


def test_a_custom_predicate_is_any_text_with_the_time() -> None:
    found = read("ünïcode".encode(), "custom")
    assert isinstance(found, Predicate)
    assert found.body == {"Data": "ünïcode", "Timestamp": "2026-11-21T12:00:00Z"}


@pytest.mark.parametrize("name", ["", "slsaprovenance9", IMAGE_SIGNATURE, "https://é.test/", "a:\nb"])
def test_a_name_that_is_no_predicate_type_is_refused(name: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        resolve_predicate_type(name)
    assert caught.value.code == "predicate_type_unusable"
    assert resolve_predicate_type("a:b") == "a:b"


@pytest.mark.parametrize("octets", [b"", b"[]", b'"text"', b"{", b'{"a":1,"a":2}', b"\xff"])
def test_a_file_that_is_not_one_object_is_refused(octets: bytes) -> None:
    assert read(octets) == "predicate_malformed"
    assert isinstance(read(b"{}"), Predicate)


def test_custom_text_has_to_be_text_of_a_bounded_size() -> None:
    assert read(b"\xff", "custom") == "predicate_malformed"
    assert read(b"abc", "custom", Limits(blob_octets=2)) == "predicate_malformed"
    assert isinstance(read(b"ab", "custom", Limits(blob_octets=2)), Predicate)


@pytest.mark.parametrize(
    ("octets", "kind"),
    [
        (b'{"bomFormat":"CycloneDX"}', "application/vnd.cyclonedx+json"),
        (b'{"spdxVersion":"SPDX-2.3"}', "application/spdx+json"),
    ],
)
def test_an_sbom_is_what_it_calls_itself(octets: bytes, kind: str) -> None:
    assert detect_sbom_type(octets, limits=Limits()) == kind


@pytest.mark.parametrize("octets", [b"", b"[]", b"{}", b'{"bomFormat":"other"}', b'{"spdxVersion":2}', b"SPDX"])
def test_what_calls_itself_something_else_is_no_sbom(octets: bytes) -> None:
    with pytest.raises(InvalidInput) as caught:
        detect_sbom_type(octets, limits=Limits())
    assert caught.value.code == "sbom_unsupported"
