"""Keys on a PKCS#11 token: a smart card, an HSM, SoftHSM.

The module is the token vendor's own code in our process: it is named by an absolute path, and a call into it cannot be
interrupted, so the deadline is looked at before it and not during it.
"""

import os
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import cast

import pkcs11
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicNumbers
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from pkcs11 import Attribute, KeyType, Mechanism, ObjectClass, _pkcs11
from pkcs11.exceptions import NoSuchToken, PinIncorrect, PinLocked, PKCS11Error
from pkcs11.util.ec import encode_ec_public_key

from assay.adapters.kms.answer import refuse_answer
from assay.adapters.kms.connection import denied
from assay.adapters.kms.key import ServiceKey, key_unknown, key_unsupported, read_public_key
from assay.domain.deadline import Deadline
from assay.domain.errors import ConfigError, Unavailable
from assay.domain.key_uri import Pkcs11Key
from assay.domain.signature_algorithm import SignatureAlgorithm
from assay.formats.signing_key import signature_algorithm

_SERVICE = "the PKCS#11 token"
_MECHANISMS = {
    SignatureAlgorithm.ECDSA_P256_SHA256: Mechanism.ECDSA,
    SignatureAlgorithm.ECDSA_P384_SHA384: Mechanism.ECDSA,
    SignatureAlgorithm.ECDSA_P521_SHA512: Mechanism.ECDSA,
    SignatureAlgorithm.ED25519: Mechanism.EDDSA,
    SignatureAlgorithm.RSA_PKCS1_SHA256: Mechanism.SHA256_RSA_PKCS,
}
# A module is process-wide, and a process that was forked must open it anew (PKCS #11 2.40, 6.6.2), which ends all of
# its sessions: hence one session at a time.
_ONE_AT_A_TIME = threading.Lock()


class Pkcs11KeyService:
    """One key on a token; the PIN goes to the token's module and is in no message."""

    def __init__(self, uri: Pkcs11Key, *, module: Path, pin: str) -> None:
        self._uri = uri
        self._module = module
        self._pin = pin
        self._process = 0

    @classmethod
    def open(cls, uri: Pkcs11Key, environment: Mapping[str, str]) -> "Pkcs11KeyService":
        """Find module and PIN: in the URI, else in `COSIGN_PKCS11_MODULE_PATH` and `COSIGN_PKCS11_PIN`.

        Nothing is loaded yet. Raises `ConfigError(kms_not_configured)`.
        """
        module = Path(uri.module or environment.get("COSIGN_PKCS11_MODULE_PATH", ""))
        if not module.is_absolute() or not module.is_file():
            raise ConfigError(
                "kms_not_configured",
                f"{_SERVICE} cannot be reached: no module is named by an absolute path",
                remedy="write module-path into the URI, or set COSIGN_PKCS11_MODULE_PATH",
            )
        return cls(uri, module=module, pin=uri.pin or environment.get("COSIGN_PKCS11_PIN", ""))

    def fetch_key(self, deadline: Deadline) -> ServiceKey:
        """The public key object; a key on a token has one version."""
        deadline.remaining(f"the answer of {_SERVICE}")
        with self._session() as session:
            spki = self._read_spki(self._find(session, ObjectClass.PUBLIC_KEY))
        public_key = read_public_key(spki, service=_SERVICE)
        return ServiceKey(public_key=public_key, algorithm=signature_algorithm(public_key), version="")

    def sign(self, key: ServiceKey, message: bytes, deadline: Deadline) -> bytes:
        """Sign on the token: the digest for ECDSA, the message itself otherwise."""
        deadline.remaining(f"the answer of {_SERVICE}")
        mechanism = _MECHANISMS[key.algorithm]
        octets = key.algorithm.digest(message) if mechanism is Mechanism.ECDSA else message
        with self._session() as session:
            signature = cast("pkcs11.SignMixin", self._find(session, ObjectClass.PRIVATE_KEY)).sign(
                octets, mechanism=mechanism
            )
        if mechanism is not Mechanism.ECDSA:
            return signature
        half = len(signature) // 2
        return encode_dss_signature(int.from_bytes(signature[:half], "big"), int.from_bytes(signature[half:], "big"))

    @contextmanager
    def _session(self) -> Iterator[pkcs11.Session]:
        with _ONE_AT_A_TIME:
            try:
                with self._find_token(self._load()).open(user_pin=self._pin or None) as session:
                    yield session
            except NoSuchToken as error:
                raise _unavailable("there is no such token") from error
            except (PinIncorrect, PinLocked) as error:
                raise denied(_SERVICE, "the PIN is wrong or locked") from error
            except (PKCS11Error, RuntimeError) as error:
                raise _unavailable(type(error).__name__) from error

    def _load(self) -> _pkcs11.lib:
        library = pkcs11.lib(str(self._module))
        if self._process not in {0, os.getpid()}:
            library.reinitialize()
        self._process = os.getpid()
        return library

    def _find_token(self, library: _pkcs11.lib) -> pkcs11.Token:
        if self._uri.token:
            return library.get_token(token_label=self._uri.token)
        for slot in library.get_slots(token_present=True):
            if slot.slot_id == self._uri.slot:
                return slot.get_token()
        raise NoSuchToken

    def _find(self, session: pkcs11.Session, kind: ObjectClass) -> pkcs11.Key:
        named = {Attribute.LABEL: self._uri.label} if self._uri.label else {Attribute.ID: self._uri.id}
        # All of them: a search that is left half-way keeps the session busy.
        found = list(session.get_objects({Attribute.CLASS: kind, **named}))
        if not found:
            raise key_unknown(_SERVICE, self._uri)
        if len(found) > 1:
            raise key_unsupported(_SERVICE, self._uri, "a name that several keys share")
        return cast("pkcs11.Key", found[0])

    def _read_spki(self, key: pkcs11.Key) -> bytes:
        try:
            match key.key_type:
                case KeyType.EC:
                    return encode_ec_public_key(cast("pkcs11.PublicKey", key))
                case KeyType.RSA:
                    numbers = (
                        int.from_bytes(key[name], "big") for name in (Attribute.PUBLIC_EXPONENT, Attribute.MODULUS)
                    )
                    public = RSAPublicNumbers(*numbers).public_key()
                    return public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
                case KeyType.EC_EDWARDS:
                    # The bare point, or the same inside an OCTET STRING: modules differ. Ed448 has a longer one.
                    point = Ed25519PublicKey.from_public_bytes(key[Attribute.EC_POINT].removeprefix(b"\x04\x20"))
                    return point.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
                case _:
                    raise key_unsupported(_SERVICE, self._uri, "the type")
        except ValueError as error:
            raise refuse_answer(_SERVICE, "its public key cannot be read") from error


def _unavailable(why: str) -> Unavailable:
    return Unavailable(
        "kms_unavailable", f"{_SERVICE} gave no answer: {why}", remedy="check token and module, then repeat"
    )
