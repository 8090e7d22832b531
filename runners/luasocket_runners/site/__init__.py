"""Builds the documentation site: pages that are generated from the specification, between pages that are written."""
