"""Grants (break-glass) with one flaw each."""

import base64
import json
from datetime import UTC, datetime, timedelta
from typing import Any

from assay.domain.digest import Digest
from assay_misuse.bench import OTHER_NAMESPACE
from assay_misuse.policy import RELEASE, TENANT, Policy
from assay_misuse.workload import NAMESPACE
from tests.fakes.grants import identify, mint_grant
from tests.fakes.signing import FakeAuthority

USED_UP = "used up"
_NOW, _HOUR = datetime.now(UTC), timedelta(hours=1)
_TERMS: dict[str, Any] = {
    "tenant": TENANT,
    "environment": Policy.STANDARD.value,
    "namespaces": [NAMESPACE],
    "not_before": _NOW - _HOUR,
    "expires": _NOW + 6 * _HOUR,
    "uses": 10,
}
_CHANGES: dict[str, dict[str, Any]] = {
    "for another namespace": {"namespaces": [OTHER_NAMESPACE]},
    "for another environment": {"environment": Policy.LAX_LICENCES.value},
    "that is over": {"not_before": _NOW - 2 * _HOUR, "expires": _NOW - _HOUR},
    "that is not yet valid": {"not_before": _NOW + 6 * _HOUR, "expires": _NOW + 7 * _HOUR},
    "for longer than the rules admit": {"expires": _NOW + 48 * _HOUR},
}
_SIGNERS = {"by a stranger": FakeAuthority("stranger"), "by the key of releases": FakeAuthority(RELEASE)}


def mint_flawed_grant(digest: Digest, flaw: str) -> bytes:
    """A grant for an image with this flaw; without one for the empty text and for `USED_UP`."""
    if flaw in _SIGNERS:
        return mint_grant(digest, signer=_SIGNERS[flaw], **_TERMS)
    if flaw == "for another image":
        return mint_grant(Digest.of(digest.octets), **_TERMS)
    if flaw == "changed after it was signed":
        return _changed(mint_grant(digest, **{**_TERMS, "uses": 9}))
    if flaw in {"", USED_UP}:
        return mint_grant(digest, **_TERMS)
    return mint_grant(digest, **{**_TERMS, **_CHANGES[flaw]})


def grant_id(digest: Digest) -> Digest:
    """The id of the grant without a flaw."""
    return identify(digest, **_TERMS)


def _changed(bundle: bytes) -> bytes:
    document = json.loads(bundle)
    payload = json.loads(base64.b64decode(document["dsseEnvelope"]["payload"]))
    payload["predicate"]["uses"] = 8
    document["dsseEnvelope"]["payload"] = base64.b64encode(json.dumps(payload).encode()).decode()
    return json.dumps(document).encode()
