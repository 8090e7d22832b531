"""The shipped adapters."""
