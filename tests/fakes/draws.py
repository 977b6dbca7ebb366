"""Randomness that somebody else decides: whoever writes the octets chooses every draw."""

import random


class Draws(random.Random):
    """Draws from octets, in order; when they have run out, every draw is the lowest.

    What is made with it is a function of the octets, so that a fuzzer that changes them learns which change matters.
    """

    def __init__(self, octets: bytes) -> None:
        super().__init__(0)
        self._octets = octets
        self._place = 0

    def _take(self, count: int) -> int:
        taken = self._octets[self._place : self._place + count]
        self._place += count
        return int.from_bytes(taken.ljust(count, b"\x00"), "big")

    def random(self) -> float:
        return self._take(2) / 2**16

    def getrandbits(self, k: int, /) -> int:
        octets = (k + 7) // 8
        return self._take(octets) >> (octets * 8 - k)
