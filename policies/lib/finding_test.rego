package assay.lib.finding_test

import data.assay.lib.finding

metadata := {"title": "T", "custom": {"code": "a.b", "severity": "high"}}

found := {"term": "t", "msg": "m", "evidence": [["sbom", 0]]}

test_a_finding_has_four_members if {
	finding.at(metadata, found) == {"code": "a.b", "term": "t", "msg": "m", "evidence": [["sbom", 0]]}
}

test_a_finding_about_an_image_names_it if {
	finding.about(metadata, "reg/app", found).image == "reg/app"
}

test_a_finding_without_evidence_is_undefined if {
	not finding.at(metadata, {"term": "t", "msg": "m"})
}
