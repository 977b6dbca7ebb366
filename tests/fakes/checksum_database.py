"""A Go checksum database with its own key: it signs trees, serves tiles, and lies on request."""

import base64
import contextlib
import hashlib
from collections.abc import Iterator
from contextlib import AbstractContextManager

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from assay_builder.plan.module import Module
from tests.fakes.build import FakeBuildWorld

_NAME = "sum.example"
_TILE = 256


def _node(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\x01" + left + right).digest()


def _root(hashes: list[bytes]) -> bytes:
    if len(hashes) == 1:
        return hashes[0]
    middle = 1 << ((len(hashes) - 1).bit_length() - 1)
    return _node(_root(hashes[:middle]), _root(hashes[middle:]))


class FakeChecksumDatabase:
    """Records `module version hash`; the wanted module is record number `at` of `size`.

    The attributes are what it will say: change one and it lies. `note_text` is sent, `signed_text` is signed.
    """

    def __init__(self, module: Module, h1: str, *, size: int = 700, at: int = 300, seed: bytes = b"k") -> None:
        self._key = Ed25519PrivateKey.from_private_bytes(seed * 32)
        self.at = at
        self.record = f"{module.path} {module.version} {h1}\n{module.path} {module.version}/go.mod h1:m=\n"
        records = [f"example.org/m{number} v1.0.0 h1:x=\n" for number in range(size)]
        records[at] = self.record
        self.leaves = [hashlib.sha256(b"\x00" + record.encode()).digest() for record in records]
        self.note_text = f"go.sum database tree\n{size}\n{base64.b64encode(_root(self.leaves)).decode()}\n"
        self.signed_text = self.note_text
        self.asked: list[str] = []

    @property
    def _key_octets(self) -> bytes:
        return b"\x01" + self._key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)

    @property
    def verifier_key(self) -> str:
        key_hash = hashlib.sha256(f"{_NAME}\n".encode() + self._key_octets).digest()[:4]
        return f"{_NAME}+{key_hash.hex()}+{base64.b64encode(self._key_octets).decode()}"

    def fetch(self, path: str) -> bytes:
        self.asked.append(path)
        if path.startswith("lookup/"):
            return self.lookup().encode()
        level, number = path.split("/")[2:4]
        return self.tile(int(level), int(number.removesuffix(".p")))

    def tile(self, level: int, number: int) -> bytes:
        width = _TILE**level
        hashes = [_root(self.leaves[at : at + width]) for at in range(0, len(self.leaves) - width + 1, width)]
        return b"".join(hashes[number * _TILE : (number + 1) * _TILE])

    def lookup(self) -> str:
        signature = self._key.sign(self.signed_text.encode())
        blob = bytes.fromhex(self.verifier_key.split("+", 2)[1]) + signature
        note = f"{self.note_text}\n\u2014 other.example AAAA\n\u2014 {_NAME} {base64.b64encode(blob).decode()}\n"
        return f"{self.at}\n{self.record}\n{note}"


DATABASE_KEY = FakeChecksumDatabase(Module(path="example.org/any", version="v1.0.0"), "h1:x", size=1, at=0).verifier_key


class RecordingProxy:
    """The world's proxy with a checksum database that records what the world's modules had when it was made."""

    def __init__(self, world: FakeBuildWorld) -> None:
        self._proxy = world.proxy
        self._databases = {
            f"{module.path}@{module.version}": FakeChecksumDatabase(module, world.h1(module), size=1, at=0)
            for module in world.zips
        }

    def fetch(self, path: str, *, largest: int) -> AbstractContextManager[Iterator[bytes]]:
        prefix = "sumdb/sum.golang.org/lookup/"
        if not path.startswith(prefix):
            return self._proxy.fetch(path, largest=largest)
        return contextlib.nullcontext(iter([self._databases[path.removeprefix(prefix)].lookup().encode()]))
