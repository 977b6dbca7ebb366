"""Request bodies: right type, bounded."""

from flask import request

from assay.domain.errors import InvalidInput


def read_json_body(*, largest: int) -> bytes:
    """The body of the current request.

    Raises `InvalidInput(content_type_unsupported)` and `InvalidInput(body_too_large)`; nothing beyond `largest` bytes
    is read, whatever the length header says.
    """
    if request.mimetype != "application/json":
        raise InvalidInput(
            "content_type_unsupported",
            f"the body is {request.mimetype[:80] or 'of no type'}, not application/json",
            remedy="send `Content-Type: application/json`",
        )
    declared = request.content_length
    body = b"" if declared is not None and declared > largest else request.stream.read(largest + 1)
    if len(body) > largest or (declared is not None and declared > largest):
        raise InvalidInput(
            "body_too_large", f"the body has more than {largest} bytes", remedy="send less, or ask for a higher limit"
        )
    return body
