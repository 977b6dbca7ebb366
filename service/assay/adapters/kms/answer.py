"""Reading the answers of key services: what is read is checked, the rest is left alone."""

from collections.abc import Mapping

from assay.domain.errors import InvalidInput, Unavailable
from assay.formats.base64text import decode_base64

_LONGEST = 64 * 1024


class Answer:
    """One JSON object of an answer.

    Raises `Unavailable(kms_answer_invalid)` naming the member for everything that is not as the service documents it.
    """

    def __init__(self, value: object, *, service: str, place: str = "") -> None:
        self._service = service
        self._place = place
        if not isinstance(value, Mapping):
            raise self._refuse("", "an object")
        self._members: Mapping[str, object] = value

    def has(self, name: str) -> bool:
        """Whether the member is there and not null."""
        return self._members.get(name) is not None

    def text(self, name: str, default: str | None = None) -> str:
        """A string, required and not empty unless a default is given."""
        value = self._members.get(name, default)
        if not isinstance(value, str) or len(value) > _LONGEST or (default is None and not value):
            raise self._refuse(name, "a string")
        return value

    def texts(self, name: str) -> tuple[str, ...]:
        """The strings of a required list."""
        values = self._members.get(name)
        if not isinstance(values, list) or not all(isinstance(value, str) for value in values):
            raise self._refuse(name, "a list of strings")
        return tuple(values)

    def integer(self, name: str) -> int:
        """A required integer."""
        value = self._members.get(name)
        if not isinstance(value, int) or isinstance(value, bool):
            raise self._refuse(name, "an integer")
        return value

    def flag(self, name: str) -> bool:
        """Whether the member is `true`; anything else, its absence included, is not."""
        return self._members.get(name) is True

    def octets(self, name: str) -> bytes:
        """The bytes of a required string in base64."""
        try:
            return decode_base64(self.text(name), what=name, code="kms_answer_invalid")
        except InvalidInput as error:
            raise self._refuse(name, "base64") from error

    def section(self, name: str) -> "Answer":
        """A required object below this one."""
        return Answer(self._members.get(name), service=self._service, place=self._at(name))

    def sections(self, name: str) -> list["Answer"]:
        """The objects of a list, empty when it is not there."""
        values = self._members.get(name, [])
        if not isinstance(values, list):
            raise self._refuse(name, "a list")
        return [Answer(value, service=self._service, place=self._at(name)) for value in values]

    def _at(self, name: str) -> str:
        return ".".join(part for part in (self._place, name) if part)

    def _refuse(self, name: str, expected: str) -> Unavailable:
        return refuse_answer(self._service, f"{self._at(name) or 'it'} is not {expected}")


def refuse_answer(service: str, why: str) -> Unavailable:
    """The error for an answer that cannot be used."""
    return Unavailable(
        "kms_answer_invalid",
        f"the answer of {service} cannot be used: {why}",
        remedy="check that this is the service's own address and a version that is supported",
    )
