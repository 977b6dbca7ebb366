"""`assay serve`: everything that runs, under one supervisor."""

import json
import os
import shutil
import socket
import ssl
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from assay.adapters.log.state import open_state
from assay.adapters.opa.command import opa_command
from assay.adapters.opa.generation import build_generation
from assay.adapters.opa.health import is_healthy
from assay.adapters.supervision.child import ChildSpec
from assay.adapters.supervision.lock import hold_supervisor_lock
from assay.adapters.supervision.server import ServerOptions, server_command
from assay.adapters.supervision.socket import listen_on
from assay.adapters.supervision.supervisor import supervise
from assay.adapters.supervision.tls import TlsPaths
from assay.bootstrap.access import cluster_access
from assay.bootstrap.installation import Installation
from assay.bootstrap.variables import CONFIGURATION_VARIABLE, GENERATION_VARIABLE
from assay.configuration.listener import Address
from assay.configuration.settings import (
    NotificationSettings,
    ProviderSettings,
    ServiceSettings,
    TlsFiles,
    WebhookSettings,
)
from assay.domain.digest import Digest
from assay.domain.errors import ConfigError
from assay.domain.notification import LARGEST_NOTIFICATION

_Server = ServiceSettings | WebhookSettings | ProviderSettings | NotificationSettings
_OPA_ENVIRONMENT = {"GOGC": "200"}
"""Half as many garbage collections: a fifth of the CPU of a query for five MiB (docs/performance.md)."""
_METRICS_VARIABLE = "PROMETHEUS_MULTIPROC_DIR"
_GRACE_SECONDS = 5.0
_BESIDE_GRACEFUL = 5
# What the webhook accepts; a server that reads less would refuse in a way that the API server cannot tell from a fault.
_LARGEST_REVIEW = 8 * 1024 * 1024
_LARGEST_QUESTION = 64 * 1024


def serve(installation: Installation, report: Callable[[str], None]) -> None:
    """Check everything, then run until SIGTERM; raises `ConfigError` before anything was started or changed."""
    open_state(installation.state)
    with hold_supervisor_lock(installation.state / "supervisor.lock"):
        _prepare_folders(installation)
        _run(installation, report)


def _run(installation: Installation, report: Callable[[str], None]) -> None:
    generation = make_generation(installation)
    _require_secrets(installation)
    servers = _servers(installation)
    listeners = {name: _listen(server.listen) for name, server in servers.items()}
    endpoints = _endpoints(servers, listeners)
    specs = _specs(installation, generation, listeners)

    def started(_: Mapping[str, int]) -> None:
        for name, address in endpoints.items():
            report(f"{name} listens on {address}")
        _write(installation.state / "endpoints.json", endpoints)

    def changed(running: Mapping[str, int]) -> None:
        _write(installation.state / "processes.json", {**running, "supervisor": os.getpid()})

    supervise(specs, started=started, changed=changed, report=report)


def _require_secrets(installation: Installation) -> None:
    """Raises `ConfigError(secret_unusable)` naming the file."""
    settings = installation.settings
    # Here, because the supervisor lives as long as the installation and needs nothing else of these modules.
    if settings.immutable_tags is not None:
        from assay.bootstrap.incidents import open_owners

        open_owners(installation, settings.immutable_tags)
    if settings.notifications is not None:
        from assay.bootstrap.notifications import open_secrets

        open_secrets(installation, settings.notifications)


def _servers(installation: Installation) -> Mapping[str, _Server]:
    settings = installation.settings
    configured: dict[str, _Server | None] = {
        "service": settings.service,
        "webhook": settings.webhook,
        "provider": settings.provider,
        "notifications": settings.notifications,
    }
    return {name: server for name, server in configured.items() if server is not None}


