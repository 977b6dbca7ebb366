"""What a sequencer says to its workers when a test writes its part."""

import socket
from collections.abc import Callable

from assay.adapters.log.wire import PIECE, Answer, RecordRequest, parse_request, render_answer, render_frame, take_frame

Script = Callable[[socket.socket], object]


def take_requests(connection: socket.socket, number: int) -> list[RecordRequest]:
    """Receive so many questions; more than these must not have come."""
    received, requests = bytearray(), list[RecordRequest]()
    while len(requests) < number:
        received += connection.recv(PIECE)
        while (frame := take_frame(received)) is not None:
            request = parse_request(frame)
            assert isinstance(request, RecordRequest)
            requests.append(request)
    assert len(requests) == number
    return requests


def saying(*answers: Answer | bytes, asked: int | None = None) -> Script:
    """Answer so many questions with these answers at once, and wait for the end; bytes are sent as they are."""
    octets = b"".join(each if isinstance(each, bytes) else render_frame(render_answer(each)) for each in answers)

    def script(connection: socket.socket) -> None:
        take_requests(connection, len(answers) if asked is None else asked)
        connection.sendall(octets)
        while connection.recv(PIECE):  # until the pipeline ends
            pass

    return script
