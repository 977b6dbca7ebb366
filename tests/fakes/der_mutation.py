"""DER that is broken in one element and well formed around it."""

import random

from tests.fakes.der import tlv

CONSTRUCTED = 0x20

Node = tuple[int, "bytes | list[Node]"]


def parse(octets: bytes) -> list[Node]:
    """The elements of DER that the fakes wrote."""
    nodes: list[Node] = []
    while octets:
        tag, length, head = octets[0], octets[1], 2
        if length & 0x80:
            head += length & 0x7F
            length = int.from_bytes(octets[2:head], "big")
        body, octets = octets[head : head + length], octets[head + length :]
        nodes.append((tag, parse(body) if tag & CONSTRUCTED else body))
    return nodes


def render(nodes: list[Node]) -> bytes:
    return b"".join(tlv(tag, body if isinstance(body, bytes) else render(body)) for tag, body in nodes)


def siblings(nodes: list[Node]) -> list[list[Node]]:
    return [nodes, *(inner for _, body in nodes if isinstance(body, list) for inner in siblings(body))]


class DerMutator:
    """Breaks one element of DER; `source` decides which and how."""

    def __init__(self, source: random.Random) -> None:
        self._random = source

    def mutate(self, octets: bytes) -> bytes:
        tree = parse(octets)
        nodes = self._random.choice([each for each in siblings(tree) if each])
        place = self._random.randrange(len(nodes))
        tag, body = nodes[place]
        match self._random.randrange(6):
            case 0:
                del nodes[place]
            case 1:
                nodes.insert(place, (tag, body))
            case 2:
                other = self._random.randrange(len(nodes))
                nodes[place], nodes[other] = nodes[other], nodes[place]
            case 3:
                nodes[place] = (tag ^ self._random.choice((0x01, 0x02, 0x80, 0xA0)), body)
            case _:
                nodes[place] = (tag, self._flip(body if isinstance(body, bytes) else render(body)))
        return render(tree)

    def _flip(self, body: bytes) -> bytes:
        octets = bytearray(body or b"\x00")
        octets[self._random.randrange(len(octets))] ^= 1 << self._random.randrange(8)
        return bytes(octets) + (b"\x00" if self._random.random() < 0.1 else b"")
