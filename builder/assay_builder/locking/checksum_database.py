"""The Go checksum database: what the whole world sees under a module's name.

A lookup is believed only when its record is proven to be in the tree that the database signed: the note's Ed25519
signature is verified with the database's published key, and the record is climbed to the signed root with hashes from
the tiles (Go proposal 25530, "Checksum Database"; RFC 6962 section 2.1).
"""

import base64
import binascii
import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from assay.domain.errors import InvalidInput
from assay_builder.plan.module import Module

GO_CHECKSUM_DATABASE = "sum.golang.org+033de0ae+Ac4zctda0e5eza+HJyk9SxEdh+s3Ux18htTTAD8OuAn8"
"""Name, key hash and Ed25519 key of the public database, as the Go toolchain carries them."""

_TILE_HEIGHT = 8
_TILE_WIDTH = 1 << _TILE_HEIGHT
_HASH = hashlib.sha256().digest_size
_ED25519 = b"\x01"
_LARGEST_TREE = 2**50
_LOOKUP = re.compile(r"(?P<id>[0-9]{1,16})\n(?P<record>(?:[^\n]+\n)+)\n(?P<note>.*)", re.DOTALL)
_NOTE = re.compile(
    r"(?P<text>go\.sum database tree\n(?P<size>[0-9]{1,16})\n(?P<root>[A-Za-z0-9+/]{43}=)\n)\n(?P<signatures>.*)",
    re.DOTALL,
)
_SIGNATURE = re.compile(r"\u2014 (?P<name>\S+) (?P<blob>[A-Za-z0-9+/]+={0,2})")

FetchFile = Callable[[str], bytes]
"""Fetches a file of the database by its path (`lookup/…`, `tile/…`)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Tree:
    size: int
    root: bytes


def verify_module_hash(module: Module, h1: str, *, fetch: FetchFile, verifier_key: str) -> None:
    """Return when the database proves that this module's zip has this `h1:` hash.

    Guaranteed: signature, inclusion and equality were verified. Not checked: consistency with trees seen earlier, as
    nothing is remembered. Raises `InvalidInput(module_unproven)`, and what `fetch` raises.
    """
    lookup = _LOOKUP.fullmatch(_text(fetch(f"lookup/{_lookup_name(module)}"), module))
    if not lookup:
        raise _unproven(module, "the answer is malformed")
    tree = _verify_note(lookup["note"], verifier_key, module)
    index = int(lookup["id"])
    if not index < tree.size <= _LARGEST_TREE:
        raise _unproven(module, "its record lies outside of the signed tree")
    leaf = hashlib.sha256(b"\x00" + lookup["record"].encode()).digest()
    if _climb(leaf, index, 0, tree.size, _Tiles(tree.size, fetch, module)) != tree.root:
        raise _unproven(module, "its record is not in the signed tree")
    if f"{module.path} {module.version} {h1}" not in lookup["record"].splitlines():
        raise InvalidInput(
            "module_hash_mismatch",
            f"{module} has the hash {h1}, the checksum database records another one",
            remedy="do not use these bytes: ask the module proxy's operator",
        )


def _lookup_name(module: Module) -> str:
    return module.zip_path.removesuffix(".zip").replace("/@v/", "@")


def _verify_note(text: str, verifier_key: str, module: Module) -> _Tree:
    note = _NOTE.fullmatch(text)
    if not note:
        raise _unproven(module, "the signed tree is malformed")
    name, key_hash, key_text = verifier_key.split("+", 2)
    key = base64.b64decode(key_text)
    if not key.startswith(_ED25519):
        raise _unproven(module, "the database's key is not an Ed25519 key")
    for line in note["signatures"].splitlines():
        signature = _SIGNATURE.fullmatch(line)
        if signature and signature["name"] == name and _verifies(key, key_hash, signature["blob"], note["text"]):
            return _Tree(size=int(note["size"]), root=base64.b64decode(note["root"]))
    raise _unproven(module, f"the tree is not signed by {name}")


def _verifies(key: bytes, key_hash: str, blob_text: str, text: str) -> bool:
    try:
        blob = base64.b64decode(blob_text, validate=True)
        if blob[:4].hex() != key_hash:
            return False
        Ed25519PublicKey.from_public_bytes(key[1:]).verify(blob[4:], text.encode())
    except (InvalidSignature, binascii.Error):
        return False
    return True


class _Tiles:
    """Hashes of complete subtrees, from the database's tiles."""

    def __init__(self, size: int, fetch: FetchFile, module: Module) -> None:
        self._size = size
        self._fetch = fetch
        self._module = module

    def subtree(self, low: int, height: int) -> bytes:
        """The hash of the complete subtree over the 2^height leaves from `low`."""
        level, inside = divmod(height, _TILE_HEIGHT)
        first = low >> (level * _TILE_HEIGHT)
        tile = self._tile(level, first // _TILE_WIDTH)
        start = (first % _TILE_WIDTH) * _HASH
        hashes = [tile[at : at + _HASH] for at in range(start, start + (_HASH << inside), _HASH)]
        while len(hashes) > 1:
            hashes = [_node(left, right) for left, right in zip(hashes[::2], hashes[1::2], strict=True)]
        return hashes[0]

    def _tile(self, level: int, number: int) -> bytes:
        width = min(_TILE_WIDTH, (self._size >> (level * _TILE_HEIGHT)) - number * _TILE_WIDTH)
        partial = "" if width == _TILE_WIDTH else f".p/{width}"
        tile = self._fetch(f"tile/{_TILE_HEIGHT}/{level}/{_tile_number(number)}{partial}")
        if len(tile) != width * _HASH:
            raise _unproven(self._module, "a tile of the tree has a wrong size")
        return tile


def _tile_number(number: int) -> str:
    """`1234567` becomes `x001/x234/567`."""
    parts = [f"{number % 1000:03}"]
    while number := number // 1000:
        parts.append(f"x{number % 1000:03}")
    return "/".join(reversed(parts))


def _climb(leaf: bytes, index: int, low: int, high: int, tiles: _Tiles) -> bytes:
    """The root over the leaves [low, high) when the one at `index` has this hash (RFC 6962 section 2.1.1)."""
    if high - low == 1:
        return leaf
    middle = low + _largest_power_below(high - low)
    if index < middle:
        return _node(_climb(leaf, index, low, middle, tiles), _range_hash(middle, high, tiles))
    return _node(_range_hash(low, middle, tiles), _climb(leaf, index, middle, high, tiles))


def _range_hash(low: int, high: int, tiles: _Tiles) -> bytes:
    count = high - low
    if count & (count - 1) == 0:
        return tiles.subtree(low, count.bit_length() - 1)
    middle = low + _largest_power_below(count)
    return _node(_range_hash(low, middle, tiles), _range_hash(middle, high, tiles))


def _largest_power_below(count: int) -> int:
    return 1 << ((count - 1).bit_length() - 1)


def _node(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\x01" + left + right).digest()


def _text(octets: bytes, module: Module) -> str:
    try:
        return octets.decode("utf-8")
    except UnicodeDecodeError as error:
        raise _unproven(module, "the answer is not UTF-8") from error


def _unproven(module: Module, why: str) -> InvalidInput:
    return InvalidInput(
        "module_unproven",
        f"the checksum database does not prove {module}: {why}",
        remedy="try again, or ask the module proxy's operator",
    )
