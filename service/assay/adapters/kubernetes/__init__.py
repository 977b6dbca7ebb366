"""The Kubernetes API: what Assay reads of the cluster it runs in."""
