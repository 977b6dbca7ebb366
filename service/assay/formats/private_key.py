"""Encrypted private keys in the form of `cosign.key`: scrypt and NaCl secretbox."""

import hashlib
import json

from nacl.exceptions import CryptoError
from nacl.secret import SecretBox

from assay.domain.errors import InvalidInput
from assay.formats.base64text import decode_base64, encode_base64
from assay.formats.pem import decode_pem, encode_pem
from assay.formats.strict_json import parse_json

ENCRYPTED_LABELS = frozenset({"ENCRYPTED SIGSTORE PRIVATE KEY", "ENCRYPTED COSIGN PRIVATE KEY"})
SALT_OCTETS = 32
NONCE_OCTETS = SecretBox.NONCE_SIZE

_LABEL = "ENCRYPTED SIGSTORE PRIVATE KEY"
_WHAT = "the private key"
_COST = 2**16
_ACCEPTED_COSTS = frozenset({2**15, 2**16, 2**17})
_BLOCK_SIZE = 8
_MOST_MEMORY = 2**28
_KDF = "scrypt"
_CIPHER = "nacl/secretbox"


def encrypt_private_key(pkcs8_der: bytes, password: bytes, *, salt: bytes, nonce: bytes) -> bytes:
    """Encrypt a private key; cosign reads the result.

    `salt` has 32 bytes and `nonce` 24, both fresh and random for every call. The empty password is legal and
    protects nothing.
    """
    box = SecretBox(_derive(password, salt, cost=_COST))
    document = {
        "kdf": {
            "name": _KDF,
            "params": {"N": _COST, "r": _BLOCK_SIZE, "p": 1},
            "salt": encode_base64(salt),
        },
        "cipher": {"name": _CIPHER, "nonce": encode_base64(nonce)},
        "ciphertext": encode_base64(box.encrypt(pkcs8_der, nonce).ciphertext),
    }
    return encode_pem(_LABEL, json.dumps(document, separators=(",", ":")).encode("ascii"))


def decrypt_private_key(pem: bytes, password: bytes) -> bytes:
    """Decrypt a private key into DER: PKCS#8, or SEC1 in some old files.

    Only scrypt with N of 2^15 to 2^17, r 8 and p 1 is run, so a file cannot ask for more than 128 MiB. Raises
    `InvalidInput`: `key_malformed`, `key_unsupported` for another cipher or cost, `key_password_wrong`.
    """
    label, octets = decode_pem(pem, what=_WHAT)
    if label not in ENCRYPTED_LABELS:
        raise _unsupported("it is not an encrypted cosign key")
    document = _object(_parse(octets), {"kdf", "cipher", "ciphertext"})
    kdf = _object(document["kdf"], {"name", "params", "salt"})
    cipher = _object(document["cipher"], {"name", "nonce"})
    cost = _read_cost(kdf, cipher)
    salt = _octets(kdf["salt"], length=SALT_OCTETS)
    nonce = _octets(cipher["nonce"], length=NONCE_OCTETS)
    ciphertext = _octets(document["ciphertext"])
    try:
        return SecretBox(_derive(password, salt, cost=cost)).decrypt(ciphertext, nonce)
    except CryptoError as error:
        raise InvalidInput(
            "key_password_wrong", f"{_WHAT} does not open with this password", remedy="check the password"
        ) from error


def _parse(octets: bytes) -> object:
    try:
        return parse_json(octets, what=_WHAT, largest=len(octets))
    except InvalidInput as error:
        raise _malformed("it holds no strict JSON") from error


def _derive(password: bytes, salt: bytes, *, cost: int) -> bytes:
    return hashlib.scrypt(
        password, salt=salt, n=cost, r=_BLOCK_SIZE, p=1, maxmem=_MOST_MEMORY, dklen=SecretBox.KEY_SIZE
    )


def _read_cost(kdf: dict[str, object], cipher: dict[str, object]) -> int:
    if kdf["name"] != _KDF or cipher["name"] != _CIPHER:
        raise _unsupported("it uses another cipher than scrypt and secretbox")
    params = _object(kdf["params"], {"N", "r", "p"})
    cost = params["N"]
    if not isinstance(cost, int) or cost not in _ACCEPTED_COSTS or (params["r"], params["p"]) != (_BLOCK_SIZE, 1):
        raise _unsupported("its scrypt cost is none of those accepted")
    return cost


def _object(value: object, names: set[str]) -> dict[str, object]:
    if not isinstance(value, dict) or value.keys() != names:
        raise _malformed("it lacks a member or has an unknown one")
    return value


def _octets(value: object, *, length: int | None = None) -> bytes:
    octets = decode_base64(value, what=_WHAT, code="key_malformed") if isinstance(value, str) else None
    if octets is None or length not in {None, len(octets)}:
        raise _malformed("salt, nonce or ciphertext cannot be read")
    return octets


def _malformed(why: str) -> InvalidInput:
    return InvalidInput("key_malformed", f"{_WHAT} cannot be read: {why}", remedy="make a new one: assay keys generate")


def _unsupported(why: str) -> InvalidInput:
    return InvalidInput("key_unsupported", f"{_WHAT} is not accepted: {why}", remedy="make one: assay keys generate")
