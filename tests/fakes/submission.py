"""What logs answer to those who submit: a certificate transparency log without a tree, and Rekor v1 in memory."""

import base64
import hashlib
import json
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime

from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA384
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tests.fakes.certificate import FakeCtLog, Sct, curve_key
from tests.fakes.transparency import SHARD, FakeLog, Json, Signed, audit_path, b64, canonical, dsse_1, tree_hash

_TREE_ID = "108e9186e8c5677a"
_LENGTH_OCTETS = 2
_BEFORE_SIGNATURE = 1 + 32 + 8 + 2
"""Version, log id, time and the length of no extensions (RFC 6962, section 3.2)."""


def promise_certificate(log: FakeCtLog, submitted: Json) -> Json:
    """The answer to `add-pre-chain`: an SCT over the precertificate that `submitted` begins with."""
    precertificate, issuer = (x509.load_der_x509_certificate(base64.b64decode(der)) for der in submitted["chain"][:2])
    now = datetime.now(UTC)
    key = issuer.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    sct = Sct(log=log, time=now).render(_without_poison(precertificate), key)[_LENGTH_OCTETS:]
    return {
        "sct_version": 0,
        "id": b64(log.log_id),
        "timestamp": int.from_bytes(sct[33:41], "big"),
        "extensions": "",
        "signature": b64(sct[_BEFORE_SIGNATURE:]),
    }


def _without_poison(precertificate: x509.Certificate) -> bytes:
    """What the certificate itself will sign but for its SCTs: the same fields, written once more."""
    builder = (
        x509.CertificateBuilder()
        .subject_name(precertificate.subject)
        .issuer_name(precertificate.issuer)
        .public_key(precertificate.public_key())
        .serial_number(precertificate.serial_number)
        .not_valid_before(precertificate.not_valid_before_utc)
        .not_valid_after(precertificate.not_valid_after_utc)
    )
    for extension in precertificate.extensions:
        if not isinstance(extension.value, x509.PrecertPoison):
            builder = builder.add_extension(extension.value, extension.critical)
    # Whoever signs it: only the algorithm, that of the issuer, is part of the signed fields.
    return builder.sign(curve_key("any", "p384"), SHA384()).tbs_certificate_bytes


@dataclass(kw_only=True)
class FakeRekor:
    """A log of generation 1 that grows: each entry gets a promise and an inclusion proof in the tree as it then is."""

    log: FakeLog
    leaves: list[bytes] = field(default_factory=list)

    def add(self, proposed: Json) -> Json:
        """The answer to a proposed entry of kind `dsse` or `hashedrekord`: the entry by its id."""
        body = canonical(_dsse(proposed["spec"]) if proposed["kind"] == "dsse" else proposed)
        self.leaves.append(body)
        index, size, root = len(self.leaves) - 1, len(self.leaves), tree_hash(self.leaves)
        now = datetime.fromtimestamp(int(time.time()), tz=UTC)
        text = self.log.checkpoint(size, root)
        proof = {
            "logIndex": index,
            "treeSize": size,
            "rootHash": root.hex(),
            "hashes": [each.hex() for each in audit_path(index, self.leaves)],
            "checkpoint": f"{text}\n{self.log.sign_line(text)}",
        }
        promise = self.log.sign_entry(body, at=now, index=index + SHARD)
        entry = {
            "body": b64(body),
            "integratedTime": int(now.timestamp()),
            "logID": self.log.log_id.hex(),
            "logIndex": index + SHARD,
            "verification": {"inclusionProof": proof, "signedEntryTimestamp": b64(promise)},
        }
        return {_TREE_ID + hashlib.sha256(b"\x00" + body).hexdigest(): entry}


def _dsse(spec: Json) -> Json:
    text: str = spec["proposedContent"]["envelope"]
    (verifier,) = spec["proposedContent"]["verifiers"]
    envelope = json.loads(text)
    (signature,) = envelope["signatures"]
    pem = base64.b64decode(verifier)
    return dsse_1(
        Signed(
            message=b"",
            signature=base64.b64decode(signature["sig"]),
            pem=pem,
            der=b"",
            is_certificate=b"CERTIFICATE" in pem,
            envelope=text.encode(),
            payload=base64.b64decode(envelope["payload"]),
        )
    )
