"""ProviderRequest v1beta1 (`externaldata.gatekeeper.sh`): bytes to keys."""

from assay.domain.errors import InvalidInput
from assay.domain.provider import LARGEST_PROVIDER_REQUEST
from assay.formats.strict_json import parse_json

API_VERSION = "externaldata.gatekeeper.sh/v1beta1"
MOST_KEYS = 32
_KIND = "ProviderRequest"
_LONGEST_KEY = 1024


def parse_provider_request(octets: bytes) -> tuple[str, ...]:
    """The distinct keys of a request, in their order.

    Strict JSON without unknown members: whoever sends another shape means something that we do not know. Keys are any
    text of at most 1,024 characters; whether they name images is not looked at. Raises `InvalidInput`:
    `json_malformed`, `json_too_large`, `provider_request_malformed`, `provider_version_unsupported`,
    `provider_keys_exceeded`; no message quotes the request.
    """
    document = parse_json(octets, what="the provider request", largest=LARGEST_PROVIDER_REQUEST, depth=4)
    members = _members(document, {"apiVersion", "kind", "request"})
    if members["apiVersion"] != API_VERSION or members["kind"] != _KIND:
        raise InvalidInput(
            "provider_version_unsupported",
            f"the body is no {_KIND} of {API_VERSION}",
            remedy="use a Gatekeeper with external data v1beta1",
        )
    keys = _members(members["request"], {"keys"})["keys"]
    if not isinstance(keys, list) or not keys or not all(isinstance(key, str) and key for key in keys):
        raise _malformed("its keys are no list of texts")
    if len(keys) > MOST_KEYS or any(len(key) > _LONGEST_KEY for key in keys):
        raise InvalidInput(
            "provider_keys_exceeded",
            f"there are more than {MOST_KEYS} keys, or one has more than {_LONGEST_KEY} characters",
            remedy="ask about the images of one object at a time",
        )
    return tuple(dict.fromkeys(keys))


def _members(value: object, names: set[str]) -> dict[str, object]:
    if not isinstance(value, dict) or set(value) != names:
        raise _malformed(f"an object with exactly the members {', '.join(sorted(names))} is expected")
    return value


def _malformed(why: str) -> InvalidInput:
    return InvalidInput(
        "provider_request_malformed", f"the provider request: {why}", remedy="send the request as Gatekeeper does"
    )
