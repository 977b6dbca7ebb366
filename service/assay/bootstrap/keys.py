"""Keys by name: files, key URIs and signer processes, each opened by its own adapter.

An adapter is imported when a key asks for it: the libraries of the clouds are extras, and start-up time counts.
"""

import functools
import os
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, assert_never

from assay.adapters.clock import SystemClock
from assay.adapters.kms.key import KeyService
from assay.adapters.kms.signer import CachedKeySource, KmsSigner
from assay.adapters.signing.key_file import KeyFileSigner, load_any_public_key
from assay.domain.deadline import Deadline
from assay.domain.errors import ConfigError, InvalidInput
from assay.domain.identity import PublicKey
from assay.domain.key_uri import AwsKey, AzureKey, GcpKey, KeyUri, KubernetesSecret, Pkcs11Key, TransitKey
from assay.formats.signing_key import parse_signing_key
from assay.ports import KeySource, Signer
from assay.usecases.checked_signer import CheckedSigner

if TYPE_CHECKING:
    from assay.adapters.kms.kubernetes_secret import KubernetesSecretReader

_SECONDS = 15.0


def open_signer(key: Path | KeyUri, *, password: bytes, environment: Mapping[str, str] = os.environ) -> Signer:
    """The signer for a key file or key URI; every signature of it is verified before it is handed out.

    Raises `ConfigError(kms_extra_missing)` when the key's cloud is not installed, and what its adapter raises.
    """
    if isinstance(key, Path):
        return CheckedSigner(KeyFileSigner.load(key, password))
    if isinstance(key, KubernetesSecret):
        material = _secret_reader(key, environment).fetch(_deadline())
        if not material.private_pem:
            raise InvalidInput(
                "kms_key_unknown", f"the secret {key} holds no cosign.key", remedy="name a secret with a private key"
            )
        return CheckedSigner(KeyFileSigner(parse_signing_key(material.private_pem, material.password)))
    return CheckedSigner(KmsSigner(_open_service(key, environment), clock=time.monotonic))


def fetch_public_key(
    key: Path | KeyUri, *, password: Callable[[], bytes], environment: Mapping[str, str] = os.environ
) -> PublicKey:
    """The public key of a file, private or public, or of a key URI; the password is asked for when it is needed."""
    if isinstance(key, Path):
        return load_any_public_key(key, password)
    return _fetcher(key, environment)(_deadline())


class KeyBook:
    """The public keys behind URIs, for verification; each is opened once, so that a reload keeps what was fetched."""

    def __init__(self, environment: Mapping[str, str] = os.environ) -> None:
        self._environment = environment
        self._sources: dict[KeyUri, KeySource] = {}

    def source(self, key: KeyUri) -> KeySource:
        """The source of one key; nothing is asked or opened yet."""
        if key not in self._sources:
            self._sources[key] = open_key_source(key, environment=self._environment)
        return self._sources[key]


def open_key_source(key: KeyUri, *, environment: Mapping[str, str] = os.environ) -> KeySource:
    """The public key behind a URI, for verification; its adapter is opened by the first fetch."""
    open_once = functools.cache(lambda: _fetcher(key, environment))

    def fetch(deadline: Deadline) -> PublicKey:
        return open_once()(deadline)

    return CachedKeySource(fetch, clock=SystemClock())


def _fetcher(key: KeyUri, environment: Mapping[str, str]) -> Callable[[Deadline], PublicKey]:
    if isinstance(key, KubernetesSecret):
        return _secret_reader(key, environment).fetch_public_key
    service = _open_service(key, environment)
    return lambda deadline: service.fetch_key(deadline).public_key


def _secret_reader(key: KubernetesSecret, environment: Mapping[str, str]) -> "KubernetesSecretReader":
    """Reads a key as a Pod does, with its own service account; `ConfigError(cluster_not_configured)` outside of one."""
    from assay.adapters.kms.kubernetes_secret import KubernetesSecretReader
    from assay.adapters.kubernetes.access import ClusterAccess
    from assay.adapters.kubernetes.connection import KubernetesConnection
    from assay.adapters.kubernetes.secret import SecretReader

    secrets = SecretReader(connection=KubernetesConnection(access=ClusterAccess.in_cluster(environment)))

    def fetch(namespace: str, name: str, deadline: Deadline) -> Mapping[str, bytes] | None:
        secret = secrets.fetch_secret(namespace, name, deadline)
        return dict(secret.members) if secret is not None else None

    return KubernetesSecretReader(uri=key, fetch_secret=fetch)


def _open_service(
    key: AwsKey | GcpKey | AzureKey | TransitKey | Pkcs11Key, environment: Mapping[str, str]
) -> KeyService:
    try:
        return _import_service(key, environment)
    except ImportError as error:
        extra = str(key).partition(":")[0].removesuffix("kms")
        raise ConfigError(
            "kms_extra_missing",
            f"the key {key} needs the extra {extra!r}, which is not installed",
            remedy=f"pip install 'assay[{extra}]'",
        ) from error


def _import_service(
    key: AwsKey | GcpKey | AzureKey | TransitKey | Pkcs11Key, environment: Mapping[str, str]
) -> KeyService:
    match key:
        case TransitKey():
            from assay.adapters.kms.vault import TransitKeyService

            return TransitKeyService.open(key, environment)
        case AwsKey():
            from assay.adapters.kms.aws import AwsKeyService

            return AwsKeyService.open(key, environment)
        case GcpKey():
            from assay.adapters.kms import gcp

            return gcp.GcpKeyService(key, tokens=gcp.default_tokens())
        case AzureKey():
            from assay.adapters.kms import azure

            return azure.AzureKeyService(key, tokens=azure.default_tokens(key))
        case Pkcs11Key():
            from assay.adapters.kms.pkcs11 import Pkcs11KeyService

            return Pkcs11KeyService.open(key, environment)
        case _:
            assert_never(key)


def _deadline() -> Deadline:
    return Deadline.after(_SECONDS, time.monotonic)
