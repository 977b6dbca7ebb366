"""The type of a Kubernetes object."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, order=True, kw_only=True)
class GroupVersionKind:
    """The API type of an object; the core group is the empty string."""

    group: str
    version: str
    kind: str

    @property
    def api_version(self) -> str:
        """How an object writes its group and version."""
        return f"{self.group}/{self.version}" if self.group else self.version
