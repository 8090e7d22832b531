"""Reports in files: what a run came to, for machines, for pull requests and for people.

What lives here: the data of a report (``data``), joining several of them (``joined``), and one module for each form:
``page`` (HTML), ``markdown``, ``badge``, ``github`` (annotations). ``files`` writes them. What may not: playing and
judging, and the report on a terminal (``luasocket_runners.report``). JUnit XML is pytest's.

The law of every form: what a port printed is untrusted. It is escaped by the rules of the form, or stays out.
"""

from luasocket_runners.reports.data import Report, ReportError, Run
from luasocket_runners.reports.files import Files, write
from luasocket_runners.reports.joined import Joined, join

__all__ = ["Files", "Joined", "Report", "ReportError", "Run", "join", "write"]
