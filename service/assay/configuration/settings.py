"""The settings of one installation."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from assay.configuration.listener import Address
from assay.domain.break_glass import GrantRules
from assay.domain.caller import Caller
from assay.domain.coverage import Coverage
from assay.domain.digest import Digest
from assay.domain.evidence_format import EvidenceFormat
from assay.domain.key_uri import KeyUri
from assay.domain.mirror import MirrorNames
from assay.domain.notification import NotificationSource
from assay.domain.quorum import Quorum
from assay.domain.tenancy import TenantRule
from assay.verification.identity import IdentityPattern
from assay.verification.tag_rule import TagRule
from assay.verification.trust_root import TrustProfile


@dataclass(frozen=True, slots=True, kw_only=True)
class TlsFiles:
    """Paths of a serving certificate with its key, and of the CA that client certificates must come from."""

    certificate: str
    key: str
    client_ca: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceSettings:
    """The verification service.

    `callers` are known by the SHA-256 of their bearer token; `local` is the caller without a token, who exists only
    on a local address.
    """

    listen: Address
    workers: int
    threads: int
    read_seconds: int
    lame_duck_seconds: int
    tls: TlsFiles | None
    callers: tuple[tuple[Digest, Caller], ...]
    local: Caller | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PrewarmSettings:
    """How many images are verified before anybody asks, and whether those of ReplicaSets are among them."""

    images: int
    replica_sets: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookSettings:
    """The admission webhook: always TLS. `tenants` are in order, the first that matches a namespace counts.

    `timeout_seconds` is what the API server is told, and what a call gets that does not tell its own. Members of the
    group `exempt_namespace_creators` alone create namespaces of exempt names.
    """

    listen: Address
    workers: int
    threads: int
    read_seconds: int
    lame_duck_seconds: int
    timeout_seconds: int
    tls: TlsFiles
    tenants: tuple[TenantRule, ...]
    coverage: Coverage
    exempt_namespace_creators: str
    prewarm: PrewarmSettings | None = None

    @property
    def scopes(self) -> tuple[tuple[str, str], ...]:
        """Every tenant and environment that a namespace may belong to, once."""
        return tuple(sorted({(rule.tenant, rule.environment) for rule in self.tenants}))


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderSettings:
    """The provider for Gatekeeper: always TLS with client certificates for one of `client_names`.

    Everything that is asked is judged for one tenant and environment.
    """

    listen: Address
    workers: int
    threads: int
    read_seconds: int
    lame_duck_seconds: int
    tls: TlsFiles
    client_names: frozenset[str]
    tenant: str
    environment: str
    validation_milliseconds: int
    mutation_milliseconds: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceSettings:
    """Who may notify, and the paths of the files with the secrets that show who it is: all of them count."""

    source: NotificationSource
    secrets: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class NotificationSettings:
    """The server that registries notify of pushes: one process, because what it remembers is its own."""

    listen: Address
    threads: int
    read_seconds: int
    lame_duck_seconds: int
    tls: TlsFiles | None
    sources: tuple[SourceSettings, ...]

    @property
    def workers(self) -> int:
        """How many processes there are."""
        return 1


Server = ServiceSettings | WebhookSettings | ProviderSettings | NotificationSettings
"""A web server of the installation."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnerSettings:
    """Who hears of incidents: an https address, the path of the secret that signs, and that of the CA or nothing."""

    name: str
    url: str
    secret: str
    ca: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ImmutableTagSettings:
    """The tags that never move, by rules in order, and the owners that these name."""

    rules: tuple[TagRule, ...]
    owners: tuple[OwnerSettings, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterSettings:
    """The cluster whose admission is decided: the path of a kubeconfig, or an empty one for a Pod's service account."""

    kubeconfig: str
    namespace_max_age_seconds: int
    pull_secrets: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class RegistryHostSettings:
    """One registry: its mirrors, further hosts that issue its tokens, its own CA and the cloud that makes its login."""

    host: str
    mirrors: tuple[str, ...]
    token_hosts: tuple[str, ...]
    ca: str
    login: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RegistrySettings:
    """Which registries are contacted (`only`, empty means any), which of them by plain http, and a private CA.

    `credentials` are paths of files as docker writes them; `hosts` is what holds for single registries, and
    `mirror_names` the origins of their mirrors.
    """

    only: tuple[str, ...]
    plain_http: tuple[str, ...]
    ca: str
    credentials: tuple[str, ...]
    hosts: tuple[RegistryHostSettings, ...]
    mirror_names: MirrorNames


@dataclass(frozen=True, slots=True, kw_only=True)
class KeySettings:
    """A public key in a file or behind a URI, and the window, ends included, outside of which it does not count."""

    file: str = ""
    uri: KeyUri | None = None
    valid_from: datetime | None = None
    valid_until: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthoritySettings:
    """A named authority: its keys, its identities, and the name of its trust root, which may be empty."""

    name: str
    keys: tuple[KeySettings, ...]
    identities: tuple[IdentityPattern, ...]
    trust_root: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TufSettings:
    """A TUF repository: its address, and the path of the root metadata that it is trusted by.

    An empty `root` is that of the public-good instance, which comes with Assay. `target` is the name of the trusted
    root in the repository; `ca` the path of the CA behind the server's certificate, empty for the public ones.
    """

    url: str
    root: str
    target: str
    ca: str
    refresh_seconds: int
    max_age_seconds: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TrustRootSettings:
    """A trust root with its profile: the path of its file, or the repository it is fetched from.

    Without either it is the public-good root that comes with Assay.
    """

    name: str
    file: str
    tuf: TufSettings | None
    profile: TrustProfile


@dataclass(frozen=True, slots=True, kw_only=True)
class TrustSettings:
    """Whom the installation trusts."""

    authorities: tuple[AuthoritySettings, ...]
    quorums: tuple[tuple[str, Quorum], ...]
    roots: tuple[TrustRootSettings, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class CacheSettings:
    """How many seconds a verdict on evidence may serve: an allow, any other one, and without listing anew."""

    allow_seconds: int
    denial_seconds: int
    listing_seconds: int


@dataclass(frozen=True, slots=True, kw_only=True)
class BreakGlassSettings:
    """The path of the folder that grants lie in, and the rules for them."""

    grants: str
    rules: GrantRules


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Everything the configuration file says; paths are as written, relative ones belong to the file's folder."""

    state: str
    origin: str
    service: ServiceSettings
    webhook: WebhookSettings | None
    provider: ProviderSettings | None
    notifications: NotificationSettings | None
    immutable_tags: ImmutableTagSettings | None
    cluster: ClusterSettings | None
    policy_bundle: str
    rule_data: str
    opa: str
    opa_sha256: Digest | None
    trust: TrustSettings
    registries: RegistrySettings
    evidence: frozenset[EvidenceFormat]
    break_glass: BreakGlassSettings | None
    layouts: str
    cache: CacheSettings
    request_octets: int
    decision_seconds: int

    @property
    def servers(self) -> Mapping[str, Server]:
        """The web servers there are, by the names of their sections."""
        configured: Mapping[str, Server | None] = {
            "service": self.service,
            "webhook": self.webhook,
            "provider": self.provider,
            "notifications": self.notifications,
        }
        return {name: server for name, server in configured.items() if server is not None}

    @property
    def prewarmed(self) -> tuple[WebhookSettings, PrewarmSettings] | None:
        """The webhook whose images are verified before anybody asks, and how many; None where none are."""
        if self.webhook is None or self.webhook.prewarm is None:
            return None
        return self.webhook, self.webhook.prewarm
