"""The expectations of a port: known deviations, flaky behaviours, absent functions, quirks."""
