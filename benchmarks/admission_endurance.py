"""Rows about what lasts: memory over many reviews, and clients that are slow on purpose."""

import socket
import ssl
import threading
from collections.abc import Iterator
from urllib.parse import urlsplit

from benchmarks.admission_bench import Bench
from benchmarks.admission_warm import cpu, reviews, warm_images
from benchmarks.figure import Figure

_IMAGES, _REVIEWS = 1000, 100_000
_MOST_MEBIBYTES, _MOST_GROWTH = 400, 1.1
_FAST, _SLOW, _SECONDS = 250, 250, 60
_CONNECTIONS = 8
_HEAD = (
    b"POST /validate?timeout=10s HTTP/1.1\r\nHost: slow\r\nContent-Type: application/json\r\nContent-Length: 9999\r\n"
)


def long_run(bench: Bench, share: int) -> Iterator[Figure]:
    """Memory after each image was asked about once, and after many more reviews of all of them."""
    images = bench.push_images(_IMAGES // share, path="many")

    def each_once() -> Iterator[bytes]:
        return (body for image in images for body in reviews([image], 1))

    bench.closed(each_once(), connections=_CONNECTIONS)
    before = bench.mebibytes()
    rounds = _REVIEWS // _IMAGES
    for _ in range(rounds):
        run = bench.closed(each_once(), connections=_CONNECTIONS)
    after = bench.mebibytes()
    label = f"admission, {rounds * len(images):,} reviews of {len(images):,} images"
    yield Figure(name=f"{label}: memory", value=after, unit="MiB", goal=_MOST_MEBIBYTES)
    yield Figure(name=f"{label}: growth", value=after / before, unit="x", goal=_MOST_GROWTH)
    yield cpu(f"{label}, the last of them", run)


def slow_clients(bench: Bench, share: int) -> Iterator[Figure]:
    """Half of the clients open connections, shake hands, send heads and bodies as slowly as they are let."""
    warm = warm_images(bench, 1)
    ended = threading.Event()
    slow = threading.Thread(target=_dawdle, args=(bench, ended))
    slow.start()
    try:
        run = bench.lasting(reviews(warm, _FAST), connections=_FAST, seconds=max(10, _SECONDS // share))
        memory = bench.mebibytes()
    finally:
        ended.set()
        slow.join()
    label = f"admission, {_FAST} fast and {_SLOW} slow clients"
    yield Figure(name=f"{label}: reviews of the fast", value=run.attack.rate, unit="1/s")
    yield Figure(name=f"{label}: p99 of the fast", value=run.attack.milliseconds(0.99), unit="ms")
    yield Figure(name=f"{label}: memory", value=memory, unit="MiB", goal=_MOST_MEBIBYTES)


def _dawdle(bench: Bench, ended: threading.Event) -> None:
    """Hold slow connections of three kinds, an octet a second for each, and replace those that are closed."""
    context = ssl.create_default_context(cafile=str(bench.stack.ca))
    port = urlsplit(bench.stack.webhook_url).port
    clients: list[socket.socket | None] = [None] * _SLOW
    try:
        while not ended.is_set():
            for place, client in enumerate(clients):
                try:
                    if client is None:
                        clients[place] = _open_slow(context, port, place)
                    elif place % 3:
                        client.send(b"x")
                    elif client.recv(1, socket.MSG_DONTWAIT) == b"":
                        raise ConnectionResetError
                except BlockingIOError:
                    continue
                except OSError:
                    if client is not None:
                        client.close()
                    clients[place] = None
            ended.wait(1)
    finally:
        for client in filter(None, clients):
            client.close()


def _open_slow(context: ssl.SSLContext, port: int | None, place: int) -> socket.socket:
    plain = socket.create_connection(("127.0.0.1", port or 0), timeout=5)
    if place % 3 == 0:
        return plain  # never shakes hands
    client = context.wrap_socket(plain, server_hostname="127.0.0.1")
    client.sendall(_HEAD if place % 3 == 1 else _HEAD + b"\r\n{")
    return client
