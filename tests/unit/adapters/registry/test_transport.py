import socket
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import pytest

from assay.adapters.registry.access import HostAccess, RegistryAccess
from assay.adapters.registry.client import RegistryClient
from assay.adapters.registry.connection import is_public
from assay.adapters.registry.exchange import resolve_location
from assay.domain.descriptor import OCI_MANIFEST, Descriptor
from assay.domain.digest import Digest
from assay.domain.errors import AssayError, InvalidInput, Unavailable
from assay.domain.limit import Limits
from assay.domain.reference import Reference, Repository
from tests.fakes.loopback_certificate import write_loopback_certificate
from tests.fakes.oci import image, put_image, soon
from tests.fakes.registry import FakeRegistry, Fault, TokenService

BLOB = b"blob"
DESCRIPTOR = Descriptor(media_type="a/b", digest=Digest.of(BLOB), size=len(BLOB))
BLOB_PATH = f"/v2/app/blobs/{DESCRIPTOR.digest}"


@pytest.fixture
def registry() -> Iterator[FakeRegistry]:
    with FakeRegistry.start() as fake:
        put_image(fake, "app")
        fake.put_blob("app", BLOB)
        yield fake


@pytest.fixture
def other() -> Iterator[FakeRegistry]:
    with FakeRegistry.start() as fake:
        put_image(fake, "app")
        fake.put_blob("app", BLOB)
        yield fake


def make_client(access: RegistryAccess) -> RegistryClient:
    return RegistryClient(access=access, limits=Limits())


def fetch(registry: FakeRegistry, access: RegistryAccess | None = None) -> bytes:
    client = make_client(access or RegistryAccess(plain_http_on_loopback=True))
    return client.fetch_blob(registry.repository("app"), DESCRIPTOR, soon())


def refusal(registry: FakeRegistry, access: RegistryAccess | None = None) -> AssayError:
    with pytest.raises((InvalidInput, Unavailable)) as caught:
        fetch(registry, access)
    return caught.value


def test_a_redirect_on_the_same_host_is_followed(registry: FakeRegistry) -> None:
    registry.faults["/v2/app/manifests/moved"] = Fault(status=307, location="/v2/app/manifests/v1")
    client = make_client(RegistryAccess(plain_http_on_loopback=True))
    assert client.resolve(registry.reference("app", tag="moved"), soon()).octets == image()


def test_a_blob_may_lie_on_another_host_that_is_configured(registry: FakeRegistry, other: FakeRegistry) -> None:
    registry.faults[BLOB_PATH] = Fault(status=307, location=f"http://{other.host}{BLOB_PATH}?signature=s")
    access = RegistryAccess(plain_http=frozenset({registry.host, other.host}))
    assert fetch(registry, access) == BLOB
    assert other.requests[0].query == "signature=s"
    assert not {"authorization", "cookie", "referer"} & other.requests[0].headers.keys()


def test_a_blob_on_a_host_that_is_not_configured_is_refused(registry: FakeRegistry, other: FakeRegistry) -> None:
    registry.faults[BLOB_PATH] = Fault(status=307, location=f"http://{other.host}{BLOB_PATH}")
    for access in (
        RegistryAccess(plain_http_on_loopback=True, private_addresses=True),
        RegistryAccess(plain_http=frozenset({registry.host}), private_addresses=True),
    ):
        assert refusal(registry, access).code == "registry_unavailable"
    assert other.requests == []


def test_a_manifest_on_another_host_is_refused(registry: FakeRegistry, other: FakeRegistry) -> None:
    registry.faults["/v2/app/manifests/v1"] = Fault(status=302, location=f"http://{other.host}/v2/app/manifests/v1")
    client = make_client(RegistryAccess(plain_http=frozenset({registry.host, other.host})))
    with pytest.raises(Unavailable, match="redirects to another host") as caught:
        client.resolve(registry.reference("app", tag="v1"), soon())
    assert caught.value.code == "registry_unavailable"
    assert other.requests == []


