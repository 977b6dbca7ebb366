"""The locked inputs of the example build, fetched ahead so that everything after set-up works without a network."""

import os
from pathlib import Path

from scripts.checkout import Checkout, digest_of, stamp_holds, write_stamp
from scripts.progress import Progress
from scripts.virtual_environment import python_environment

_SPEC = Path("examples", "age", "assay.yaml")
_LOCK = Path("examples", "age", "assay.lock.json")

# Where distributions keep the certificates that Go trusts (Go's crypto/x509, root_linux.go).
_SYSTEM_CERTIFICATES = (
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
)


def inputs_are_current(checkout: Checkout) -> bool:
    """Whether everything this lock names was fetched; the builder checks every digest again when it uses them."""
    return stamp_holds(_stamp(checkout), _digest(checkout))


def fetch_inputs(checkout: Checkout, progress: Progress) -> None:
    """Fetch every locked input from the machine's module proxy into `.tools/inputs`, each checked by its SHA-256."""
    progress.run(
        [str(checkout.venv / "bin" / "assay"), "fetch", str(_SPEC), "--cache", str(checkout.inputs)],
        "locked inputs of examples/age: downloading",
        cwd=checkout.root,
        env=python_environment() | trusted_certificates(),
        remedy="check the network and the module proxy (GOPROXY), then run set-up again",
    )
    write_stamp(_stamp(checkout), _digest(checkout))


def trusted_certificates() -> dict[str, str]:
    """Settings that make a Python program trust what Go trusts on this machine, a company's own proxy included.

    Nothing is set where the user already chose for Python, or where the machine has no certificates of its own.
    """
    if os.environ.get("REQUESTS_CA_BUNDLE") or os.environ.get("CURL_CA_BUNDLE"):
        return {}
    chosen = os.environ.get("SSL_CERT_FILE", "")
    bundle = next((path for path in (chosen, *_SYSTEM_CERTIFICATES) if path and Path(path).is_file()), None)
    return {"REQUESTS_CA_BUNDLE": bundle} if bundle else {}


def _digest(checkout: Checkout) -> str:
    return digest_of([checkout.root / _LOCK])


def _stamp(checkout: Checkout) -> Path:
    # Among the inputs, so that it goes when they go.
    return checkout.inputs / "set-up"
