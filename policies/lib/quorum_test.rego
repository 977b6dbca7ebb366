package assay.lib.quorum_test

import data.assay.lib.quorum

voice(keyid, names) := {"keyid": keyid, "names": names}

two := {"at_least": [{"names": ["a", "b", "c"], "count": 2}]}

board := {"at_least": [
	{"names": ["a"], "count": 1},
	{"names": ["b", "c"], "count": 1},
	{"names": ["a", "b", "c"], "count": 2},
]}

test_enough_signers_of_the_named_authorities_meet_a_demand if {
	quorum.met(two, {voice("k1", {"a"}), voice("k2", {"a"})})
	not quorum.met(two, {voice("k1", {"a"}), voice("k2", {"d"})})
}

test_a_signer_counts_once if {
	not quorum.met(two, {voice("k1", {"a"}), voice("k1", {"b"})})
	not quorum.met(board, {voice("k1", {"a", "b"})})
	quorum.met(board, {voice("k1", {"a", "b"}), voice("k2", {"b"})})
}

test_every_demand_must_be_met if {
	not quorum.met(board, {voice("k1", {"b"}), voice("k2", {"c"})})
	not quorum.met(board, {voice("k1", {"a"}), voice("k2", {"a"})})
	quorum.met(board, {voice("k1", {"a"}), voice("k2", {"c"})})
}

test_no_demand_is_not_met if {
	not quorum.met({"at_least": []}, {voice("k1", {"a"})})
	not quorum.met({}, {voice("k1", {"a"})})
	not quorum.met({"at_least": [{"names": ["a"], "count": 0}]}, {voice("k1", {"a"})})
}
