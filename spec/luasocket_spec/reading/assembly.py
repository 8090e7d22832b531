"""Assembles statements, fixtures and behaviours from the bytes of the files, and reports every problem in them.

The syntax of YAML is left to ``nodes``, steps to ``steps``, cases to ``cases``, finding files to ``loader``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping as AnyMapping
from dataclasses import dataclass, field
from typing import Final, cast

from luasocket_spec import model as m
from luasocket_spec.capabilities import CAPABILITIES
from luasocket_spec.reading.cases import ID, fill_in, read_rows
from luasocket_spec.reading.forms import listed
from luasocket_spec.reading.nodes import Mapping, Node, Scalar, Sequence, read
from luasocket_spec.reading.problems import Problem, SpecError, nearest
from luasocket_spec.reading.steps import StepReader
from luasocket_spec.reading.values import SELF, Scope
from luasocket_spec.situations import SITUATIONS

_STATEMENT: Final = re.compile(r"[A-Za-z0-9_.:]+/[a-z0-9]+(-[a-z0-9]+)*")
BEHAVIOUR_KEYS: Final = (
    "id", "says", "hint", "situation", "covers", "authority", "dialects", "needs", "descriptors", "leaks",
    "disagrees", "given", "functions", "cases", "steps",
)  # fmt: skip


@dataclass(slots=True)
class _Assembly:
    """The state of reading a data directory. ``problems`` is a dict so that a repeated problem counts once."""

    problems: dict[Problem, None] = field(default_factory=dict)
    statements: dict[str, m.Statement] = field(default_factory=dict)
    fixtures: dict[str, m.Fixture] = field(default_factory=dict)
    scopes: dict[str, Scope] = field(default_factory=dict)  #: the names and peers of each fixture
    behaviours: dict[str, m.Behaviour] = field(default_factory=dict)
    first: dict[str, m.Source] = field(default_factory=dict)  #: the first place of each identity

    def assemble(self, version: str, files: AnyMapping[str, bytes]) -> m.Spec:
        roots: list[tuple[StepReader, Node]] = []
        for name, data in files.items():
            file = StepReader(name, self.problems)
            root = read(data, file.report)
            if root is not None:
                roots.append((file, root))
        for file, root in roots:
            if file.path.startswith("statements/"):
                self._statements(file, root)
            elif file.path == "fixtures.yaml":
                self._fixtures(file, root)
        for file, root in roots:
            if file.path.startswith("behaviours/"):
                self._behaviours(file, root)
        if not any(name.startswith("behaviours/") for name in files):
            self.problems[Problem("behaviours", 1, "There are no behaviours: write behaviours/SUBJECT.yaml.")] = None
        if self.problems:
            raise SpecError(sorted(self.problems))
        return m.Spec(version, tuple(self.behaviours.values()), self.statements, self.fixtures)

    # -- statements

    def _statements(self, file: StepReader, root: Node) -> None:
        found = file.map(
            root, "A file of statements", ("about", "statements"), ("about", "statements"), "statements: …"
        )
        if "about" in found:
            file.text(found["about"], "`about`")
        if "statements" not in found:
            return
        for name, key, node in file.named(found["statements"], "`statements`", "client:receive/timeout: It …"):
            waived: str | None = None
            if isinstance(node, Mapping):
                entry = file.map(node, "A statement", ("says", "waived"), ("says",))
                says = file.text(entry["says"], "`says`") if "says" in entry else ""
                waived = file.text(entry["waived"], "`waived`") if "waived" in entry else None
            else:
                says = file.text(node, "A statement")
            if not _STATEMENT.fullmatch(name):
                file.report(
                    key.line,
                    f"The id `{name}` of a statement is not of the form `function/lower-case-words`: rename it.",
                )
            if name in self.statements:
                file.report(
                    key.line,
                    f"The statement `{name}` is in {self.statements[name].source} already: choose another id.",
                )
            else:
                self.statements[name] = m.Statement(name, name.partition("/")[0], says, waived, file.source(key))

    # -- fixtures

    def _fixtures(self, file: StepReader, root: Node) -> None:
        found = file.map(root, "The file of fixtures", ("fixtures",), ("fixtures",), "fixtures: …")
        for name, key, node in file.named(found["fixtures"], "`fixtures`", "connected client: …") if found else ():
            entry = file.map(node, f"The fixture `{name}`", ("says", "needs", "steps"), ("says", "steps"))
            scope = Scope("fixture")
            says = file.text(entry["says"], "`says`") if "says" in entry else ""
            needs = self._needs(file, entry)
            steps = file.steps(entry["steps"], scope) if "steps" in entry else ()
            self._needed(file, scope, needs)
            if steps and SELF not in scope.names and not scope.unsure:
                file.report(
                    key.line, f"The fixture `{name}` never binds `self`, the handle that it makes: add `as: self`."
                )
            if scope.forked:
                file.report(
                    key.line, f"The fixture `{name}` distinguishes `documented` from `observed`: only a behaviour can."
                )
            self.fixtures[name] = m.Fixture(name, says, needs, steps, file.source(key))
            self.scopes[name] = scope

    @staticmethod
    def _needs(file: StepReader, entry: dict[str, Node]) -> tuple[str, ...]:
        return file.words(entry["needs"], "`needs`", CAPABILITIES) if "needs" in entry else ()

    @staticmethod
    def _needed(file: StepReader, scope: Scope, needs: tuple[str, ...]) -> None:
        """Report steps and matchers that need a capability which is not in `needs`."""
        if scope.inspects is not None and "inspection" not in needs:
            file.report(
                scope.inspects,
                "A step with `system` needs a port that the runner can inspect: add `needs: [inspection]`.",
            )
        if scope.keeps is not None and "kept-tables" not in needs:
            file.report(
                scope.keeps,
                "A call with `keep` needs an adapter that can keep tables: add `needs: [kept-tables]`.",
            )
        if scope.calls is not None and "callable-tables" not in needs:
            file.report(
                scope.calls,
                "A table with `calls` needs an adapter that can make one: add `needs: [callable-tables]`.",
            )
        if scope.inherits is not None and "inheriting-tables" not in needs:
            file.report(
                scope.inherits,
                "A table with `inherits` needs an adapter that can make one: add `needs: [inheriting-tables]`.",
            )
        if scope.interrupts is not None and "interruption" not in needs:
            file.report(
                scope.interrupts,
                "An `interrupt` needs a port whose process the runner can stop: add `needs: [interruption]`.",
            )
        if scope.subtypes is not None and "subtypes" not in needs:
            file.report(
                scope.subtypes,
                "`integer` and `float` need a port whose numbers have subtypes: add `needs: [subtypes]`.",
            )

    # -- behaviours

    def _behaviours(self, file: StepReader, root: Node) -> None:
        found = file.map(
            root, "A file of behaviours", ("about", "behaviours"), ("about", "behaviours"), "behaviours: …"
        )
        about = file.text(found["about"], "`about`") if "about" in found else ""
        path = m.subject_of(file.path)
        for part in path.split("/"):
            if not ID.fullmatch(part):
                file.report(
                    1,
                    f"The path is part of the identity, and `{part}` is not made of lower-case words joined by `-`:"
                    " rename it.",
                )
        if "behaviours" not in found:
            return
        items = file.items(found["behaviours"], "`behaviours`", "- id: …")
        if not items and isinstance(found["behaviours"], Sequence):
            file.report(found["behaviours"].line, "The file has no behaviours: write one, or delete it.")
        for node in items:
            entry = file.map(node, "A behaviour", BEHAVIOUR_KEYS, ("id",), "{id: …, says: …, steps: […]}")
            if "id" not in entry:
                continue
            name = file.text(entry["id"], "`id`")
            if name and not ID.fullmatch(name):
                file.report(
                    entry["id"].line, f"The id `{name}` is not made of lower-case words joined by `-`: rename it."
                )
            identity = f"{path}/{name}"
            if "cases" in entry:
                self._cases(file, about, identity, node, entry)
            else:
                self._used(file, entry, [self._behaviour(file, about, identity, node, entry, frozenset(), node)])

    def _cases(self, file: StepReader, about: str, identity: str, node: Node, entry: dict[str, Node]) -> None:
        """Make a behaviour of each case."""
        rows, columns = read_rows(file, entry["cases"])
        used: set[str] = set()
        scopes: list[Scope] = []
        template = {name: value for name, value in entry.items() if name != "cases"}
        for name, row in rows.items():
            missing = [column for column in columns if column not in row.columns]
            for column in missing:
                file.report(
                    row.place.line, f"The case `{name}` lacks the column `{column}`, which other rows have: add it."
                )
            if missing:
                used.update(columns)  # the row is skipped, so whether they are used is unknown
                continue
            put = fill_in(template, row, used)
            place = node if row.place is entry["cases"] else row.place
            scopes.append(self._behaviour(file, about, f"{identity}/{name}", node, put, frozenset(columns), place))
        self._used(file, entry, scopes)
        for column, line in columns.items():
            if column not in used and scopes:
                file.report(
                    line,
                    f"The column `{column}` is used nowhere: write `${column}` where its value belongs, or remove it.",
                )

    def _behaviour(
        self,
        file: StepReader,
        about: str,
        identity: str,
        node: Node,
        entry: dict[str, Node],
        columns: frozenset[str],
        place: Node,
    ) -> Scope:
        """Read one behaviour or case; return the names and peers that its steps made and used."""
        if identity in self.first:
            file.report(place.line, f"The id `{identity}` is in {self.first[identity]} already: choose another.")
        else:
            self.first[identity] = file.source(place)
        for required in ("says", "steps"):
            if required not in entry:
                file.report(node.line, f"A behaviour lacks the key `{required}`: add it.")
        says = file.text(entry["says"], "`says`") if "says" in entry else ""
        hint = file.text(entry["hint"], "`hint`") if "hint" in entry else None
        situation = file.word(entry["situation"], "The situation", tuple(SITUATIONS)) if "situation" in entry else None
        dialects = m.DIALECTS
        if "dialects" in entry:
            dialects = (
                cast(tuple[m.Dialect, ...], file.words(entry["dialects"], "`dialects`", m.DIALECTS)) or m.DIALECTS
            )
        authority, covers = self._authority(file, node, entry)
        scope = Scope("behaviour", columns=columns, dialects=dialects)
        given = self._given(file, entry, scope)
        functions: list[tuple[str, Scalar, Node]] = []
        if "functions" in entry:
            functions = list(file.named(entry["functions"], "`functions`", "finalizer: {}"))
            for function, key, _ in functions:
                if function in scope.names:
                    file.report(key.line, f"The function `{function}` has the name of a handle: choose another.")
                file.name(key, scope, "The name of a function")
            scope.functions = frozenset(function for function, _, _ in functions)
        steps = file.steps(entry["steps"], scope) if "steps" in entry else ()
        made = file.functions(entry["functions"], scope) if functions else {}
        disagrees = self._disagrees(file, node, entry, scope, authority)
        if steps and not scope.checks and not scope.unsure:
            file.report(
                place.line,
                "Every step of the behaviour only prepares: state an expected result with `returns` or `raises`.",
            )
        needs = tuple(
            dict.fromkeys((*self._needs(file, entry), *(need for _, fixture in given for need in fixture.needs)))
        )
        self._needed(file, scope, needs)
        leaks = "leaks" in entry
        if leaks and not (isinstance(entry["leaks"], Scalar) and entry["leaks"].value is True):
            file.report(entry["leaks"].line, "`leaks` is not true: write `leaks: true`, or remove the key.")
        descriptors = file.integer(entry["descriptors"], "`descriptors`", 1) if "descriptors" in entry else None
        if descriptors is not None:
            self._descriptors(file, entry, needs, steps)
        self.behaviours[identity] = m.Behaviour(
            identity, about, says, hint, covers, authority, dialects, needs, given, made, disagrees, steps,
            file.source(place), situation, leaks, descriptors,
        )  # fmt: skip
        return scope

    @staticmethod
    def _descriptors(
        file: StepReader, entry: dict[str, Node], needs: tuple[str, ...], steps: tuple[m.Step, ...]
    ) -> None:
        """Report what cannot be done while descriptors are limited, which is only during the port's calls."""
        line = entry["descriptors"].line
        if "descriptor-limit" not in needs:
            file.report(line, "`descriptors` needs a port that the runner can limit: add `needs: [descriptor-limit]`.")
        if "functions" in entry or any(isinstance(step, m.Call) and step.meanwhile for step in steps):
            file.report(line, "A behaviour with `descriptors` has neither `functions` nor `while`: remove them.")

    @staticmethod
    def _used(file: StepReader, entry: dict[str, Node], scopes: list[Scope]) -> None:
        """Report functions and `disagrees` that no case of a behaviour uses."""
        if "functions" in entry and scopes:
            for name, key, _ in file.named(entry["functions"], "`functions`", "finalizer: {}"):
                if not any(name in scope.used or scope.unsure for scope in scopes):
                    file.report(
                        key.line,
                        f"The function `{name}` is used nowhere: write `${name}` where it belongs, or remove it.",
                    )
        if "disagrees" in entry and scopes and not any(scope.forked or scope.unsure for scope in scopes):
            file.report(
                entry["disagrees"].line,
                "`disagrees` needs a step whose results distinguish `documented` from `observed`: write it,"
                " or remove the key.",
            )

    def _authority(self, file: StepReader, node: Node, entry: dict[str, Node]) -> tuple[m.Authority, tuple[str, ...]]:
        authority: m.Authority | None = "documented"
        if "authority" in entry:
            authority = cast("m.Authority | None", file.word(entry["authority"], "The authority", m.AUTHORITIES))
        covers: dict[str, None] = {}
        for item in file.items(entry["covers"], "`covers`", "[client:receive/timeout]") if "covers" in entry else ():
            name = file.text(item, "A citation")
            statement = self.statements.get(name)
            if not name:
                continue
            if name in covers:
                file.report(item.line, f"`{name}` is covered twice: remove one.")
            covers[name] = None
            if statement is None:
                hint = nearest(name, self.statements)
                file.report(item.line, f"There is no statement `{name}`: name one of statements/.{hint}")
            elif statement.waived is not None:
                file.report(
                    item.line,
                    f"The statement `{name}` is waived in {statement.source}, so no behaviour can cover it:"
                    " remove one of the two.",
                )
        if authority == "documented" and not covers and "covers" not in entry:
            file.report(
                node.line,
                "A documented behaviour covers a statement: add `covers`, or `authority: observed`.",
            )
        elif authority == "documented" and not covers:
            file.report(entry["covers"].line, "`covers` names no statement: add one, or write `authority: observed`.")
        elif authority == "observed" and "covers" in entry:
            file.report(
                entry["covers"].line,
                "An observed behaviour covers no statement: remove `covers` or `authority: observed`.",
            )
        return authority or "documented", tuple(covers)

    def _given(self, file: StepReader, entry: dict[str, Node], scope: Scope) -> tuple[tuple[str, m.Fixture], ...]:
        """Read `given`; prefix the names and peers of each fixture with the name of its handle."""
        given: list[tuple[str, m.Fixture]] = []
        for name, key, node in (
            file.named(entry["given"], "`given`", "client: connected client") if "given" in entry else ()
        ):
            wanted = file.text(node, "A fixture")
            known = file.name(key, scope, "The name in `given`")
            fixture = self.fixtures.get(wanted)
            if fixture is None:
                if wanted:
                    hint = nearest(wanted, self.fixtures) or f" There are {listed(self.fixtures)}."
                    file.report(
                        node.line,
                        f"There is no fixture `{wanted}`: choose one of fixtures.yaml, or add it there.{hint}",
                    )
                scope.unsure = True
                continue
            inner = self.scopes[wanted]
            scope.unsure = scope.unsure or inner.unsure
            for made in inner.bound:
                under = _under(name, made)
                scope.bound.add(under)
                if made in inner.names:
                    scope.names.add(under)
            for peer, kinds in inner.peers.items():
                scope.peers[_under(name, peer)] = kinds
            if known is not None:
                given.append((name, fixture))
        return tuple(given)

    def _disagrees(
        self, file: StepReader, node: Node, entry: dict[str, Node], scope: Scope, authority: m.Authority
    ) -> m.Disagreement | None:
        if "disagrees" not in entry:
            if scope.forked:
                file.report(
                    node.line,
                    "A step distinguishes `documented` from `observed`: describe both with `disagrees`.",
                )
            return None
        where = entry["disagrees"]
        keys = ("documented", "observed")
        found = file.map(where, "`disagrees`", (*keys, "since", "issues"), keys)
        if authority == "observed":
            file.report(
                where.line,
                "An observed behaviour has no disagreement: cover the statement that the library violates.",
            )
        documented, observed = (file.text(found[key], f"`{key}`") if key in found else "" for key in keys)
        since = file.text(found["since"], "`since`") if "since" in found else None
        issues = (
            tuple(file.integer(item, "An issue", 1) for item in file.items(found["issues"], "`issues`", "[123]"))
            if "issues" in found
            else ()
        )
        if not scope.forked:  # a case in which both agree
            return None
        return m.Disagreement(documented, observed, since, issues)


def _under(given: str, name: str) -> str:
    """Return the name that a behaviour uses for ``name`` of a fixture."""
    return given if name == SELF else f"{given}.{name}"


def assemble(version: str, files: AnyMapping[str, bytes]) -> m.Spec:
    """Read the files, by their path relative to the data directory.

    Raises
    ------
    SpecError
        The data are invalid. The exception has all problems, by file and line.
    """
    return _Assembly().assemble(version, files)
