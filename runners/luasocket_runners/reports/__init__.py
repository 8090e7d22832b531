"""Reports of runs: on a terminal (``terminal``), and in files for machines, pull requests and people.

``data`` has the contents of a report and its JSON, ``joined`` puts several side by side, and one module each renders
them: ``page`` (HTML), ``markdown``, ``badge``, ``github`` (annotations). ``files`` writes them. JUnit XML is pytest's.

In every form, text that a port printed is untrusted: it is escaped by the rules of the form, or left out.
"""

from luasocket_runners.reports.data import Report, ReportError, Run
from luasocket_runners.reports.files import Files, write
from luasocket_runners.reports.joined import Joined, join

__all__ = ["Files", "Joined", "Report", "ReportError", "Run", "join", "write"]
