"""The documentation is covered: each statement has a behaviour, or is waived with a reason."""

import luasocket_spec
from luasocket_runners.coverage import Coverage


def test_every_statement_is_cited_or_waived():
    missing = [statement.id for statement in Coverage.of(luasocket_spec.load()).missing()]
    assert not missing, f"no behaviour covers {', '.join(missing)}: write one, or waive the statement with a reason"


def test_missing_coverage_is_reported():
    spec = luasocket_spec.load()
    coverage = Coverage(spec.statements, dict.fromkeys(spec.statements, ()))
    due = [name for name, statement in spec.statements.items() if statement.waived is None]
    assert [statement.id for statement in coverage.missing()] == due
    assert f"0 of {len(due)} statements covered (0.0 %)" in coverage.table()
