"""An owner behind an https address."""

import hmac
import json
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from urllib3 import PoolManager

from assay.adapters.owner.hook import OwnerHook
from assay.adapters.registry.connection import open_pools
from assay.domain.deadline import Deadline
from assay.domain.digest import Digest
from assay.domain.errors import Unavailable
from assay.domain.incident import Incident, IncidentKind
from assay.domain.reference import Repository
from tests.fakes.clock import FrozenClock
from tests.fakes.http_server import Script, answering

SECRET = b"a secret that the owner knows"
CLOCK = FrozenClock()
INCIDENT = Incident(
    kind=IncidentKind.MOVED,
    repository=Repository(registry="registry.example", path="app"),
    tag="v1",
    known=Digest.of(b"known"),
    found=Digest.of(b"found"),
    at=CLOCK.now(),
    by="notification",
)


def open_loopback() -> PoolManager:
    return open_pools(None, public_addresses_only=False)


def hook(url: str) -> OwnerHook:
    return OwnerHook(
        f"{url}/hook?token=t0ps3cret", name="platform", secrets=lambda: (SECRET,), open_pools=open_loopback
    )


def tell(url: str, seconds: float = 5) -> None:
    hook(url).tell(INCIDENT, Deadline.after(seconds, CLOCK.monotonic))


@pytest.fixture
def script() -> Iterator[Script]:
    with answering(Script(status=204, body=b"")) as answers:
        yield answers


def test_an_incident_is_posted_as_a_signed_document(script: Script) -> None:
    tell(script.url)
    ((method, path, headers, body),) = script.seen
    assert (method, path, headers["content-type"]) == ("POST", "/hook?token=t0ps3cret", "application/json")
    assert headers["x-assay-signature-256"] == f"sha256={hmac.digest(SECRET, body, 'sha256').hex()}"
    document = json.loads(body)
    assert (document["kind"], document["repository"], document["tag"]) == ("tag_moved", "registry.example/app", "v1")
    assert (document["known"], document["found"]) == (INCIDENT.known.text, INCIDENT.found.text)


@pytest.mark.parametrize("status", [301, 307, 400, 404, 500, 503])
def test_whatever_is_no_success_was_not_heard(script: Script, status: int) -> None:
    script.status, script.headers = status, {"Location": f"{script.url}/elsewhere"}
    with pytest.raises(Unavailable) as caught:
        tell(script.url)
    assert (caught.value.code, len(script.seen)) == ("owner_unavailable", 1)
    assert "t0ps3cret" not in str(caught.value)
    script.status = 202
    tell(script.url)


def test_an_owner_who_does_not_answer_was_not_told(script: Script) -> None:
    with pytest.raises(Unavailable) as caught:
        tell("http://127.0.0.1:9")
    assert caught.value.code == "owner_unavailable"
    assert "t0ps3cret" not in str(caught.value)
    with pytest.raises(Unavailable) as caught:
        tell(script.url, 0)
    assert caught.value.code == "deadline_exceeded"


def test_an_address_that_no_owner_can_have_is_not_connected_to() -> None:
    with pytest.raises(Unavailable) as caught:
        tell("http://169.254.169.254")
    assert (caught.value.code, "AddressRefused" in caught.value.message) == ("owner_unavailable", True)


def test_a_secret_that_is_gone_tells_nobody(script: Script, tmp_path: Path) -> None:
    def gone() -> tuple[bytes, ...]:
        raise Unavailable("secret_unavailable", f"nothing in {tmp_path}", remedy="look")

    silent = OwnerHook(script.url, name="platform", secrets=gone, open_pools=partial(open_loopback))
    with pytest.raises(Unavailable) as caught:
        silent.tell(INCIDENT, Deadline.after(5, CLOCK.monotonic))
    assert (caught.value.code, script.seen) == ("secret_unavailable", [])
