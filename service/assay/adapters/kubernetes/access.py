"""Where the API server is, and as whom it is asked."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from assay.domain.errors import ConfigError, InvalidInput
from assay.formats.kubeconfig import FileOrOctets, parse_kubeconfig

_ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
_LARGEST = 1024 * 1024  # one byte more is read, for the parser to refuse


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterAccess:
    """An API server with its authority, and the credential of who asks: a token, or a client certificate with its key.

    What is a path is read whenever it is needed, because Kubernetes replaces such files. Credentials are never shown by
    `repr`. Raises `ConfigError(cluster_not_configured)` for an address that is no plain https URL.
    """

    address: str
    authority: Path | bytes
    token: Path | bytes | None = field(default=None, repr=False)
    certificate: Path | bytes | None = None
    key: Path | bytes | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        if not _is_https(self.address):
            raise _not_configured("the address of the API server is no plain https URL")

    @classmethod
    def in_cluster(cls, environment: Mapping[str, str], *, account: Path | None = None) -> "ClusterAccess":
        """The access of a Pod: the address from its environment, authority and token from the mounted files.

        https://kubernetes.io/docs/tasks/run-application/access-api-from-pod/. Raises
        `ConfigError(cluster_not_configured)` outside of a Pod with a service account.
        """
        account = account or _ACCOUNT
        host, port = (environment.get(f"KUBERNETES_SERVICE_{part}", "") for part in ("HOST", "PORT"))
        if not host or not port.isdecimal() or not (account / "ca.crt").is_file():
            raise _not_configured("this is no Pod with a service account")
        address = f"https://[{host}]:{port}" if ":" in host else f"https://{host}:{port}"
        return cls(address=address, authority=account / "ca.crt", token=account / "token")

    @classmethod
    def from_kubeconfig(cls, file: Path) -> "ClusterAccess":
        """The access that the current context of a kubeconfig describes; `ConfigError` naming what cannot be used."""
        try:
            with file.open("rb") as handle:
                parsed = parse_kubeconfig(handle.read(_LARGEST + 1), what=str(file))
        except OSError as error:
            raise _not_configured(f"{file} cannot be read: {error.strerror}") from error
        except InvalidInput as error:
            raise ConfigError(error.code, error.message, remedy=error.remedy) from None

        def material(value: FileOrOctets) -> Path | bytes:
            return file.parent / value if isinstance(value, str) else value

        return cls(
            address=parsed.server.rstrip("/"),
            authority=material(parsed.authority),
            token=material(parsed.token) if parsed.token is not None else None,
            certificate=material(parsed.certificate) if parsed.certificate is not None else None,
            key=material(parsed.key) if parsed.key is not None else None,
        )


def _is_https(address: str) -> bool:
    try:
        parts = urlsplit(address)
        usable = parts.scheme == "https" and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False
    plain = not parts.path and not parts.query and not parts.fragment and "@" not in address
    return usable and plain and address.isascii() and address.isprintable()


def _not_configured(why: str) -> ConfigError:
    return ConfigError(
        "cluster_not_configured",
        f"the Kubernetes API cannot be reached: {why}",
        remedy="run in a Pod with a service account, or name a kubeconfig",
    )