def _specs(installation: Installation, generation: Path, listeners: Mapping[str, socket.socket]) -> list[ChildSpec]:
    settings = installation.settings
    specs = [_opa(installation, generation), _sequencer(installation), *_refresher(installation)]
    specs.append(_service(installation, generation, listeners))
    if settings.webhook is not None and settings.webhook.prewarm is not None:
        specs.append(_prewarmer(installation, generation))
    if settings.webhook is not None:
        specs.append(_webhook(installation, settings.webhook, generation, listeners))
    if settings.provider is not None:
        specs.append(_provider(installation, settings.provider, generation, listeners))
    if settings.notifications is not None:
        specs.append(_notifications(installation, settings.notifications, generation, listeners))
    return specs


def make_generation(installation: Installation) -> Path:
    """The generation of policy for an installation; also proves that its trust material and its cluster can be read.

    Raises `ConfigError` naming the file, and `opa_digest_mismatch` when the binary is not the configured one.
    """
    installation.load_trust()
    cluster_access(installation)
    settings = installation.settings
    opa = installation.path(settings.opa)
    try:
        actual = Digest.of(opa.read_bytes())
    except OSError as error:
        raise ConfigError("opa_missing", f"{opa} cannot be read", remedy="run ./setup, or correct opa.path") from error
    if settings.opa_sha256 not in {None, actual}:
        raise ConfigError(
            "opa_digest_mismatch", f"{opa} has the digest {actual}", remedy="install the configured OPA, or correct it"
        )
    return build_generation(
        policies=installation.path(settings.policy_bundle),
        rule_data=installation.path(settings.rule_data),
        opa=opa,
        state=installation.state,
        authorities=[authority.name for authority in settings.trust.authorities],
        quorums=dict(settings.trust.quorums),
    )


def _prepare_folders(installation: Installation) -> None:
    for folder in (installation.run, installation.run / "metrics", installation.state / "logs"):
        if folder.name == "metrics":
            shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(mode=0o700, exist_ok=True)


def _listen(address: Address) -> socket.socket:
    path = Path(address.unix_path) if address.unix_path else None
    try:
        return listen_on(host=address.host, port=address.port, unix_path=path)
    except OSError as error:
        raise ConfigError(
            "address_unusable", f"{address} cannot be listened on: {error.strerror}", remedy="choose another address"
        ) from error


def _endpoints(servers: Mapping[str, _Server], listeners: Mapping[str, socket.socket]) -> dict[str, str]:
    found = {}
    for name, listener in listeners.items():
        if listener.family == socket.AF_UNIX:
            found[name] = f"unix:{listener.getsockname()}"
        else:
            host, port = listener.getsockname()[:2]
            scheme = "https" if servers[name].tls else "http"
            found[name] = f"{scheme}://{Address(host=host, port=port)}"
    return found


def _write(path: Path, document: Mapping[str, object]) -> None:
    temporary = path.with_suffix(".new")
    temporary.write_text(json.dumps(document) + "\n", encoding="utf-8")
    temporary.replace(path)


def _log(installation: Installation, name: str) -> Path:
    return installation.state / "logs" / f"{name}.log"


def _opa(installation: Installation, generation: Path) -> ChildSpec:
    command = opa_command(installation.path(installation.settings.opa), installation.opa_socket, generation / "bundle")
    return ChildSpec(
        name="opa",
        command=tuple(command),
        environment=_OPA_ENVIRONMENT,
        log=_log(installation, "opa"),
        grace=_GRACE_SECONDS,
        probe=lambda: is_healthy(installation.opa_socket),
    )


def _sequencer(installation: Installation) -> ChildSpec:
    return ChildSpec(
        name="sequencer",
        command=(sys.executable, "-m", "assay", "sequencer", "--config", str(installation.file)),
        log=_log(installation, "sequencer"),
        grace=_GRACE_SECONDS,
    )


