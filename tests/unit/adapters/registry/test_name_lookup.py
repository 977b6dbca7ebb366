"""Names are resolved within a time."""

import socket
import time
from collections.abc import Iterator
from threading import Event

import pytest

from assay.adapters.registry.access import RegistryAccess
from assay.adapters.registry.client import RegistryClient
from assay.adapters.registry.name_lookup import look_up
from assay.domain.deadline import Deadline
from assay.domain.errors import Unavailable
from assay.domain.limit import Limits
from assay.domain.reference import Reference


@pytest.fixture
def standing_still(monkeypatch: pytest.MonkeyPatch) -> Iterator[Event]:
    released = Event()

    def resolve(*_: object, **__: object) -> list[object]:
        released.wait(10)
        return []

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    yield released
    released.set()


def test_every_address_is_named_once(monkeypatch: pytest.MonkeyPatch) -> None:
    found = [(socket.AF_INET, 1, 6, "", (address, 443)) for address in ("192.0.2.1", "192.0.2.2", "192.0.2.1")]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: found)
    assert look_up("registry.example", 443, seconds=5) == ["192.0.2.1", "192.0.2.2"]


@pytest.mark.usefixtures("standing_still")
@pytest.mark.parametrize("address", ["127.0.0.1", "::1"])
def test_an_address_needs_no_resolver(address: str) -> None:
    assert look_up(address, 443, seconds=0.01) == [address]


@pytest.mark.parametrize("error", [socket.gaierror(-2, "unknown"), UnicodeError("label too long")])
def test_a_host_that_does_not_exist_is_an_os_error(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    def resolve(*_: object, **__: object) -> list[object]:
        raise error

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    with pytest.raises(socket.gaierror):
        look_up("registry.example", 443, seconds=5)


@pytest.mark.usefixtures("standing_still")
@pytest.mark.parametrize(
    "access",
    [
        RegistryAccess(),
        RegistryAccess(allowed=frozenset({"r.example"})),
        RegistryAccess(plain_http=frozenset({"r.example"})),
    ],
)
def test_a_resolver_that_stands_still_ends_at_the_deadline(access: RegistryAccess) -> None:
    client = RegistryClient(access=access, limits=Limits())
    began = time.monotonic()
    with pytest.raises(Unavailable) as caught:
        client.resolve(Reference.parse("r.example/app:1"), Deadline.after(0.3, time.monotonic))
    assert caught.value.code == "deadline_exceeded"
    assert time.monotonic() - began < 10