@pytest.mark.parametrize("address", ["127.0.0.1:9", "169.254.169.254", "10.0.0.1", "[::1]:9", "[::ffff:127.0.0.1]"])
def test_a_redirect_to_an_address_that_is_not_public_is_refused(registry: FakeRegistry, address: str) -> None:
    registry.faults[BLOB_PATH] = Fault(status=307, location=f"https://{address}/token?secret=s3cr3t")
    error = refusal(registry, RegistryAccess(plain_http_on_loopback=True, private_addresses=True))
    assert error.code == "registry_unavailable"
    assert "not public" in error.message
    assert "s3cr3t" not in str(error)


@pytest.mark.parametrize("location", ["ftp://127.0.0.1/", "https://user:pass@127.0.0.1/", "https:///x", "https://[/"])
def test_a_redirect_to_something_odd_is_refused(registry: FakeRegistry, location: str) -> None:
    registry.faults[BLOB_PATH] = Fault(status=307, location=location)
    error = refusal(registry)
    assert error.code == "registry_unavailable"
    assert "pass" not in str(error)


def test_five_redirects_are_followed_and_six_are_not(registry: FakeRegistry) -> None:
    def path(number: int) -> str:
        return f"/v2/app/manifests/hop{number}"

    for number in range(6):
        registry.faults[path(number)] = Fault(status=307, location=path(number + 1))
    registry.put_manifest("app", image(), tag="hop6")
    client = make_client(RegistryAccess(plain_http_on_loopback=True))
    assert client.resolve(registry.reference("app", tag="hop1"), soon()).octets == image()
    with pytest.raises(Unavailable, match="more than 5 times"):
        client.resolve(registry.reference("app", tag="hop0"), soon())


def test_a_redirect_loop_ends(registry: FakeRegistry) -> None:
    registry.faults[BLOB_PATH] = Fault(status=307, location=BLOB_PATH)
    assert refusal(registry).code == "registry_unavailable"
    assert len(registry.requests) == 6


def test_the_endless_body_of_a_redirect_is_not_read(registry: FakeRegistry) -> None:
    registry.faults[BLOB_PATH] = Fault(
        status=307, location="/v2/app/blobs/elsewhere", octets=b"x" * 100_000, seconds_per_octet=0.001, times=1
    )
    registry.shelf("app").blobs["elsewhere"] = BLOB
    assert fetch(registry) == BLOB


def test_only_configured_registries_are_asked(registry: FakeRegistry, other: FakeRegistry) -> None:
    access = RegistryAccess(allowed=frozenset({registry.host}), plain_http_on_loopback=True)
    assert fetch(registry, access) == BLOB
    assert refusal(other, access).code == "registry_not_configured"
    assert other.requests == []


def test_https_is_spoken_unless_http_is_configured(registry: FakeRegistry) -> None:
    assert refusal(registry, RegistryAccess(allowed=frozenset({registry.host}))).code == "registry_unavailable"
    assert registry.requests == []
    assert fetch(registry, RegistryAccess(plain_http=frozenset({registry.host}))) == BLOB


@pytest.mark.parametrize("host", ["127.0.0.1:1", "localhost:1", "[::1]:1", "10.1.2.3"])
def test_an_unnamed_registry_has_to_have_a_public_address(host: str) -> None:
    reference = Reference.parse(f"{host}/app:v1")
    with pytest.raises(InvalidInput) as caught:
        make_client(RegistryAccess()).resolve(reference, soon())
    assert caught.value.code == "registry_not_configured"


def test_private_addresses_are_reached_when_configured() -> None:
    access = RegistryAccess(private_addresses=True)
    with pytest.raises(Unavailable) as caught:
        make_client(access).resolve(Reference.parse("127.0.0.1:1/app:v1"), soon())
    assert caught.value.code == "registry_unavailable"


