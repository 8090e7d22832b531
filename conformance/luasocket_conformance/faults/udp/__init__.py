"""Faulty ports that behaviours of UDP objects detect, one module for each of their files."""
