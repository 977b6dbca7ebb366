import json
from typing import Any

import pytest

from assay.domain.digest import Digest
from assay.domain.errors import InvalidInput
from assay.domain.limit import Limits
from assay.formats.simple_signing import (
    IMAGE_SIGNATURE_TYPE,
    SimpleSigning,
    parse_simple_signing,
    render_simple_signing,
)

DIGEST = Digest.of(b"image")
CRITICAL: dict[str, Any] = {
    "identity": {"docker-reference": "registry.test/demo"},
    "image": {"docker-manifest-digest": str(DIGEST)},
    "type": IMAGE_SIGNATURE_TYPE,
}


def parse(document: object) -> SimpleSigning:
    return parse_simple_signing(json.dumps(document).encode(), limits=Limits())


def test_a_payload_without_annotations_is_read() -> None:
    expected = SimpleSigning(digest=DIGEST, type=IMAGE_SIGNATURE_TYPE, annotations=())
    assert parse({"critical": CRITICAL, "optional": None}) == expected
    assert parse({"critical": CRITICAL}) == expected


def test_annotations_are_the_members_with_text_values() -> None:
    payload = parse({"critical": CRITICAL, "optional": {"b": "2", "timestamp": 1, "a": "1"}})
    assert payload.annotations == (("a", "1"), ("b", "2"))


@pytest.mark.parametrize(
    "document",
    [
        [],
        {},
        {"critical": None},
        {"critical": CRITICAL, "extra": 1},
        {"critical": CRITICAL, "optional": []},
        {"critical": CRITICAL | {"extra": 1}},
        {"critical": CRITICAL | {"type": None}},
        {"critical": CRITICAL | {"identity": "x"}},
        {"critical": CRITICAL | {"identity": {"docker-reference": 1}}},
        {"critical": CRITICAL | {"image": {}}},
        {"critical": CRITICAL | {"image": {"docker-manifest-digest": DIGEST.hex}}},
        {"critical": CRITICAL | {"image": {"docker-manifest-digest": str(DIGEST).upper()}}},
        {"critical": CRITICAL | {"image": {"docker-manifest-digest": str(DIGEST), "x": 1}}},
    ],
)
def test_a_payload_of_another_form_is_refused(document: object) -> None:
    with pytest.raises(InvalidInput) as caught:
        parse(document)
    assert caught.value.code == "bundle_malformed"


@pytest.mark.parametrize("annotations", [(), (("a", "1"), ("é", "ü"))])
def test_a_rendered_payload_is_read_back(annotations: tuple[tuple[str, str], ...]) -> None:
    rendered = render_simple_signing("registry.test/demo", DIGEST, annotations)
    expected = SimpleSigning(digest=DIGEST, type=IMAGE_SIGNATURE_TYPE, annotations=annotations)
    assert parse_simple_signing(rendered, limits=Limits()) == expected
