"""How `assay serve` tells its workers what to serve; apart, so that the supervisor need not load what they run."""

CONFIGURATION_VARIABLE = "ASSAY_CONFIGURATION"
GENERATION_VARIABLE = "ASSAY_GENERATION"