def test_a_name_that_does_not_resolve_is_unavailable() -> None:
    with pytest.raises(Unavailable) as caught:
        make_client(RegistryAccess()).resolve(Reference.parse("registry.invalid/app:v1"), soon())
    assert caught.value.code == "registry_unavailable"


@pytest.mark.parametrize(
    ("host", "scheme"),
    [
        ("127.0.0.1:5000", "http"),
        ("127.8.8.8", "http"),
        ("localhost:5000", "http"),
        ("[::1]:5000", "http"),
        ("[::1]", "http"),
        ("registry.test", "https"),
        ("registry.test:5000", "https"),
        ("127.0.0.1.registry.test", "https"),
        ("10.0.0.1:5000", "https"),
    ],
)
def test_loopback_is_an_address_or_localhost(host: str, scheme: str) -> None:
    assert RegistryAccess(plain_http_on_loopback=True).base_url(host) == f"{scheme}://{host}"
    assert RegistryAccess().base_url(host) == f"https://{host}"


def test_the_default_registry_is_asked_at_its_endpoint() -> None:
    assert RegistryAccess().base_url("docker.io") == "https://registry-1.docker.io"


def test_a_configured_host_is_checked_when_it_is_read() -> None:
    with pytest.raises(InvalidInput) as caught:
        RegistryAccess(plain_http=frozenset({"https://registry.test"}))
    assert caught.value.code == "reference_malformed"


@pytest.mark.parametrize(
    ("address", "public"),
    [
        ("9.9.9.9", True),
        ("2620:fe::fe", True),
        ("0.0.0.0", False),  # noqa: S104  # an address to refuse
        ("127.0.0.1", False),
        ("10.0.0.1", False),
        ("100.64.0.1", False),
        ("169.254.169.254", False),
        ("224.0.0.1", False),
        ("::", False),
        ("::1", False),
        ("fe80::1%eth0", False),
        ("fd00::1", False),
        ("ff02::1", False),
        ("::ffff:169.254.169.254", False),
        ("::ffff:9.9.9.9", True),
        ("64:ff9b::a9fe:a9fe", False),
        ("64:ff9b::909:909", True),
        ("2002:a9fe:a9fe::", False),
    ],
)
def test_wrapped_and_special_addresses_are_not_public(address: str, *, public: bool) -> None:
    assert is_public(address) is public


def test_the_addresses_that_were_checked_are_those_connected_to(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def resolve_name(host: str, port: int, *_: object, **__: object) -> list[tuple[object, ...]]:
        asked.append(host)
        addresses = ["9.9.9.9", "2620:fe::fe"] if host == "registry.test" else [host]
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in addresses]

    monkeypatch.setattr(socket, "getaddrinfo", resolve_name)
    with pytest.raises(Unavailable) as caught:
        make_client(RegistryAccess()).resolve(Reference.parse("registry.test/app:v1"), soon())
    assert caught.value.code == "registry_unavailable"
    assert asked == ["registry.test", "9.9.9.9", "2620:fe::fe"] * 2


def test_a_location_with_odd_characters_is_none() -> None:
    assert resolve_location("http://a/b", "/x y") is None
    assert resolve_location("http://a/b", "/x\u00e9") is None
    assert resolve_location("http://a/b", "/" + "x" * 10_000) is None
    assert resolve_location("http://a/b", "http://a:0/") is None
    assert resolve_location("http://a/b", "http://a:99999/") is None
    assert resolve_location("http://a/b", "c?d=e") == "http://a/c?d=e"


def _date(seconds: int) -> str:
    """An HTTP date so long after an hour of 1999."""
    return format_datetime(datetime(1999, 12, 31, 23, tzinfo=UTC) + timedelta(seconds=seconds), usegmt=True)


def counting(pauses: list[float], counted: list[str]) -> RegistryClient:
    access = RegistryAccess(plain_http_on_loopback=True)
    return RegistryClient(access=access, limits=Limits(), pause=pauses.append, count=counted.append)


