"""Assembles the spec from the bytes of its files, and refuses whatever is not exactly right.

What lives here: what is around the steps: statements, fixtures, behaviours, rows of cases, identities. What may not:
the syntax of YAML (``nodes``), steps and what is in them (``steps``), finding and keeping files (``loader``,
``cache``).
"""

from __future__ import annotations

import re
from collections.abc import Mapping as AnyMapping
from dataclasses import dataclass, field
from typing import Final, cast

from luasocket_spec import model as m
from luasocket_spec.capabilities import CAPABILITIES
from luasocket_spec.cases import prose, put_in
from luasocket_spec.nodes import Mapping, Node, Scalar, Sequence, read
from luasocket_spec.problems import Problem, SpecError, nearest
from luasocket_spec.reading import listed
from luasocket_spec.steps import StepReader
from luasocket_spec.values import NAME, SELF, Scope

_ID: Final = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_STATEMENT: Final = re.compile(r"[A-Za-z0-9_.:]+/[a-z0-9]+(-[a-z0-9]+)*")
#: The keys that a row may have of its own, beside its columns.
ROW_KEYS: Final = ("says", "hint", "needs", "cites", "dialects")
BEHAVIOUR_KEYS: Final = (
    "id", "says", "hint", "cites", "authority", "dialects", "needs", "given", "functions", "disagrees", "cases",
    "steps",
)  # fmt: skip


