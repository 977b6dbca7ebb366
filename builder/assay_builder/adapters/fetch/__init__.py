"""Reading from a Go module proxy."""
