"""What an image runs on: operating system, architecture, variant (OCI image specification 1.1, "image index")."""

import re
from dataclasses import dataclass
from typing import Self

from assay.domain.errors import InvalidInput

_WORD = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,31}", re.ASCII)
_PARTS = (2, 3)


@dataclass(frozen=True, slots=True, order=True, kw_only=True)
class Platform:
    """A platform, compared word by word: nothing is taken for another spelling of something else.

    Raises `InvalidInput(platform_malformed)`.
    """

    os: str
    architecture: str
    variant: str = ""

    def __post_init__(self) -> None:
        for word in (self.os, self.architecture, *([self.variant] if self.variant else [])):
            if not _WORD.fullmatch(word):
                raise _malformed(word)

    @classmethod
    def parse(cls, text: str) -> Self:
        """Parse `os/architecture[/variant]`."""
        parts = text.split("/")
        if len(parts) not in _PARTS or not all(parts):
            raise _malformed(text)
        return cls(os=parts[0], architecture=parts[1], variant="".join(parts[2:]))

    @property
    def known(self) -> bool:
        """Whether something can run on it: BuildKit gives `unknown/unknown` to what is no image."""
        return (self.os, self.architecture) != ("unknown", "unknown")

    def covers(self, other: "Platform") -> bool:
        """Whether the other one is meant by this one; without a variant every variant is."""
        same = (self.os, self.architecture) == (other.os, other.architecture)
        return same and self.variant in {"", other.variant}

    def __str__(self) -> str:
        return "/".join(part for part in (self.os, self.architecture, self.variant) if part)


def _malformed(text: str) -> InvalidInput:
    return InvalidInput(
        "platform_malformed", f"{text[:100]!r} is no platform", remedy="write os/architecture[/variant]: linux/arm64"
    )
