"""Logins that a cloud makes for its own registries: ECR, Artifact Registry and Container Registry, ACR.

Each is bound to hosts that match a whole pattern (CVE-2025-27403: a look-alike suffix gets nothing), and is remembered
for half an hour.
"""

import base64
import importlib
import importlib.util
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from threading import Lock
from typing import Any

import requests

from assay.domain.credential import Credential
from assay.domain.deadline import Deadline
from assay.domain.errors import ConfigError, InvalidInput, Unavailable
from assay.formats.strict_json import parse_json
from assay.transport.session import DirectSession

ECR = re.compile(r"(?P<account>[0-9]{12})\.dkr\.ecr(?:-fips)?\.(?P<region>[a-z0-9-]{2,40})\.amazonaws\.com(?:\.cn)?")
GOOGLE = re.compile(r"(?:(?:us|eu|asia)\.)?gcr\.io|[a-z0-9-]{2,40}-docker\.pkg\.dev")
AZURE = re.compile(r"[a-z0-9]{5,50}\.azurecr\.io")

_GOOGLE_METADATA = "http://169.254.169.254/computeMetadata/v1/instance/service-accounts/default/token"
_AZURE_METADATA = "http://169.254.169.254/metadata/identity/oauth2/token"
_AZURE_AUDIENCE = "https://management.azure.com/"
_AZURE_USER = "00000000-0000-0000-0000-000000000000"
_LARGEST = 128 * 1024
_SECONDS = 5.0
_REMEMBERED_SECONDS = 1800.0

Make = Callable[[str, float], Credential]
"""Makes the credential for a registry within some seconds; raises `Unavailable` and `ConfigError` only."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cloud:
    """One cloud: the hosts its logins are for, how they are made, and the extra and module which that needs."""

    hosts: re.Pattern[str]
    make: Make
    extra: str = ""
    module: str = ""


@dataclass(slots=True)
class CloudLogin:
    """Makes credentials for exactly one registry of a cloud, and remembers them.

    Raises `ConfigError`: `cloud_login_refused` when the host is not one of that cloud's registries,
    `login_extra_missing` when the cloud's library is not installed.
    """

    registry: str
    cloud: Cloud = field(repr=False)
    _kept: tuple[Credential, float] | None = field(default=None, repr=False)
    _lock: Lock = field(default_factory=Lock, repr=False)

    def __post_init__(self) -> None:
        if not self.cloud.hosts.fullmatch(self.registry):
            raise ConfigError(
                "cloud_login_refused",
                f"{self.registry} is not a registry of that cloud",
                remedy="give the registry the login of its own cloud, or a credential of its own",
            )
        if self.cloud.module and importlib.util.find_spec(self.cloud.module) is None:
            raise ConfigError(
                "login_extra_missing",
                f"the login for {self.registry} needs {self.cloud.module}, which is not installed",
                remedy=f"install `assay[{self.cloud.extra}]`",
            )

    def find(self, registry: str, deadline: Deadline) -> Credential | None:
        """The credential for the registry, None for any other host."""
        if registry != self.registry:
            return None
        with self._lock:
            if self._kept is not None and self._kept[1] > deadline.clock():
                return self._kept[0]
        made = self.cloud.make(registry, min(_SECONDS, deadline.remaining(f"the login of {registry}")))
        with self._lock:
            self._kept = (made, deadline.clock() + _REMEMBERED_SECONDS)
        return made


def make_ecr_login(registry: str, seconds: float) -> Credential:
    """ECR's `GetAuthorizationToken`, through botocore and the credentials it finds on this machine."""
    session: Any = importlib.import_module("botocore.session")
    botocore: Any = importlib.import_module("botocore.exceptions")
    configuration: Any = importlib.import_module("botocore.config")
    found = ECR.fullmatch(registry)
    account, region = (found["account"], found["region"]) if found else ("", "")
    config = configuration.Config(connect_timeout=seconds, read_timeout=seconds, retries={"total_max_attempts": 1})
    try:
        client = session.get_session().create_client("ecr", region_name=region, config=config)
        answer = client.get_authorization_token(registryIds=[account])
        packed = answer["authorizationData"][0]["authorizationToken"]
        username, _, secret = base64.b64decode(packed).decode().partition(":")
        return Credential(username=username, secret=secret)
    except (botocore.BotoCoreError, botocore.ClientError, LookupError, ValueError, InvalidInput) as error:
        raise _failed(registry, type(error).__name__) from None


