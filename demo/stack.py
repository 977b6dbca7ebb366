"""A registry, the service and the webhook on loopback, each on a free port, in one scratch folder.

Demo, benchmarks and end-to-end tests run the same stack. Everything it starts dies with the process that started it.
"""

import hashlib
import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import requests

from assay.adapters.supervision.child import die_with_parent
from assay_webhooks.certificate import issue_serving_certificate

CHECKOUT = Path(__file__).resolve().parent.parent
TOOLS = CHECKOUT / ".tools" / "bin"
TENANT, ENVIRONMENT = "demo", "prod"
_READY_SECONDS = 60.0
_STOP_SECONDS = 30.0
_ATTEMPTS = 3
_LOWEST_PORT = 10_240
_EPHEMERAL_PORTS = Path("/proc/sys/net/ipv4/ip_local_port_range")


class StackError(RuntimeError):
    """A part of the stack did not start; the message names it and the end of its log."""


def free_port() -> int:
    """A port that was free a moment ago.

    Ports that the kernel hands out by itself, to outgoing connections too, are left alone: a server that stopped finds
    its port free when it starts again.
    """
    lowest_ephemeral = int(_EPHEMERAL_PORTS.read_text().split()[0])
    candidates = range(_LOWEST_PORT, lowest_ephemeral)
    for _ in range(_ATTEMPTS * 10):
        port = secrets.choice(candidates) if candidates else 0
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    raise StackError(f"no free port from {_LOWEST_PORT} to {lowest_ephemeral}")


def start_process(
    command: Sequence[str], log: Path, *, environment: dict[str, str] | None = None
) -> subprocess.Popen[bytes]:
    """Start a program that dies with us; its output goes to the log file."""
    with log.open("ab") as output:
        return subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            env={**os.environ, **(environment or {})},
            start_new_session=True,
            preexec_fn=die_with_parent,  # noqa: PLW1509  # started before any thread of ours
        )


def stop_process(process: subprocess.Popen[bytes]) -> None:
    """End a program: SIGTERM, and SIGKILL when it does not listen."""
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def wait_for(url: str, process: subprocess.Popen[bytes], log: Path, *, ca: Path | None = None) -> None:
    """Wait until the URL answers 200, the process has ended or the time is over."""
    give_up = time.monotonic() + _READY_SECONDS
    while time.monotonic() < give_up:
        if process.poll() is not None:
            break
        try:
            answer = requests.get(url, timeout=1, verify=str(ca) if ca else True)
            # Somebody else may answer on a port that ours could not get.
            if answer.status_code == requests.codes.ok and process.poll() is None:
                return
        except requests.RequestException:
            pass
        time.sleep(0.05)
    tail = log.read_text(errors="replace")[-2000:] if log.exists() else ""
    raise StackError(f"{url} did not become ready; the end of {log.name}:\n{tail}")


@dataclass(kw_only=True)
class RegistryServer:
    """A real registry (olareg) that stores in a folder."""

    folder: Path
    port: int = field(default_factory=free_port)
    process: subprocess.Popen[bytes] | None = None

    @property
    def host(self) -> str:
        """`127.0.0.1:PORT`."""
        return f"127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start it and wait for the API; a first start that meets a port taken meanwhile takes another one."""
        first = not self.folder.exists()
        self.folder.mkdir(parents=True, exist_ok=True)
        for attempt in range(_ATTEMPTS):
            command = [str(TOOLS / "olareg"), "serve", "--addr", "127.0.0.1", "--port", str(self.port)]
            command += ["--dir", str(self.folder), "--gc-frequency", "-1s", "--api-delete"]
            log = self.folder.parent / "registry.log"
            self.process = start_process(command, log)
            try:
                wait_for(f"http://{self.host}/v2/", self.process, log)
            except StackError:
                stop_process(self.process)
                if not first or attempt == _ATTEMPTS - 1:
                    raise
                self.port = free_port()
            else:
                return

    def blob_file(self, repository: str, digest_hex: str) -> Path:
        """Where the registry keeps a blob or manifest on disk."""
        return self.folder / repository / "blobs" / "sha256" / digest_hex

    def stop(self) -> None:
        """Stop it."""
        if self.process is not None:
            stop_process(self.process)


