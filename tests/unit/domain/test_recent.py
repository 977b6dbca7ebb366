"""What was used recently: bounded by number and by size, the oldest use goes first."""

from assay.domain.recent import Recent


def recent(*, entries: int = 3, octets: int = 100) -> Recent[str, bytes]:
    return Recent(entries=entries, octets=octets, size_of=len)


def test_what_was_put_is_there_until_it_is_replaced() -> None:
    kept = recent()
    assert kept.get("a") is None
    kept.put("a", b"one")
    kept.put("a", b"two")
    assert (kept.get("a"), len(kept)) == (b"two", 1)


def test_the_least_recently_used_one_goes_when_there_are_too_many() -> None:
    kept = recent()
    for name in "abc":
        kept.put(name, b"")
    assert kept.get("a") == b""
    kept.put("d", b"")
    assert [kept.get(name) for name in "abcd"] == [b"", None, b"", b""]


def test_as_many_go_as_a_large_one_needs_room() -> None:
    kept = recent()
    for name in "abc":
        kept.put(name, b"x" * 40)
    assert [kept.get(name) for name in "abc"] == [None, b"x" * 40, b"x" * 40]
    kept.put("d", b"x" * 61)
    assert [name for name in "abcd" if kept.get(name)] == ["d"]


def test_one_that_is_too_large_by_itself_is_not_kept_and_displaces_only_its_own_past() -> None:
    kept = recent()
    kept.put("a", b"x")
    kept.put("b", b"x")
    kept.put("a", b"x" * 101)
    assert (kept.get("a"), kept.get("b")) == (None, b"x")


def test_so_many_values_are_kept_whatever_their_size() -> None:
    recent: Recent[str, bytes] = Recent.of(2)
    for name in ("a", "b", "c"):
        recent.put(name, bytes(1000))
    assert (recent.get("a"), len(recent)) == (None, 2)
    assert recent.get("c") == bytes(1000)