def _refresher(installation: Installation) -> list[ChildSpec]:
    if all(root.tuf is None for root in installation.settings.trust.roots):
        return []
    return [
        ChildSpec(
            name="refresher",
            command=(sys.executable, "-m", "assay", "refresher", "--config", str(installation.file)),
            environment={_METRICS_VARIABLE: str(installation.run / "metrics")},
            log=_log(installation, "refresher"),
            grace=_GRACE_SECONDS,
        )
    ]


def _prewarmer(installation: Installation, generation: Path) -> ChildSpec:
    return ChildSpec(
        name="prewarmer",
        command=(sys.executable, "-m", "assay", "prewarmer"),
        environment=_engine_variables(installation, generation),
        log=_log(installation, "prewarmer"),
        grace=_GRACE_SECONDS,
    )


def _engine_variables(installation: Installation, generation: Path) -> Mapping[str, str]:
    return {
        CONFIGURATION_VARIABLE: str(installation.file),
        GENERATION_VARIABLE: str(generation),
        _METRICS_VARIABLE: str(installation.run / "metrics"),
    }


def _service(installation: Installation, generation: Path, listeners: Mapping[str, socket.socket]) -> ChildSpec:
    service = installation.settings.service
    octets = installation.settings.request_octets
    application = "assay.wsgi:application"
    return _web_server(
        installation, generation, "service", application, listeners["service"], service, service.tls, octets
    )


def _webhook(
    installation: Installation,
    webhook: WebhookSettings,
    generation: Path,
    listeners: Mapping[str, socket.socket],
) -> ChildSpec:
    application = "assay_webhooks.wsgi:application"
    return _web_server(
        installation, generation, "webhook", application, listeners["webhook"], webhook, webhook.tls, _LARGEST_REVIEW
    )


def _provider(
    installation: Installation,
    provider: ProviderSettings,
    generation: Path,
    listeners: Mapping[str, socket.socket],
) -> ChildSpec:
    return _web_server(
        installation,
        generation,
        "provider",
        "assay_webhooks.provider.wsgi:application",
        listeners["provider"],
        provider,
        provider.tls,
        _LARGEST_QUESTION,
        lowest=ssl.TLSVersion.TLSv1_3,
    )


def _notifications(
    installation: Installation,
    server: NotificationSettings,
    generation: Path,
    listeners: Mapping[str, socket.socket],
) -> ChildSpec:
    name, application = "notifications", "assay_webhooks.notification_wsgi:application"
    return _web_server(
        installation, generation, name, application, listeners[name], server, server.tls, LARGEST_NOTIFICATION
    )


def _web_server(
    installation: Installation,
    generation: Path,
    name: str,
    application: str,
    listener: socket.socket,
    server: _Server,
    tls: TlsFiles | None,
    most_octets: int,
    *,
    lowest: ssl.TLSVersion = ssl.TLSVersion.TLSv1_2,
) -> ChildSpec:
    graceful = installation.settings.decision_seconds + _BESIDE_GRACEFUL
    options = ServerOptions(
        workers=server.workers,
        threads=server.threads,
        read_seconds=server.read_seconds,
        lame_duck_seconds=server.lame_duck_seconds,
        graceful_seconds=graceful,
        most_octets=most_octets,
        tls=_tls_paths(installation, tls, lowest),
    )
    return ChildSpec(
        name=name,
        command=tuple(server_command(application, listener.fileno(), options)),
        environment=_engine_variables(installation, generation),
        descriptors=(listener.fileno(),),
        log=_log(installation, name),
        grace=server.lame_duck_seconds + graceful + _GRACE_SECONDS,
        front=True,
    )


def _tls_paths(installation: Installation, tls: TlsFiles | None, lowest: ssl.TLSVersion) -> TlsPaths | None:
    if tls is None:
        return None
    return TlsPaths(
        certificate=installation.path(tls.certificate),
        key=installation.path(tls.key),
        client_ca=installation.path(tls.client_ca) if tls.client_ca else None,
        lowest=lowest,
    )
