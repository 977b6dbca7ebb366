"""A call of HTTP whose body is here, and its reply, for those who answer without a framework."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpCall:
    """What a client asks; `path` and `query` are as they were sent, `content_type` is empty when none was told."""

    method: str
    path: str
    query: str
    content_type: str
    body: bytes = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpReply:
    """What it is told; `status` is the code with its phrase (`200 OK`)."""

    status: str
    content_type: str
    body: bytes = field(repr=False)