@dataclass(frozen=True, slots=True, kw_only=True)
class GoogleLogin:
    """The access token of the machine's service account, from the metadata server."""

    metadata: str = _GOOGLE_METADATA

    def make(self, registry: str, seconds: float) -> Credential:
        """A credential of the service account; `Unavailable(registry_denied)` when there is none."""
        answer = _ask(registry, "GET", self.metadata, seconds, headers={"Metadata-Flavor": "Google"})
        return Credential(username="oauth2accesstoken", secret=answer("access_token"))


@dataclass(frozen=True, slots=True, kw_only=True)
class AzureLogin:
    """The machine's managed identity, exchanged for an identity token at the registry itself."""

    metadata: str = _AZURE_METADATA
    exchange: str = "https://{registry}/oauth2/exchange"

    def make(self, registry: str, seconds: float) -> Credential:
        """An identity token for the registry; `Unavailable(registry_denied)` when there is none."""
        query = {"api-version": "2018-02-01", "resource": _AZURE_AUDIENCE}
        machine = _ask(registry, "GET", self.metadata, seconds, headers={"Metadata": "true"}, query=query)
        form = {"grant_type": "access_token", "service": registry, "access_token": machine("access_token")}
        answer = _ask(registry, "POST", self.exchange.format(registry=registry), seconds, form=form)
        return Credential(username=_AZURE_USER, secret=answer("refresh_token"), identity_token=True)


CLOUDS: Mapping[str, Cloud] = {
    "aws": Cloud(hosts=ECR, make=make_ecr_login, extra="aws", module="botocore"),
    "azure": Cloud(hosts=AZURE, make=AzureLogin().make),
    "gcp": Cloud(hosts=GOOGLE, make=GoogleLogin().make),
}
"""By the word that the configuration uses for the cloud."""


def _ask(
    registry: str,
    method: str,
    url: str,
    seconds: float,
    *,
    headers: Mapping[str, str] | None = None,
    query: Mapping[str, str] | None = None,
    form: Mapping[str, str] | None = None,
) -> Callable[[str], str]:
    """Ask one fixed address, no proxy and no redirect, and return a reader for the members of its answer."""
    with DirectSession() as session:
        try:
            response = session.request(
                method,
                url,
                headers=dict(headers or {}),
                params=query,
                data=form,
                timeout=(min(2.0, seconds), seconds),
                allow_redirects=False,
                stream=True,
            )
            octets = response.raw.read(_LARGEST + 1, decode_content=False)
        except (requests.RequestException, OSError, ValueError) as error:
            raise _failed(registry, type(error).__name__) from None
    if response.status_code != 200:
        raise _failed(registry, f"status {response.status_code}")
    return lambda name: _member(octets, name, registry)


def _member(octets: bytes, name: str, registry: str) -> str:
    try:
        document = parse_json(octets, what="the login", largest=_LARGEST)
    except InvalidInput:
        document = None  # the parser's message could quote a token
    value = document.get(name) if isinstance(document, dict) else None
    if not isinstance(value, str) or not value or not value.isprintable():
        raise _failed(registry, f"the answer has no usable {name}")
    return value


def _failed(registry: str, why: str) -> Unavailable:
    return Unavailable(
        "registry_denied",
        f"no login for {registry} could be made: {why}",
        remedy="check that this machine has an identity that may read the registry",
    )
