# METADATA
# scope: package
# title: Provenance
# description: Who built the image, and from which source.
# schemas:
#   - input: schema.assay_input_v1
package assay.rule.provenance

import data.assay.lib.binding
import data.assay.lib.finding
import data.assay.lib.prefix
import data.assay.lib.quorum
import data.assay.lib.selection

wanted := selection.rules.authorities.provenance

# Provenance (by index) that a named authority signed about this image, with the signer's voice.
signed[i] := {"keyid": attestation.keyid, "names": names} if {
	some i, entry in input.provenance
	attestation := input.attestations[entry.attestation]
	attestation.bound_to in binding.accepted
	names := {name | some name in attestation.trust; name in wanted.names}
	count(names) > 0
}

built[i] := voice if {
	some i, voice in signed
	input.provenance[i].builder.id in selection.rules.builder_ids
}

# Only provenance of an accepted builder may speak about the source.
sourced[i] := voice if {
	some i, voice in built
	source := input.provenance[i].source
	some accepted in selection.rules.source_prefixes
	prefix.covers(accepted, source.uri)
	some revision in [source.commit, source.digest]
	revision != ""
}

default proven(_) := false

proven(entries) if quorum.met(wanted, entries)

# METADATA
# title: Built by an accepted builder
# description: SLSA provenance signed by a named authority must name a builder the environment accepts
# custom:
#   code: provenance.builder
#   severity: critical
#   requires: [provenance]
#   counts: provenance
#   solution: Build with an accepted builder and attach its signed SLSA v1 provenance
#   owner: security
#   waivable: false
deny contains found if {
	not proven(built)
	found := finding.at(rego.metadata.rule(), {
		"term": input.image.digest,
		"msg": sprintf("%d of %d provenance statements come from a named authority and an accepted builder", [
			count(built),
			count(input.provenance),
		]),
		"evidence": [["provenance", i, "builder", "id"] | some i, _ in input.provenance],
	})
}

holds["provenance.builder"] if proven(built)

checked["provenance.builder"] := count(input.provenance)

# METADATA
# title: Built from an accepted source
# description: Provenance of an accepted builder must name a source below an accepted prefix, with its commit or digest
# custom:
#   code: provenance.source
#   severity: high
#   requires: [provenance]
#   counts: provenance
#   solution: Build from an accepted repository and let the builder record the commit
#   owner: security
deny contains found if {
	not proven(sourced)
	found := finding.at(rego.metadata.rule(), {
		"term": input.image.digest,
		"msg": sprintf("%d of %d provenance statements name an accepted source with its commit or digest", [
			count(sourced),
			count(input.provenance),
		]),
		"evidence": [["provenance", i, "source"] | some i, _ in input.provenance],
	})
}

holds["provenance.source"] if proven(sourced)

checked["provenance.source"] := count(input.provenance)
