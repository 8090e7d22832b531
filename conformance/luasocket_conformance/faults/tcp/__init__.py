"""Faulty ports that behaviours of TCP objects detect, one module for each of their files."""
