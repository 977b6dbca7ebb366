# METADATA
# scope: package
# title: Entry points
# description: >-
#   The two questions the service asks. An answer is a proof, not the absence of complaints: every mandatory code must
#   say that it holds and how much it looked at.
# schemas:
#   - input: schema.assay_input_v1
package assay.main

import data.assay.lib.selection

# METADATA
# title: Evidence stage
# description: What follows from the artefact and its evidence alone.
# entrypoint: true
evidence := {
	"allow": proven("evidence", evidence_findings, evidence_holds, evidence_checked),
	"findings": evidence_findings,
	"holds": evidence_holds,
	"checked": evidence_checked,
}

evidence_findings := [found | some name; some found in data.assay.rule[name].deny]

evidence_holds := {code: true | some name; data.assay.rule[name].holds[code] == true}

evidence_checked := {code: number | some name; number := data.assay.rule[name].checked[code]}

# METADATA
# title: Request stage
# description: What depends on who asks for which images where; one boolean for each image of the question.
# entrypoint: true
# schemas:
#   - input: schema.assay_request_v1
request := {
	"allow": proven("request", request_findings, request_holds, request_checked),
	"findings": request_findings,
	"holds": request_holds,
	"checked": request_checked,
	"images": {image.key: clean(image.key) | some image in input.images},
}

request_findings := [found | some name; some found in data.assay.request[name].deny]

request_holds := {code: true | some name; data.assay.request[name].holds[code] == true}

request_checked := {code: number | some name; number := data.assay.request[name].checked[code]}

# METADATA
# description: Whether something is demanded, and every code that binds is proven and none of them complains.
default proven(_, _, _, _) := false

proven(stage, findings, holds, checked) if {
	count(selection.selected(stage)) > 0
	codes := selection.binding(stage)
	count([found | some found in findings; found.code in codes]) == 0
	every code in codes {
		holds[code] == true
		selection.enough(code, checked[code])
	}
}

# METADATA
# description: Whether no mandatory code complains about this image or, with an empty name, about the whole request.
default clean(_) := false

clean(key) if {
	count(selection.selected("request")) > 0
	codes := selection.binding("request")
	count([found | some found in request_findings; found.code in codes; found.image in {key, ""}]) == 0
}
