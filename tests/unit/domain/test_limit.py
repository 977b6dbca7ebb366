from dataclasses import fields

from assay.domain.limit import Limits


def test_every_limit_is_a_positive_number() -> None:
    limits = Limits()
    assert all(getattr(limits, limit.name) > 0 for limit in fields(limits))


def test_one_piece_of_evidence_fits_into_all_of_it() -> None:
    assert Limits().blob_octets <= Limits().evidence_octets
