"""Capabilities: probes of the machine and of the port for the things that some behaviours need."""
