"""The external-data provider for Gatekeeper: the same engine behind another door."""