@dataclass(kw_only=True)
class Stack:
    """Keys, certificates, configuration and processes below one folder.

    `access` is who may call the service, `settings` goes at the end of the configuration. The webhook hears clients of
    the authority in the file `client_ca`, or every client. Beside its own registry the service contacts the hosts in
    `contacted`. Images come from the prefixes in `allowed`, else from its own registry. `covering` are the lines of the
    section `webhook` that say whom and what it judges, `demanded` further mandatory rules about requests;
    `stale_listing_seconds` is the rule data's bound, none where it is 0;
    `environments` are further ones of the tenant, each with what it demands differently. The service is started by the
    command `started_by`, which becomes it, or directly.
    """

    folder: Path
    registry: RegistryServer
    access: str = f"local: {{tenant: {TENANT}, environments: [{ENVIRONMENT}], roles: [gate, audit]}}"
    settings: str = ""
    client_ca: str = ""
    environments: Mapping[str, Mapping[str, object]] = field(default_factory=dict)
    contacted: tuple[str, ...] = ()
    allowed: tuple[str, ...] = ()
    covering: tuple[str, ...] = (f"tenant: {TENANT}", f"environment: {ENVIRONMENT}")
    demanded: tuple[str, ...] = ()
    stale_listing_seconds: int = 0
    workers: int = 2
    lame_duck_seconds: int = 0
    started_by: tuple[str, ...] = ()
    supervisor: subprocess.Popen[bytes] | None = None

    @classmethod
    def prepare(cls, folder: Path) -> "Stack":
        """Make the folder with a fresh signing key and a serving certificate of its own CA."""
        folder.mkdir(parents=True, exist_ok=True)
        stack = cls(folder=folder, registry=RegistryServer(folder=folder / "registry"))
        run_assay("keys", "generate", "--folder", str(folder / "keys"))
        run_assay("keys", "generate", "--folder", str(folder / "other-keys"))
        files = issue_serving_certificate(["127.0.0.1", "localhost"], now=datetime.now(UTC), lifetime=timedelta(days=1))
        for name, content in (("ca.crt", files.ca_pem), ("tls.crt", files.certificate_pem), ("tls.key", files.key_pem)):
            path = folder / name
            path.touch(mode=0o600)
            path.write_bytes(content)
        (folder / "layouts").mkdir(exist_ok=True)
        return stack

    @property
    def configuration(self) -> Path:
        """The configuration file."""
        return self.folder / "assay.yaml"

    @property
    def ca(self) -> Path:
        """The CA behind the webhook's certificate, and behind the service's when it has one."""
        return self.folder / "ca.crt"

    @property
    def state(self) -> Path:
        """The state folder of the service."""
        return self.folder / "state"

    def write_configuration(self) -> None:
        """Write configuration and rule data for this stack."""
        host = self.registry.host
        opa = hashlib.sha256((TOOLS / "opa").read_bytes()).hexdigest()
        rule_data = json.loads((CHECKOUT / "examples" / "configuration" / "rule-data.json").read_text())
        rule_data[TENANT][ENVIRONMENT]["allowed_registries"] = list(self.allowed or [host])
        rule_data[TENANT][ENVIRONMENT]["mandatory"]["request"] += self.demanded
        if self.stale_listing_seconds:
            rule_data[TENANT][ENVIRONMENT]["stale_listing_seconds"] = self.stale_listing_seconds
        for name, demands in self.environments.items():
            rule_data[TENANT][name] = {**rule_data[TENANT][ENVIRONMENT], **demands}
        (self.folder / "rule-data.json").write_text(json.dumps(rule_data))
        hosts = json.dumps([host, *self.contacted])
        covering = "\n  ".join(self.covering)
        client_ca = f", client_ca: {self.client_ca}" if self.client_ca else ""
        self.configuration.write_text(
            f"""\
version: 1
state: state
origin: assay.demo/log
service:
  listen: 127.0.0.1:0
  workers: {self.workers}
  lame_duck_seconds: {self.lame_duck_seconds}
  {self.access}
webhook:
  listen: 127.0.0.1:0
  workers: {self.workers}
  lame_duck_seconds: {self.lame_duck_seconds}
  tls: {{certificate: tls.crt, key: tls.key{client_ca}}}
  {covering}
policy: {{bundle: {CHECKOUT / "policies"}, rule_data: rule-data.json}}
opa: {{path: {TOOLS / "opa"}, sha256: {opa}}}
authorities:
  release: {{keys: [keys/cosign.pub]}}
registries: {{only: {hosts}, plain_http: {hosts}}}
layouts: layouts
{self.settings}"""
        )

    def start(self) -> None:
        """Start registry and service and wait until both are ready."""
        self.registry.start()
        self.write_configuration()
        self.start_service()

    def start_service(self) -> None:
        """Start the service and wait until it says that it is ready."""
        log = self.folder / "service.log"
        endpoints = self.state / "endpoints.json"
        endpoints.unlink(missing_ok=True)
        command = [*self.started_by, sys.executable, "-m", "assay", "serve", "--config", str(self.configuration)]
        self.supervisor = start_process(command, log)
        give_up = time.monotonic() + _READY_SECONDS
        while not endpoints.exists() and self.supervisor.poll() is None and time.monotonic() < give_up:
            time.sleep(0.05)
        if not endpoints.exists():
            raise StackError(f"the service did not start:\n{log.read_text(errors='replace')[-2000:]}")
        wait_for(f"{self.service_url}/readyz", self.supervisor, log, ca=self.ca)

    def endpoint(self, name: str) -> str:
        """The address of `service` or `webhook`."""
        return str(json.loads((self.state / "endpoints.json").read_text())[name])

    @property
    def service_url(self) -> str:
        """The URL of the service."""
        return self.endpoint("service")

    @property
    def webhook_url(self) -> str:
        """The URL of the webhook."""
        return self.endpoint("webhook")

    def child(self, name: str) -> int:
        """The process id of one of the supervisor's children (`opa`, `sequencer`, `service`, `webhook`)."""
        return int(json.loads((self.state / "processes.json").read_text())[name])

    def stop_service(self) -> None:
        """Stop the service alone."""
        if self.supervisor is not None:
            stop_process(self.supervisor)
            self.supervisor = None

    def stop(self) -> None:
        """Stop everything."""
        self.stop_service()
        self.registry.stop()


def run_assay(
    *arguments: str, check: bool = True, timeout: float = 300, environment: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run the command line as a user would, with an empty key password."""
    return subprocess.run(
        [sys.executable, "-m", "assay", *arguments],
        capture_output=True,
        text=True,
        timeout=timeout,
        check=check,
        env={**os.environ, "ASSAY_KEY_PASSWORD": "", **(environment or {})},
    )


def scratch_folder(parent: Path) -> Path:
    """A new folder of our own, so that two runs never meet."""
    folder = parent / f"{os.getpid()}-{secrets.token_hex(4)}"
    folder.mkdir(parents=True, mode=0o700)
    return folder
