"""Two transparency logs as Rekor v1 and v2 are: entry bodies, tree, checkpoint, signed entry timestamp.

Every step can be changed before it is signed (`promised`, `checkpoint`) or after (`note`, `entry`).
"""

import base64
import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tests.fakes.certificate import NOW, private_key, spki

Json = dict[str, Any]
Edit = Callable[[Json], object]
SHARD = 1_000_000
"""What the global index of an entry exceeds its index in the tree by (v1)."""


def nothing(_: Json) -> None:
    """Change nothing."""


def b64(octets: bytes) -> str:
    return base64.b64encode(octets).decode()


def canonical(document: object) -> bytes:
    """The canonical form of documents without floats and with ASCII keys (RFC 8785)."""
    return json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def tree_hash(leaves: Sequence[bytes]) -> bytes:
    """The definition of RFC 6962, section 2.1."""
    if len(leaves) == 1:
        return hashlib.sha256(b"\x00" + leaves[0]).digest()
    split = 1 << (len(leaves) - 1).bit_length() - 1
    return hashlib.sha256(b"\x01" + tree_hash(leaves[:split]) + tree_hash(leaves[split:])).digest()


def audit_path(index: int, leaves: Sequence[bytes]) -> list[bytes]:
    """The definition of RFC 6962, section 2.1.1."""
    if len(leaves) == 1:
        return []
    split = 1 << (len(leaves) - 1).bit_length() - 1
    if index < split:
        return [*audit_path(index, leaves[:split]), tree_hash(leaves[split:])]
    return [*audit_path(index - split, leaves[split:]), tree_hash(leaves[:split])]


@dataclass(frozen=True, kw_only=True)
class FakeLog:
    """A log of generation 1 (ECDSA P-256, or any `kind`) or 2 (Ed25519, `kind` is not looked at)."""

    name: str = "rekor.test"
    generation: int = 1
    kind: str = "p256"

    @property
    def key(self) -> ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey:
        key = private_key(f"log {self.name}", self.kind if self.generation == 1 else "ed25519")
        assert isinstance(key, ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey)
        return key

    @property
    def log_id(self) -> bytes:
        """SHA-256 of the key (v1), or the note's whole key id (v2)."""
        if self.generation == 1:
            return hashlib.sha256(spki(self.key)).digest()
        raw = self.key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        return hashlib.sha256(self.name.encode() + b"\n\x01" + raw).digest()

    @property
    def origin(self) -> str:
        return f"{self.name} - 1193050959916656506" if self.generation == 1 else self.name

    def sign(self, message: bytes) -> bytes:
        key = self.key
        return (
            key.sign(message) if isinstance(key, ed25519.Ed25519PrivateKey) else key.sign(message, ec.ECDSA(SHA256()))
        )

    def sign_line(self, text: str, *, name: str = "", hint: bytes | None = None) -> str:
        """A signature line of a note: `name` and `hint` are the log's own unless given."""
        octets = (self.log_id[:4] if hint is None else hint) + self.sign(text.encode())
        return f"\u2014 {name or self.name} {b64(octets)}\n"

    def checkpoint(self, size: int, root: bytes) -> str:
        """The text of a checkpoint, unsigned."""
        return f"{self.origin}\n{size}\n{b64(root)}\n"

    def sign_entry(self, body: bytes, *, at: datetime, index: int, promised: Edit = nothing) -> bytes:
        """A signed entry timestamp; `promised` changes the payload before it is signed."""
        payload: Json = {
            "body": b64(body),
            "integratedTime": int(at.timestamp()),
            "logID": self.log_id.hex(),
            "logIndex": index,
        }
        promised(payload)
        return self.sign(canonical(payload))

    def enter(
        self,
        body: Json,
        *,
        at: datetime = NOW,
        index: int = 1,
        size: int = 3,
        promise: bool = True,
        proof: bool = True,
        promised: Edit = nothing,
        checkpoint: Callable[[str], str] = str,
        note: Callable[[str], str] = str,
        signers: Sequence["FakeLog"] | None = None,
        entry: Edit = nothing,
    ) -> Json:
        """An entry of a bundle: `body` is leaf `index` of a tree of `size` leaves.

        `promise` and `proof` say what comes with it (v2 never promises); `signers` replace the log under the
        checkpoint.
        """
        octets = canonical(body)
        leaves = [b"neighbour %d" % number for number in range(size)]
        leaves[index] = octets
        minted: Json = {
            "logIndex": str(index + SHARD if self.generation == 1 else index),
            "logId": {"keyId": b64(self.log_id)},
            "kindVersion": {"kind": body["kind"], "version": body["apiVersion"]},
            "canonicalizedBody": b64(octets),
        }
        if self.generation == 1:
            minted["integratedTime"] = str(int(at.timestamp()))
        if promise and self.generation == 1:
            signed = self.sign_entry(octets, at=at, index=index + SHARD, promised=promised)
            minted["inclusionPromise"] = {"signedEntryTimestamp": b64(signed)}
        if proof:
            text = checkpoint(self.checkpoint(size, tree_hash(leaves)))
            lines = [log.sign_line(text) for log in ((self,) if signers is None else signers)]
            minted["inclusionProof"] = {
                "logIndex": str(index),
                "rootHash": b64(tree_hash(leaves)),
                "treeSize": str(size),
                "hashes": [b64(each) for each in audit_path(index, leaves)],
                "checkpoint": {"envelope": note(f"{text}\n{''.join(lines)}")},
            }
        entry(minted)
        return minted


