"""Evidence that is broken in one place, structure-aware: what encloses the break is signed again as often as not.

mutator = Mutator(seed=1)
mutant = mutator.next()          # .item, and what was done to it in .recipe and .how
"""

import base64
import binascii
import json
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID

from assay.domain.evidence import EvidenceItem, EvidenceShape
from tests.fakes.certificate import NOW, YEAR, FakeCertificateAuthority, FakeCtLog, Leaf, Sct
from tests.fakes.sigstore import PROVENANCE, RECIPES, FakeSigstore, Recipe
from tests.fakes.timestamping import FakeTimestampAuthority
from tests.fakes.transparency import FakeLog, Json, b64

_EVIL = FakeSigstore(
    authority=FakeCertificateAuthority(name="evil"),
    log=FakeLog(name="evil.test"),
    tiles=FakeLog(name="evil2.test", generation=2),
    tsa=FakeTimestampAuthority(name="evil tsa"),
    key_name="evil",
)
_VALUES: tuple[object, ...] = (None, 0, 1, -1, 2**63, 1.5, True, "", "x", "eA==", "0", [], [None], {}, {"x": 1})
_LEAVES: tuple[dict[str, Any], ...] = (
    {"scts": ()},
    {"scts": (Sct(log=FakeCtLog(name="evil")),)},
    {"scts": (Sct(log=FakeCtLog(), issuer_spki=b"x"),)},
    {"scts": (Sct(log=FakeCtLog(), time=NOW - 9 * YEAR),)},
    {"usages": None},
    {"usages": (ExtendedKeyUsageOID.SERVER_AUTH,)},
    {"key_usage": None},
    {"is_authority": True},
    {"san": ()},
    {"san": (x509.UniformResourceIdentifier("https://evil.test"),)},
    {"claims": {}},
    {"claims": {8: "https://evil.test"}},
    {"end": NOW - timedelta(seconds=1)},
    {"start": NOW + timedelta(seconds=1)},
    {"kind": "p224"},
)
_STAMPS: tuple[dict[str, Any], ...] = (
    {"at": NOW + YEAR},
    {"at": NOW - 20 * YEAR},
    {"hash_name": "sha1"},
    {"signing_key": _EVIL.tsa.key},
    {"status": 2},
    {"forged_content": b"\x30\x00"},
)


@dataclass(frozen=True, kw_only=True)
class Mutant:
    """A piece of evidence, the recipe it came from, and what was changed."""

    item: EvidenceItem
    recipe: Recipe
    how: str


def _is_bundle(recipe: Recipe) -> bool:
    return recipe.shape.startswith("0")


def _has_envelope(recipe: Recipe) -> bool:
    return recipe.signs == "dsse"


def _has_statement(recipe: Recipe) -> bool:
    return recipe.signs != "message"


@dataclass(frozen=True)
class _Way:
    """A way to break evidence: how often it is chosen, and which recipes it means anything to."""

    name: str
    weight: int
    change: Callable[[Recipe], EvidenceItem]
    fits: Callable[[Recipe], bool] = lambda _: True


class DocumentMutator:
    """Breaks one place of a document, of a text or of octets; `source` decides where and how."""

    def __init__(self, source: random.Random) -> None:
        self._random = source

    def edit(self, document: Json) -> None:
        """Change one place of a document."""
        spots = list(_spots(document))
        if not spots:
            return
        parent, key = self._random.choice(spots)
        match self._random.randrange(5):
            case 0:
                del parent[key]
            case 1:
                parent[key] = self._random.choice(_VALUES)
            case 2:
                other, name = self._random.choice(spots)
                parent[key] = json.loads(json.dumps(other[name]))
            case _:
                parent[key] = self._vary(parent[key])

    def _vary(self, value: Any) -> object:
        match value:
            case str() if value.isdecimal():
                return str(int(value) + self._random.choice((-1, 1, 2**40)))
            case str():
                return self._vary_text(value)
            case list():
                return [*value, *value]
            case dict():
                return {**value, "x": 1}
            case int():
                return value + 1
        return self._random.choice(_VALUES)

    def _vary_text(self, text: str) -> str:
        try:
            octets = base64.b64decode(text, validate=True)
        except (binascii.Error, ValueError):
            return self.text(text)
        return b64(self.flip(octets)) if octets else "eA=="

    def flip(self, octets: bytes) -> bytes:
        altered = bytearray(octets or b"x")
        altered[self._random.randrange(len(altered))] ^= 1 << self._random.randrange(8)
        return bytes(altered)

    def text(self, text: str) -> str:
        place = self._random.randrange(len(text) + 1)
        return text[:place] + self._random.choice(("a", "0", "\n", "", "A", "=", "\u2014")) + text[place + 1 :]


