"""`assay serve`: everything that runs, under one supervisor."""

import json
import os
import shutil
import socket
import ssl
import sys
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
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
from assay.configuration.settings import Server, Settings, TlsFiles
from assay.domain.admission import LARGEST_REVIEW
from assay.domain.digest import Digest
from assay.domain.errors import ConfigError
from assay.domain.notification import LARGEST_NOTIFICATION
from assay.domain.provider import LARGEST_PROVIDER_REQUEST

_MOST_OPA_CORES = 4
_METRICS_VARIABLE = "PROMETHEUS_MULTIPROC_DIR"
_GRACE_SECONDS = 5.0
_BESIDE_GRACEFUL = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class _Application:
    """What a web server serves.

    `most_octets` is what it accepts: a server that reads less would refuse in a way that the API server cannot tell
    from a fault.
    """

    name: str
    most_octets: int
    lowest: ssl.TLSVersion = ssl.TLSVersion.TLSv1_2


def serve(installation: Installation, report: Callable[[str], None]) -> None:
    """Check everything, then run until SIGTERM; raises `ConfigError` before anything was started."""
    open_state(installation.state)
    with hold_supervisor_lock(installation.state / "supervisor.lock"):
        _prepare_folders(installation)
        _run(installation, report)


def _run(installation: Installation, report: Callable[[str], None]) -> None:
    generation = make_generation(installation)
    _require_secrets(installation)
    require_tls_files(installation)
    addresses = {name: server.listen for name, server in installation.settings.servers.items()}
    with ExitStack() as opened:
        listeners = {name: opened.enter_context(_listen(address)) for name, address in addresses.items()}
        _supervise(installation, generation, listeners, report)


def _supervise(
    installation: Installation,
    generation: Path,
    listeners: Mapping[str, socket.socket],
    report: Callable[[str], None],
) -> None:
    servers = installation.settings.servers
    endpoints = _endpoints(servers, listeners)
    specs = [
        _opa(installation, generation),
        _sequencer(installation),
        *_refresher(installation),
        *_prewarmer(installation, generation),
        *(_web_server(installation, generation, name, servers[name], listeners[name]) for name in servers),
    ]

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


def require_tls_files(installation: Installation) -> None:
    """Raises `ConfigError(tls_file_missing)` naming the server and the file."""
    for name, server in installation.settings.servers.items():
        written = (server.tls.certificate, server.tls.key, server.tls.client_ca) if server.tls else ()
        for path in (installation.path(text) for text in written if text):
            if not path.is_file():
                raise ConfigError("tls_file_missing", f"{name}: there is no file {path}", remedy="correct the path")


def _applications(settings: Settings) -> Mapping[str, _Application]:
    return {
        "service": _Application(name="assay.wsgi:application", most_octets=settings.request_octets),
        "webhook": _Application(name="assay_webhooks.wsgi:application", most_octets=LARGEST_REVIEW),
        "provider": _Application(
            name="assay_webhooks.provider.wsgi:application",
            most_octets=LARGEST_PROVIDER_REQUEST,
            lowest=ssl.TLSVersion.TLSv1_3,
        ),
        "notifications": _Application(
            name="assay_webhooks.notification_wsgi:application", most_octets=LARGEST_NOTIFICATION
        ),
    }


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


def _endpoints(servers: Mapping[str, Server], listeners: Mapping[str, socket.socket]) -> dict[str, str]:
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


def _opa_bounds(cores: int, variables: Mapping[str, str]) -> Mapping[str, str]:
    """Variables of Go for OPA, unless somebody set them: half as many collections, and half of the cores.

    The one saves a fifth of a query, the other a tenth. Go takes turns among the questions on one core, so that a long
    one does not hold up the others (docs/performance.md).
    """
    bounds = {"GOGC": "200", "GOMAXPROCS": str(min(_MOST_OPA_CORES, max(1, cores // 2)))}
    return {name: variables.get(name, value) for name, value in bounds.items()}


def _log(installation: Installation, name: str) -> Path:
    return installation.state / "logs" / f"{name}.log"


def _opa(installation: Installation, generation: Path) -> ChildSpec:
    command = opa_command(installation.path(installation.settings.opa), installation.opa_socket, generation / "bundle")
    return ChildSpec(
        name="opa",
        command=tuple(command),
        environment=_opa_bounds(len(os.sched_getaffinity(0)), os.environ),
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


def _prewarmer(installation: Installation, generation: Path) -> list[ChildSpec]:
    if installation.settings.prewarmed is None:
        return []
    return [
        ChildSpec(
            name="prewarmer",
            command=(sys.executable, "-m", "assay", "prewarmer"),
            environment=_engine_variables(installation, generation),
            log=_log(installation, "prewarmer"),
            grace=_GRACE_SECONDS,
        )
    ]


def _engine_variables(installation: Installation, generation: Path) -> Mapping[str, str]:
    return {
        CONFIGURATION_VARIABLE: str(installation.file),
        GENERATION_VARIABLE: str(generation),
        _METRICS_VARIABLE: str(installation.run / "metrics"),
    }


def _web_server(
    installation: Installation, generation: Path, name: str, server: Server, listener: socket.socket
) -> ChildSpec:
    application = _applications(installation.settings)[name]
    graceful = installation.settings.decision_seconds + _BESIDE_GRACEFUL
    options = ServerOptions(
        workers=server.workers,
        threads=server.threads,
        read_seconds=server.read_seconds,
        lame_duck_seconds=server.lame_duck_seconds,
        graceful_seconds=graceful,
        most_octets=application.most_octets,
        tls=_tls_paths(installation, server.tls, application.lowest),
    )
    return ChildSpec(
        name=name,
        command=tuple(server_command(application.name, listener.fileno(), options)),
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
