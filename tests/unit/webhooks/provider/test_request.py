"""ProviderRequest: strict, capped, one shape."""

import json
from typing import Any

import pytest

from assay.domain.errors import InvalidInput
from assay.domain.provider import LARGEST_PROVIDER_REQUEST
from assay_webhooks.provider.request import MOST_KEYS, parse_provider_request
from tests.fakes.provider import request_for

SECRET = "text-of-a-stranger"


def parse(document: object) -> tuple[str, ...]:
    return parse_provider_request(json.dumps(document).encode())


def refusal(octets: bytes) -> InvalidInput:
    with pytest.raises(InvalidInput) as caught:
        parse_provider_request(octets)
    return caught.value


def test_keys_are_given_once_each_in_their_order() -> None:
    assert parse(request_for("b", "a", "b")) == ("b", "a")


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"apiVersion": "externaldata.gatekeeper.sh/v1alpha1"}, "provider_version_unsupported"),
        ({"kind": "ProviderResponse"}, "provider_version_unsupported"),
        ({"kind": 1}, "provider_version_unsupported"),
        ({"extra": SECRET}, "provider_request_malformed"),
        ({"request": None}, "provider_request_malformed"),
        ({"request": {}}, "provider_request_malformed"),
        ({"request": {"keys": ["a"], SECRET: 1}}, "provider_request_malformed"),
        ({"request": {"keys": []}}, "provider_request_malformed"),
        ({"request": {"keys": "a"}}, "provider_request_malformed"),
        ({"request": {"keys": ["a", 1]}}, "provider_request_malformed"),
        ({"request": {"keys": ["a", ""]}}, "provider_request_malformed"),
    ],
)
def test_another_shape_is_refused_without_quoting_it(change: dict[str, Any], code: str) -> None:
    assert parse(request_for("a")) == ("a",)
    error = refusal(json.dumps(request_for("a") | change).encode())
    assert error.code == code
    assert SECRET not in str(error)


@pytest.mark.parametrize("member", ["apiVersion", "kind", "request"])
def test_every_member_is_required(member: str) -> None:
    document = request_for("a")
    del document[member]
    assert refusal(json.dumps(document).encode()).code == "provider_request_malformed"


@pytest.mark.parametrize("text", ["[]", '"a"', "null"])
def test_what_is_no_object_is_malformed(text: str) -> None:
    assert refusal(text.encode()).code == "provider_request_malformed"


def test_a_key_of_json_that_stands_twice_is_refused() -> None:
    text = json.dumps(request_for("a"))[:-1] + ', "kind": "ProviderRequest"}'
    assert refusal(text.encode()).code == "json_malformed"


def test_the_number_of_keys_is_capped() -> None:
    keys = [f"key-{number}" for number in range(MOST_KEYS)]
    assert len(parse(request_for(*keys))) == MOST_KEYS
    assert refusal(json.dumps(request_for(*keys, "one more")).encode()).code == "provider_keys_exceeded"


def test_the_length_of_a_key_is_capped() -> None:
    assert parse(request_for("k" * 1024)) == ("k" * 1024,)
    assert refusal(json.dumps(request_for("k" * 1025)).encode()).code == "provider_keys_exceeded"


def test_the_bytes_of_a_request_are_capped() -> None:
    fitting = json.dumps(request_for("a")).encode().ljust(LARGEST_PROVIDER_REQUEST)
    assert parse_provider_request(fitting) == ("a",)
    assert refusal(fitting + b" ").code == "json_too_large"
