"""What this machine is configured for: its module proxy and the certificates it trusts."""

import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

_GO_SETTINGS = ("GOPROXY", "GOSUMDB")
_USUAL_GO = "/usr/local/go/bin/go"
_GO_SECONDS = 30

# Where distributions keep the certificates that Go trusts (Go's crypto/x509, root_linux.go).
SYSTEM_CERTIFICATES = (
    Path("/etc/ssl/certs/ca-certificates.crt"),
    Path("/etc/pki/tls/certs/ca-bundle.crt"),
    Path("/etc/ssl/ca-bundle.pem"),
    Path("/etc/ssl/cert.pem"),
)


def go_settings(environment: Mapping[str, str]) -> dict[str, str]:
    """GOPROXY and GOSUMDB as the go command would use them (Go documentation, "Environment variables").

    The environment wins over the file of `go env -w`, and that over the defaults of the go command found on PATH or in
    its usual place. What none of them says is missing.
    """
    config = Path(environment.get("XDG_CONFIG_HOME", "") or Path.home() / ".config")
    file = Path(environment.get("GOENV", "") or config / "go" / "env")
    settings: dict[str, str] = {}
    if file.is_file():
        for line in file.read_text(encoding="utf-8").splitlines():
            name, _, value = line.partition("=")
            settings[name.strip()] = value.strip()
    settings.update({name: environment[name] for name in _GO_SETTINGS if environment.get(name)})
    known = {name: settings[name] for name in _GO_SETTINGS if name in settings}
    return known if "GOPROXY" in known else {**_default_proxy(environment), **known}


def _default_proxy(environment: Mapping[str, str]) -> dict[str, str]:
    go = shutil.which("go", path=environment.get("PATH", "")) or _USUAL_GO
    try:
        asked = subprocess.run([go, "env", "GOPROXY"], capture_output=True, text=True, timeout=_GO_SECONDS, check=True)
    except (OSError, subprocess.SubprocessError):
        return {}
    return {"GOPROXY": asked.stdout.strip()}


def trusted_certificates(environment: Mapping[str, str], places: Sequence[Path] = SYSTEM_CERTIFICATES) -> Path | None:
    """The certificates that Go trusts on this machine, a company's own proxy included.

    None where the user already chose for Python, or where the machine has no certificates of its own.
    """
    if environment.get("REQUESTS_CA_BUNDLE") or environment.get("CURL_CA_BUNDLE"):
        return None
    chosen = environment.get("SSL_CERT_FILE", "")
    candidates = (Path(chosen), *places) if chosen else tuple(places)
    return next((path for path in candidates if path.is_file()), None)
