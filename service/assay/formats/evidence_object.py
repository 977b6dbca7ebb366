"""Reading evidence: one JSON object whose members are all known.

Absent and `null` mean the same, as in the JSON form of protocol buffers; an absent list is empty.
"""

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field

from assay.domain.errors import InvalidInput
from assay.domain.limit import Limits
from assay.formats.base64text import decode_base64
from assay.formats.long_text import CutDocument, cut_long_texts
from assay.formats.strict_json import parse_json

_MALFORMED = "bundle_malformed"
_LARGEST_REST = 3 * 1024 * 1024
"""What a document that nobody has signed may have besides payloads; parsed it can take eight times as much."""


def malformed(what: str, why: str) -> InvalidInput:
    """The refusal of evidence that cannot be read."""
    return InvalidInput(_MALFORMED, f"{what}: {why}", remedy="sign again with a tool that follows the specification")


def exceeded(what: str, why: str) -> InvalidInput:
    """The refusal of evidence that costs more than the limits allow."""
    return InvalidInput("evidence_limit", f"{what}: {why}", remedy="raise the limit if evidence of this size is meant")


@dataclass(frozen=True, slots=True, kw_only=True)
class EvidenceObject:
    """An object of a piece of evidence, read member by member.

    Every reader raises `InvalidInput(bundle_malformed)` naming the place, never anything else.
    """

    what: str
    members: Mapping[str, object] = field(repr=False)

    @classmethod
    def parse(
        cls, octets: bytes, *, what: str, known: AbstractSet[str], limits: Limits, structure: int | None = None
    ) -> "EvidenceObject":
        """Parse strict JSON under the limits; `InvalidInput(evidence_limit)` when they do not suffice.

        `structure` caps the structural characters of a document that is read before any signature verified. Of such a
        document also all that is no long base64 text is capped.
        """
        if len(octets) > limits.blob_octets:
            raise exceeded(what, f"{len(octets)} bytes are more than {limits.blob_octets}")
        cut = CutDocument(rest=octets) if structure is None else cut_long_texts(octets)
        if structure is not None and len(cut.rest) > _LARGEST_REST:
            raise exceeded(what, f"{len(cut.rest)} bytes besides long base64 texts are more than {_LARGEST_REST}")
        try:
            document = parse_json(
                cut.rest,
                what=what,
                largest=limits.blob_octets,
                depth=limits.json_depth,
                structure=limits.json_structure if structure is None else structure,
                texts=cut.texts,
            )
        except InvalidInput as error:
            code = "evidence_limit" if error.code == "json_too_large" else _MALFORMED
            raise InvalidInput(code, error.message, remedy=error.remedy) from error
        return cls.of(document, what=what, known=known)

    @classmethod
    def of(cls, value: object, *, what: str, known: AbstractSet[str]) -> "EvidenceObject":
        """The object that a parsed value must be; a member outside of `known` is refused."""
        if not isinstance(value, dict):
            raise malformed(what, "an object is expected")
        if not value.keys() <= known:
            raise malformed(what, "it has an unknown member")
        if None in value.values():
            value = {key: member for key, member in value.items() if member is not None}
        return cls(what=what, members=value)

    def has(self, name: str) -> bool:
        """Whether the member is there and not null."""
        return name in self.members

    def text(self, name: str, *, default: str | None = None) -> str:
        """A string; required unless a default is given."""
        value = self.members.get(name, default)
        if isinstance(value, bytes):
            raise exceeded(f"{self.what}.{name}", "it is longer than any text of this kind")
        if not isinstance(value, str):
            raise malformed(f"{self.what}.{name}", "a string is expected")
        return value

    def octets(self, name: str, *, default: bytes | None = None) -> bytes:
        """Bytes in base64; required unless a default is given."""
        value = self.members.get(name, default)
        if isinstance(value, bytes):
            return value
        return decode_base64(self.text(name), what=f"{self.what}.{name}", code=_MALFORMED)

    def octets_list(self, name: str, *, most: int) -> tuple[bytes, ...]:
        """A list of bytes in base64, empty when absent, of at most `most` items as in `items`."""
        values = self.items(name, most=most)
        texts = [value for value in values if isinstance(value, str)]
        if len(texts) != len(values):
            raise malformed(f"{self.what}.{name}", "a list of strings is expected")
        return tuple(decode_base64(text, what=f"{self.what}.{name}", code=_MALFORMED) for text in texts)

    def section(self, name: str, *, known: AbstractSet[str]) -> "EvidenceObject":
        """A required object."""
        return EvidenceObject.of(self.members.get(name), what=f"{self.what}.{name}", known=known)

    def mapping(self, name: str) -> Mapping[str, object]:
        """An object with members of any name, empty when absent."""
        value = self.members.get(name, {})
        if not isinstance(value, dict):
            raise malformed(f"{self.what}.{name}", "an object is expected")
        return value

    def items(self, name: str, *, most: int) -> list[object]:
        """A list, empty when absent; `InvalidInput(evidence_limit)` when it has more than `most` items."""
        value = self.members.get(name, [])
        if not isinstance(value, list):
            raise malformed(f"{self.what}.{name}", "a list is expected")
        if len(value) > most:
            raise exceeded(f"{self.what}.{name}", f"{len(value)} items are more than {most}")
        return value

    def natural(self, name: str) -> int:
        """A 64-bit integer of at least zero, as a number or as decimal text; absent is 0 (protocol buffers, JSON)."""
        value = self.members.get(name, 0)
        if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= len(str(2**63)):
            value = int(value)
        if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < 2**63:
            raise malformed(f"{self.what}.{name}", "an integer from 0 to 2^63-1 is expected")
        return value
