"""Reads the YAML files into the model."""
