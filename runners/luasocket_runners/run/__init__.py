"""A run of many behaviours on one port: its workers, their results, and its progress."""