@pytest.mark.parametrize("status", [429, 503])
def test_a_busy_registry_is_asked_again_when_it_says(registry: FakeRegistry, status: int) -> None:
    pauses: list[float] = []
    counted: list[str] = []
    registry.faults[BLOB_PATH] = Fault(status=status, headers=(("Retry-After", "3"),), times=1)
    client = counting(pauses, counted)
    assert client.fetch_blob(registry.repository("app"), DESCRIPTOR, soon()) == BLOB
    assert (pauses, counted) == ([3], ["sent", "delayed", "sent"])


@pytest.mark.parametrize(
    ("retry_after", "times", "requests"),
    [
        *(("10", 1, 1), ("9", 6, 6), ("", 1, 1), ("soon", 1, 1), ("-1", 1, 1), ("999999", 1, 1), ("\u0663", 1, 1)),
        *((_date(10), 1, 1), (_date(9), 6, 6), (_date(-9), 6, 6), ("Sat, 21 Nov 99999 12:00:00 GMT", 1, 1)),
    ],
)
def test_a_busy_registry_is_asked_five_times_more_at_the_most_and_within_the_deadline(
    registry: FakeRegistry, retry_after: str, times: int, requests: int
) -> None:
    header = retry_after.encode().decode("latin-1")
    headers = (("Retry-After", header), ("Date", _date(0)))
    registry.faults[BLOB_PATH] = Fault(status=429, headers=headers, times=times)
    with pytest.raises(Unavailable) as caught:
        counting([], []).fetch_blob(registry.repository("app"), DESCRIPTOR, soon(10))
    assert caught.value.code == "registry_unavailable"
    assert len(registry.requests) == requests


@pytest.mark.parametrize(("written", "seconds"), [("0", 0), ("7", 7), (_date(7), 7), (_date(-7), 0)])
def test_a_busy_registry_names_seconds_or_a_date_by_its_own_clock(
    registry: FakeRegistry, written: str, seconds: int
) -> None:
    pauses: list[float] = []
    headers = (("Retry-After", written), ("Date", _date(0)))
    registry.faults[BLOB_PATH] = Fault(status=429, headers=headers, times=5)
    client = counting(pauses, [])
    assert client.fetch_blob(registry.repository("app"), DESCRIPTOR, soon()) == BLOB
    assert pauses == [seconds] * 5


def test_what_is_not_repeatable_is_sent_once(registry: FakeRegistry) -> None:
    pauses: list[float] = []
    for fault in (Fault(status=429, headers=(("Retry-After", "1"),), method="POST"), Fault(drop=True, method="POST")):
        registry.faults["/v2/app/blobs/uploads/"] = fault
        with pytest.raises(Unavailable):
            counting(pauses, []).push_blob(registry.repository("app"), b"new", soon())
    assert (pauses, len(registry.paths("POST"))) == ([], 2)


def test_a_manifest_is_pushed_again_when_the_connection_broke(registry: FakeRegistry) -> None:
    counted: list[str] = []
    registry.faults["/v2/app/manifests/v2"] = Fault(drop=True, times=1)
    counting([], counted).push_manifest(registry.repository("app"), image(), OCI_MANIFEST, soon(), tag="v2")
    assert counted == ["sent", "repeated", "sent"]


@pytest.mark.parametrize("address", ["169.254.169.254", "[fe80::1]", "[::]", "224.0.0.1", "[::ffff:a9fe:a9fe]"])
def test_a_link_local_address_is_not_asked_even_when_it_is_named(address: str) -> None:
    for access in (
        RegistryAccess(allowed=frozenset({address}), plain_http=frozenset({address})),
        RegistryAccess(private_addresses=True),
    ):
        with pytest.raises(InvalidInput) as caught:
            make_client(access).resolve(
                Reference(repository=Repository(registry=address, path="app"), tag="v1"), soon()
            )
        assert caught.value.code == "registry_not_configured"


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return write_loopback_certificate(tmp_path_factory.mktemp("tls"))