class Mutator(DocumentMutator):
    """An endless, repeatable source of mutants; `source` decides in the place of a seed."""

    def __init__(
        self, *, seed: int = 0, world: FakeSigstore | None = None, source: random.Random | None = None
    ) -> None:
        super().__init__(source or random.Random(seed))  # noqa: S311  # repeatable on purpose
        self._world = world or FakeSigstore()
        self._ways = (
            _Way("packed", 4, self._packed),
            _Way("statement", 3, lambda recipe: self._mint(recipe, statement=self.edit), _has_statement),
            _Way("payload", 1, lambda recipe: self._mint(recipe, payload=self.flip)),
            _Way("envelope", 1, lambda recipe: self._mint(recipe, envelope=self.edit), _has_envelope),
            _Way("foreign", 1, self._foreign, _has_envelope),
            _Way("body", 3, self._body),
            _Way("entry", 3, lambda recipe: self._mint(recipe, enter={"entry": self.edit}), _is_bundle),
            _Way("promise", 2, self._promise, lambda recipe: not recipe.is_tiled),
            _Way("checkpoint", 1, lambda recipe: self._mint(recipe, enter={"checkpoint": self.text}), _is_bundle),
            _Way("note", 1, lambda recipe: self._mint(recipe, enter={"note": self.text}), _is_bundle),
            _Way("leaf", 3, self._leaf, lambda recipe: recipe.keyless),
            _Way("stamp", 2, self._stamp),
            _Way("spliced", 3, self._spliced),
            _Way("stripped", 2, self._stripped),
            _Way("party", 2, self._party),
            _Way("confused", 1, self._confused),
            _Way("unsupported", 1, self._unsupported, _is_bundle),
            _Way("flooded", 1, self._flooded, _is_bundle),
        )

    def next(self) -> Mutant:
        """The next mutant."""
        (way,) = self._random.choices(self._ways, [way.weight for way in self._ways])
        recipe = self._random.choice([recipe for recipe in RECIPES if way.fits(recipe)])
        return Mutant(item=way.change(recipe), recipe=recipe, how=way.name)

    def _mint(self, recipe: Recipe, **changes: Any) -> EvidenceItem:
        return self._world.mint(recipe, **changes)

    def _packed(self, recipe: Recipe) -> EvidenceItem:
        item = self._mint(recipe, bundle=self.edit, annotations=self._annotation)
        return replace(item, content=self.flip(item.content)) if self._random.random() < 0.1 else item

    def _annotation(self, texts: Json) -> None:
        name = self._random.choice(list(texts) or ["certificate"])
        try:
            document = json.loads(texts.get(name, ""))
        except ValueError:
            texts[name] = self._random.choice(("", self.text(texts.get(name, ""))))
            return
        self.edit(document)
        texts[name] = json.dumps(document)

    def _foreign(self, recipe: Recipe) -> EvidenceItem:
        changes: dict[str, Any] = self._random.choice(
            (
                {"manifest": b"foreign"},
                {"payload_type": "application/json"},
                {"signer": _EVIL.key},
                {"predicate_type": PROVENANCE},
                {"predicate_type": "https://sigstore.dev/cosign/sign/v1"},
                {"envelope": lambda document: document.update(payloadType="text/plain")},
            )
        )
        return self._mint(recipe, **changes)

    def _body(self, recipe: Recipe) -> EvidenceItem:
        def change(body: Json) -> None:
            # Kind and version name the entry in the bundle too: they are changed, never lost.
            if self._random.random() < 0.2:
                body["apiVersion"] = "0.0.9"
            else:
                self.edit(body["spec"])

        return self._mint(recipe, body=change)

    def _promise(self, recipe: Recipe) -> EvidenceItem:
        shift = self._random.choice((1, -1, 600, -600, 10**12))
        member = self._random.choice(("integratedTime", "logIndex"))

        def promised(payload: Json) -> None:
            payload[member] += shift

        def entry(document: Json) -> None:
            document[member] = str(int(document[member]) + shift)

        follow = {"entry": entry} if self._random.random() < 0.7 and not recipe.is_tiled else {}
        return self._mint(recipe, enter={"promised": promised, **follow})

    def _leaf(self, recipe: Recipe) -> EvidenceItem:
        leaf: Leaf = replace(self._world.leaf, **self._random.choice(_LEAVES))
        return replace(self._world, leaf=leaf).mint(recipe)

    def _stamp(self, recipe: Recipe) -> EvidenceItem:
        return self._mint(replace(recipe, stamped=True), stamp=self._random.choice(_STAMPS))

    def _spliced(self, recipe: Recipe) -> EvidenceItem:
        """Evidence with the entry or the timestamp of other evidence."""
        own = self._world.sign(recipe)
        other = self._world.sign(recipe, certificate=own.certificate)
        log = self._world.tiles if recipe.is_tiled else self._world.log
        entry_of, stamp_of = self._random.choice(((other, own), (own, other), (other, other)))
        entries = [entry_of.enter(log, recipe.body)]
        if not _is_bundle(recipe):
            return own.item(recipe.shape, entries=entries)
        if self._random.random() < 0.3:
            entries.append(own.enter(log, recipe.body))
        tokens = [self._world.tsa.stamp(stamp_of.stamped_octets(recipe.shape))]
        return own.item(recipe.shape, entries=entries, tokens=tokens)

    def _stripped(self, recipe: Recipe) -> EvidenceItem:
        changes: dict[str, Any] = self._random.choice(
            ({"promise": False}, {"proof": False}, {"body": ""}, {"stamped": False}, {"body": "", "stamped": False})
        )
        legacy_needs = recipe.shape in {"sig", "att"} and "promise" in changes
        return self._mint(recipe if legacy_needs else replace(recipe, **changes))

    def _party(self, recipe: Recipe) -> EvidenceItem:
        used = ["authority" if recipe.keyless else "key_name", "tiles" if recipe.is_tiled else "log"]
        name = self._random.choice([*used, "tsa"] if recipe.stamped else used)
        return replace(self._world, **{name: getattr(_EVIL, name)}).mint(recipe)

    def _confused(self, recipe: Recipe) -> EvidenceItem:
        item = self._mint(recipe)
        return replace(item, shape=self._random.choice([shape for shape in EvidenceShape if shape != item.shape]))

    def _unsupported(self, recipe: Recipe) -> EvidenceItem:
        """A bundle of a version to come, or of one that has no room for what it holds."""
        version = self._random.choice(
            ("+json;version=0.4", ".v0.4+json", ".v1+json", ".v0.3+json", "+json;version=0.1")
        )
        return self._mint(recipe, bundle=lambda b: b.update(mediaType=f"application/vnd.dev.sigstore.bundle{version}"))

    def _flooded(self, recipe: Recipe) -> EvidenceItem:
        own = self._world.sign(recipe)
        log = self._world.tiles if recipe.is_tiled else self._world.log
        entries = [own.enter(log, recipe.body)] * self._random.choice((1, 9, 100))
        tokens = [self._world.tsa.stamp(own.stamped_octets(recipe.shape))] * self._random.choice((1, 33, 100))
        return own.item(recipe.shape, entries=entries, tokens=tokens)


def _spots(value: Any) -> Iterator[tuple[Any, Any]]:
    """Every container of a document with each of its keys."""
    keys = list(value) if isinstance(value, dict) else list(range(len(value))) if isinstance(value, list) else []
    for key in keys:
        yield value, key
        yield from _spots(value[key])