@dataclass(slots=True)
class _Assembly:
    """Reads a data directory. ``problems`` keeps its order of discovery; a problem is noted once."""

    problems: dict[Problem, None] = field(default_factory=dict)
    statements: dict[str, m.Statement] = field(default_factory=dict)
    fixtures: dict[str, m.Fixture] = field(default_factory=dict)
    scopes: dict[str, Scope] = field(default_factory=dict)  #: what a fixture's steps have made
    behaviours: dict[str, m.Behaviour] = field(default_factory=dict)
    first: dict[str, m.Source] = field(default_factory=dict)  #: where an identity was first seen

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
                    f"The id `{name}` of a statement is not of the form `function/words-of-lower-case`: mend it.",
                )
            if name in self.statements:
                file.report(
                    key.line,
                    f"The statement `{name}` stands in {self.statements[name].source} already: choose another id.",
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
            self._inspection(file, scope, needs)
            if steps and SELF not in scope.names and not scope.unsure:
                file.report(
                    key.line, f"The fixture `{name}` never binds `self`, the handle that it makes: add `as: self`."
                )
            if scope.forked:
                file.report(key.line, f"The fixture `{name}` tells `documented` from `observed`: only a behaviour can.")
            self.fixtures[name] = m.Fixture(name, says, needs, steps, file.source(key))
            self.scopes[name] = scope

    @staticmethod
    def _needs(file: StepReader, entry: dict[str, Node]) -> tuple[str, ...]:
        return file.words(entry["needs"], "`needs`", CAPABILITIES) if "needs" in entry else ()

    @staticmethod
    def _inspection(file: StepReader, scope: Scope, needs: tuple[str, ...]) -> None:
        """Report a step that not every port can play, where `needs` does not say so."""
        if scope.inspects is not None and "inspection" not in needs:
            file.report(
                scope.inspects, "A step with `system` needs a port that we can look into: add `needs: [inspection]`."
            )

    # -- behaviours

    def _behaviours(self, file: StepReader, root: Node) -> None:
        found = file.map(
            root, "A file of behaviours", ("about", "behaviours"), ("about", "behaviours"), "behaviours: …"
        )
        about = file.text(found["about"], "`about`") if "about" in found else ""
        path = m.subject_of(file.path)
        for part in path.split("/"):
            if not _ID.fullmatch(part):
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
            if name and not _ID.fullmatch(name):
                file.report(
                    entry["id"].line, f"The id `{name}` is not made of lower-case words joined by `-`: mend it."
                )
            identity = f"{path}/{name}"
            if "cases" in entry:
                self._cases(file, about, identity, node, entry)
            else:
                self._used(file, entry, [self._behaviour(file, about, identity, node, entry, frozenset(), node)])

    def _cases(self, file: StepReader, about: str, identity: str, node: Node, entry: dict[str, Node]) -> None:
        """Make a behaviour of each row."""
        rows: dict[str, tuple[Scalar, dict[str, Node], dict[str, Node]]] = {}
        columns: dict[str, int] = {}
        for name, key, cells in file.named(entry["cases"], "`cases`", "case-id: {column: value}"):
            if not _ID.fullmatch(name):
                file.report(key.line, f"The case `{name}` is not made of lower-case words joined by `-`: mend it.")
            row: dict[str, Node] = {}
            own: dict[str, Node] = {}
            for column, column_key, value in file.named(cells, f"The case `{name}`", "{column: value}"):
                if column in ROW_KEYS:
                    own[column] = value
                elif NAME.fullmatch(column):
                    row[column] = value
                    columns.setdefault(column, column_key.line)
                else:
                    file.report(column_key.line, f"The column `{column}` is no name: letters, digits and `_` make one.")
            rows[name] = key, row, own
        if not rows and isinstance(entry["cases"], Mapping):
            file.report(entry["cases"].line, "`cases` has no rows: write one, or strike the key.")
        used: set[str] = set()
        scopes: list[Scope] = []
        template = {name: value for name, value in entry.items() if name != "cases"}
        for name, (key, row, own) in rows.items():
            missing = [column for column in columns if column not in row]
            for column in missing:
                file.report(key.line, f"The case `{name}` lacks the column `{column}`, which other rows have: add it.")
            if missing:
                used.update(columns)  # nothing can be told about this behaviour until it is mended
                continue
            put = {name: value if name == "id" else put_in(value, row, used) for name, value in template.items()}
            for text in ("says", "hint"):
                put[text] = own.get(text, put.get(text, _ABSENT))
                written = put[text]
                if isinstance(written, Scalar) and isinstance(written.value, str):
                    put[text] = Scalar(written.line, written.text, prose(written.value, row, used))
                elif written is _ABSENT:
                    del put[text]
            put.update({key: own[key] for key in ("cites", "dialects") if key in own})
            if "needs" in own:  # what the steps need they need in every row: the row adds to it
                put["needs"] = _joined(put.get("needs"), own["needs"])
            scopes.append(self._behaviour(file, about, f"{identity}/{name}", node, put, frozenset(columns), key))
        self._used(file, entry, scopes)
        for column, line in columns.items():
            if column not in used:
                file.report(
                    line,
                    f"The column `{column}` is used nowhere: write `${column}` where its value belongs, or strike it.",
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
        """Read one behaviour, its case put in; return what its steps made and used."""
        if identity in self.first:
            file.report(place.line, f"The id `{identity}` stands in {self.first[identity]} already: choose another.")
        else:
            self.first[identity] = file.source(place)
        for required in ("says", "steps"):
            if required not in entry:
                file.report(node.line, f"A behaviour lacks the key `{required}`: add it.")
        says = file.text(entry["says"], "`says`") if "says" in entry else ""
        hint = file.text(entry["hint"], "`hint`") if "hint" in entry else None
        dialects = m.DIALECTS
        if "dialects" in entry:
            dialects = (
                cast(tuple[m.Dialect, ...], file.words(entry["dialects"], "`dialects`", m.DIALECTS)) or m.DIALECTS
            )
        authority, cites = self._authority(file, node, entry)
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
                "Every step of the behaviour only prepares: say what the port answers, with `returns` or `raises`.",
            )
        needs = tuple(
            dict.fromkeys((*self._needs(file, entry), *(need for _, fixture in given for need in fixture.needs)))
        )
        self._inspection(file, scope, needs)
        self.behaviours[identity] = m.Behaviour(
            identity, about, says, hint, cites, authority, dialects, needs, given, made, disagrees, steps,
            file.source(place),
        )  # fmt: skip
        return scope

    @staticmethod
    def _used(file: StepReader, entry: dict[str, Node], scopes: list[Scope]) -> None:
        """Report what no row of a behaviour uses."""
        if "functions" in entry and scopes:
            for name, key, _ in file.named(entry["functions"], "`functions`", "finalizer: {}"):
                if not any(name in scope.used or scope.unsure for scope in scopes):
                    file.report(
                        key.line,
                        f"The function `{name}` is used nowhere: write `${name}` where it belongs, or strike it.",
                    )
        if "disagrees" in entry and scopes and not any(scope.forked or scope.unsure for scope in scopes):
            file.report(
                entry["disagrees"].line,
                "`disagrees` needs a step that tells `documented` from `observed` in its results: write it,"
                " or strike the key.",
            )

    def _authority(self, file: StepReader, node: Node, entry: dict[str, Node]) -> tuple[m.Authority, tuple[str, ...]]:
        authority: m.Authority | None = "documented"
        if "authority" in entry:
            authority = cast("m.Authority | None", file.word(entry["authority"], "The authority", m.AUTHORITIES))
        cites: dict[str, None] = {}
        for item in file.items(entry["cites"], "`cites`", "[client:receive/timeout]") if "cites" in entry else ():
            name = file.text(item, "A citation")
            statement = self.statements.get(name)
            if not name:
                continue
            if name in cites:
                file.report(item.line, f"`{name}` is cited twice: strike one.")
            cites[name] = None
            if statement is None:
                hint = nearest(name, self.statements)
                file.report(item.line, f"There is no statement `{name}`: cite one that is in statements/.{hint}")
            elif statement.waived is not None:
                file.report(
                    item.line,
                    f"The statement `{name}` is waived in {statement.source}, and so cannot be cited:"
                    " strike one of the two.",
                )
        if authority == "documented" and not cites and "cites" not in entry:
            file.report(
                node.line, "What is documented cites the statements that say so: add `cites`, or `authority: observed`."
            )
        elif authority == "documented" and not cites:
            file.report(entry["cites"].line, "`cites` names no statement: add one, or write `authority: observed`.")
        elif authority == "observed" and "cites" in entry:
            file.report(
                entry["cites"].line, "What is only observed cites nothing: strike `cites` or `authority: observed`."
            )
        return authority or "documented", tuple(cites)

    def _given(self, file: StepReader, entry: dict[str, Node], scope: Scope) -> tuple[tuple[str, m.Fixture], ...]:
        """Read `given`: each fixture brings its names and peers, under the name that is given to it."""
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
                    "A step tells `documented` from `observed`: say with `disagrees` what each of them claims.",
                )
            return None
        where = entry["disagrees"]
        keys = ("documented", "observed")
        found = file.map(where, "`disagrees`", (*keys, "since", "issue"), keys)
        if authority == "observed":
            file.report(
                where.line, "Nobody disagrees with what is only observed: cite the statement that the library violates."
            )
        documented, observed = (file.text(found[key], f"`{key}`") if key in found else "" for key in keys)
        since = file.text(found["since"], "`since`") if "since" in found else None
        issues = (
            tuple(file.integer(item, "An issue", 1) for item in file.items(found["issue"], "`issue`", "[123]"))
            if "issue" in found
            else ()
        )
        if not scope.forked:  # a row in which both agree
            return None
        return m.Disagreement(documented, observed, since, issues)


#: Stands for a key that is not there.
_ABSENT: Final = Scalar(0, "", None)


def _joined(common: Node | None, own: Node) -> Node:
    """Return the list of a behaviour followed by that of its row."""
    if isinstance(common, Sequence) and isinstance(own, Sequence):
        return Sequence(own.line, common.items + own.items)
    return own


def _under(given: str, name: str) -> str:
    """Return the name in a behaviour of what a fixture calls ``name``."""
    return given if name == SELF else f"{given}.{name}"


def assemble(version: str, files: AnyMapping[str, bytes]) -> m.Spec:
    """Read the files, by their path relative to the data directory.

    Raises
    ------
    SpecError
        Something in them is wrong. All problems are in it, by file and line.
    """
    return _Assembly().assemble(version, files)