def test_a_private_authority_is_trusted_when_configured(certificate: tuple[Path, Path]) -> None:
    with FakeRegistry.start(certificate=certificate) as registry:
        put_image(registry, "app")
        registry.put_blob("app", BLOB)
        named = frozenset({registry.host})
        assert refusal(registry, RegistryAccess(allowed=named)).code == "registry_unavailable"
        assert fetch(registry, RegistryAccess(allowed=named, certificate_authority=certificate[0])) == BLOB


def test_a_host_may_have_an_authority_of_its_own(certificate: tuple[Path, Path]) -> None:
    with FakeRegistry.start(certificate=certificate) as registry:
        registry.put_blob("app", BLOB)
        for authority, code in ((certificate[0], ""), (None, "registry_unavailable")):
            own = {registry.host: HostAccess(certificate_authority=authority)}
            if code:
                assert refusal(registry, RegistryAccess(hosts=own)).code == code
            else:
                assert fetch(registry, RegistryAccess(hosts=own)) == BLOB


def test_an_authority_that_is_replaced_is_heeded_by_the_next_request(
    certificate: tuple[Path, Path], tmp_path: Path
) -> None:
    authority = tmp_path / "ca.pem"
    authority.write_bytes(write_loopback_certificate(tmp_path)[0].read_bytes())
    with FakeRegistry.start(certificate=certificate) as registry:
        registry.put_blob("app", BLOB)
        access = RegistryAccess(allowed=frozenset({registry.host}), certificate_authority=authority)
        client = make_client(access)
        with pytest.raises(Unavailable) as caught:
            client.fetch_blob(registry.repository("app"), DESCRIPTOR, soon())
        assert caught.value.code == "registry_unavailable"
        authority.unlink()
        with pytest.raises(Unavailable):
            client.fetch_blob(registry.repository("app"), DESCRIPTOR, soon())
        authority.write_bytes(certificate[0].read_bytes())
        assert client.fetch_blob(registry.repository("app"), DESCRIPTOR, soon()) == BLOB


def test_a_token_host_is_never_asked_without_tls_when_the_registry_has_it(
    certificate: tuple[Path, Path], other: FakeRegistry
) -> None:
    with FakeRegistry.start(certificate=certificate) as registry:
        registry.put_blob("app", BLOB)
        registry.demand_login(TokenService(anonymous=True), realm=f"{other.url}/token")
        own = HostAccess(token_hosts=frozenset({other.host}), certificate_authority=certificate[0])
        access = RegistryAccess(plain_http=frozenset({other.host}), hosts={registry.host: own})
        assert refusal(registry, access).code == "realm_refused"
        assert other.requests == []
        registry.demand_login(TokenService(anonymous=True))
        assert fetch(registry, access) == BLOB


def test_a_slow_body_over_tls_ends_too(certificate: tuple[Path, Path]) -> None:
    with FakeRegistry.start(certificate=certificate) as registry:
        registry.put_blob("app", BLOB)
        registry.faults[BLOB_PATH] = Fault(seconds_per_octet=2)
        client = make_client(RegistryAccess(allowed=frozenset({registry.host}), certificate_authority=certificate[0]))
        with pytest.raises(Unavailable):
            client.fetch_blob(registry.repository("app"), DESCRIPTOR, soon(0.3))


def test_https_never_becomes_http(certificate: tuple[Path, Path], other: FakeRegistry) -> None:
    with FakeRegistry.start(certificate=certificate) as registry:
        registry.faults[BLOB_PATH] = Fault(status=307, location=f"http://{other.host}{BLOB_PATH}")
        access = RegistryAccess(
            allowed=frozenset({registry.host, other.host}),
            plain_http=frozenset({other.host}),
            certificate_authority=certificate[0],
        )
        assert "from https to http" in refusal(registry, access).message
        registry.faults[BLOB_PATH] = Fault(status=307, location=f"https://{registry.host}{BLOB_PATH}?", times=1)
        registry.put_blob("app", BLOB)
        assert fetch(registry, access) == BLOB