@dataclass(frozen=True, kw_only=True)
class Signed:
    """What a log is told about a signature: `pem` and `der` are the certificate's or the key's.

    `envelope` is the whole DSSE as JSON bytes, empty for signatures over something else; `message` is what was signed.
    """

    message: bytes
    signature: bytes
    pem: bytes
    der: bytes
    is_certificate: bool
    key_details: str = "PKIX_ECDSA_P256_SHA_256"
    envelope: bytes = b""
    payload: bytes = b""
    payload_type: str = ""
    hash_name: str = "sha256"


def hashedrekord_1(signed: Signed) -> Json:
    return _body(
        "hashedrekord",
        "0.0.1",
        {"data": {"hash": _hash(signed.message, signed.hash_name)}, "signature": _signature(signed)},
    )


def rekord_1(signed: Signed) -> Json:
    signature = {**_signature(signed), "format": "x509"}
    return _body("rekord", "0.0.1", {"data": {"hash": _hash(signed.message, signed.hash_name)}, "signature": signature})


def hashedrekord_2(signed: Signed) -> Json:
    verifier = {
        "keyDetails": signed.key_details,
        "x509Certificate" if signed.is_certificate else "publicKey": {"rawBytes": b64(signed.der)},
    }
    algorithm = "SHA2_" + signed.hash_name.removeprefix("sha")
    digest = {"algorithm": algorithm, "digest": b64(hashlib.new(signed.hash_name, signed.message).digest())}
    content = {"data": digest, "signature": {"content": b64(signed.signature), "verifier": verifier}}
    return _body("hashedrekord", "0.0.2", {"hashedRekordV002": content})


def dsse_1(signed: Signed) -> Json:
    spec = {
        "envelopeHash": _hash(signed.envelope),
        "payloadHash": _hash(signed.payload),
        "signatures": [{"signature": b64(signed.signature), "verifier": b64(signed.pem)}],
    }
    return _body("dsse", "0.0.1", spec)


def intoto_1(signed: Signed) -> Json:
    content = {"hash": _hash(signed.envelope), "payloadHash": _hash(signed.payload)}
    return _body("intoto", "0.0.1", {"content": content, "publicKey": b64(signed.pem)})


def intoto_2(signed: Signed) -> Json:
    twice = b64(b64(signed.signature).encode())
    content = {
        "envelope": {
            "payloadType": signed.payload_type,
            "signatures": [{"publicKey": b64(signed.pem), "sig": twice}],
        },
        "hash": _hash(signed.envelope),
        "payloadHash": _hash(signed.payload),
    }
    return _body("intoto", "0.0.2", {"content": content})


BODIES: Mapping[str, Callable[[Signed], Json]] = {
    "hashedrekord 0.0.1": hashedrekord_1,
    "hashedrekord 0.0.2": hashedrekord_2,
    "rekord 0.0.1": rekord_1,
    "dsse 0.0.1": dsse_1,
    "intoto 0.0.1": intoto_1,
    "intoto 0.0.2": intoto_2,
}


def _body(kind: str, version: str, spec: Json) -> Json:
    return {"apiVersion": version, "kind": kind, "spec": spec}


def _hash(octets: bytes, name: str = "sha256") -> Json:
    return {"algorithm": name, "value": hashlib.new(name, octets).hexdigest()}


def _signature(signed: Signed) -> Json:
    return {"content": b64(signed.signature), "publicKey": {"content": b64(signed.pem)}}
