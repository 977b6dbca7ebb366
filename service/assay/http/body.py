"""Request bodies: right type, bounded."""

from flask import request

from assay.domain.errors import InvalidInput


def read_json_body(*, largest: int) -> bytes:
    """The JSON body of the current request.

    Raises `InvalidInput(content_type_unsupported)` and what `read_body` raises.
    """
    if request.mimetype != "application/json":
        raise InvalidInput(
            "content_type_unsupported",
            f"the body is {request.mimetype[:80] or 'of no type'}, not application/json",
            remedy="send `Content-Type: application/json`",
        )
    return read_body(largest=largest)


def read_body(*, largest: int) -> bytes:
    """The body of the current request, whatever its type.

    Raises `InvalidInput(body_too_large | request_malformed)`; at most one byte more than `largest` is read, whatever
    the length header says.
    """
    declared = request.content_length or 0
    body = b"" if declared > largest else _read(largest + 1)
    if max(declared, len(body)) > largest:
        raise InvalidInput(
            "body_too_large", f"the body has more than {largest} bytes", remedy="send less, or ask for a higher limit"
        )
    if len(body) < declared:
        raise InvalidInput("request_malformed", "the body ended early", remedy="send the whole body")
    return body


def _read(most: int) -> bytes:
    # One read of a stream may return less than there is.
    received = bytearray()
    while len(received) < most and (piece := request.stream.read(most - len(received))):
        received += piece
    return bytes(received)
