"""Tests the site: generated pages, examples, compatibility, the build, and the pages in Chromium without a network."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

import jsonschema
import luasocket_spec
import pytest
from luasocket_runners.cli.main import main
from luasocket_runners.lookup import Index, address
from luasocket_runners.lookup.compatibility import shipped
from luasocket_runners.site import examples, markdown, pages
from luasocket_runners.site.examples import Example

INDEX = Index(luasocket_spec.load())
RECEIVE = INDEX.api.functions["client:receive"]


def test_a_page_of_a_function_has_all_its_parts() -> None:
    port = next(port for port in shipped() if port.name == "texlua")
    example = examples.choose(INDEX, RECEIVE)
    assert example is not None
    text = pages.generate(INDEX, {RECEIVE.id: example}, [port], {RECEIVE.id: ("tcp.py", "def receive(): ...")})[
        "functions/client-receive.md"
    ]
    for part in (
        "client:receive([pattern [, prefix]])",
        "--> nil, err:",
        '| situation | "*l" | number | "*a" |',
        "### The time is over, and something was transferred",
        '| `receive("*l")` | `nil, "timeout", "',
        "(#b-tcp-receive-line-",
        "## Run it",
        "## Messages",
        "## Documentation and library disagree",
        "| situation | [texlua](#port-texlua) |",
        'title="LuaSocket in texlua: send and receive return a fourth value, the seconds that the call took.">◐</a>',
        "- **LuaSocket in texlua**: send and receive return a fourth value",
        "- **3.0-rc1**: A negative number of bytes raises an error",
        "`client:receive/partial-empty`",
        "`luasocket_reference/tcp.py`",
    ):
        assert part in text, part


def test_a_page_names_what_the_manual_of_luasocket_says() -> None:
    text = pages.generate(INDEX, {}, [], {})["functions/tcp-settimeout.md"]
    assert '- **LuaSocket\'s manual**: Mode "b" limits the wait' in text


def test_a_page_of_a_port_has_its_rules_and_how_to_run_it() -> None:
    port = next(port for port in shipped() if port.name == "luasocket-2.0.2")
    text = pages.generate(INDEX, {}, [port], {})["ports/luasocket-2.0.2.md"]
    for part in (
        "# LuaSocket 2.0.2",
        "luasocket-conformance run --port ports/releases/luasocket-2.0.2",
        "getsockname and getpeername return two values, without the family.",
        "<https://github.com/lunarmodules/luasocket/compare/v2.0.2...v3.0-rc1>",
        "| `:getoption` | it came with 3.0-rc1 |",
        "## Single deviations",
    ):
        assert part in text, part


def test_most_functions_have_an_example() -> None:
    chosen = [examples.choose(INDEX, function) for function in INDEX.api.functions.values()]
    assert sum(example is not None for example in chosen) > 0.8 * len(chosen)


def test_an_example_with_a_wrong_result_is_found() -> None:
    pytest.importorskip("lupa")
    wrong = Example("x", 'local socket = require "socket"\nprint(socket.skip(1, 2, 3)) --> 2, 3\n')
    right = Example("x", 'local socket = require "socket"\nprint(socket.skip(1, 2, 3)) --> 3\n')
    ran = examples.run_all({"wrong": wrong, "right": right})
    assert ran["right"].problems == ()
    assert ran["wrong"].problems == ("print(socket.skip(1, 2, 3)) --> 2, 3\n    printed 3",)


def test_sentences_of_the_spec_are_text_and_not_markup() -> None:
    assert markdown.prose('The pattern "*l" <b> `x` [y](z) a|b') == r'The pattern "\*l" \<b\> \`x\` \[y\](z) a\|b'
    assert markdown.code("a`b") == "``a`b``"


def test_a_file_that_is_no_report_is_an_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "x.json").write_text("[]")
    assert main(["docs", str(tmp_path / "out"), "--report", str(tmp_path / "x.json")]) == 2
    assert "is not a report of 'run --json'" in capsys.readouterr().err


class _References(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.loaded: list[str] = []
        self.linked: list[str] = []
        self.ids: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        self.ids.update(filter(None, [found.get("id"), found.get("name")]))
        if tag == "a":
            self.linked += filter(None, [found.get("href")])
        else:
            self.loaded += filter(None, [found.get("src"), found.get("href") if tag == "link" else None])


@pytest.fixture(scope="module")
def references(site: Path) -> dict[Path, _References]:
    found = {}
    for path in site.rglob("*.html"):
        found[path] = _References()
        found[path].feed(path.read_text(encoding="utf-8"))
    return found


def test_nothing_is_loaded_from_a_network(references: dict[Path, _References]) -> None:
    assert len(references) > 100
    assert {url for page in references.values() for url in page.loaded if re.match("(https?:)?//", url)} == set()


def test_no_link_is_broken(references: dict[Path, _References]) -> None:
    broken = set(_broken(references))
    assert not broken, "\n".join(sorted(broken)[:20])


def _broken(references: dict[Path, _References]) -> Iterator[str]:
    for path, page in references.items():
        for url in page.linked:
            if re.match("[a-z]+:", url):
                continue
            name, _, fragment = url.partition("#")
            target = (path.parent / name).resolve() if name else path
            if not target.exists() or (fragment and target in references and fragment not in references[target].ids):
                yield f"{path.name}: {url}"


def test_each_behaviour_has_an_address(references: dict[Path, _References], site: Path) -> None:
    for behaviour in INDEX.spec.behaviours[::50]:
        page = references[site / "behaviours" / f"{behaviour.subject}.html"]
        assert markdown.label(behaviour.entry) in page.ids


def test_the_addresses_that_failures_print_exist(
    references: dict[Path, _References], site: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LUASOCKET_CONFORMANCE_DOCS", site.as_uri())
    printed = [address.behaviour_address(item.subject, item.entry) for item in INDEX.spec.behaviours[::50]]
    printed += [address.function_address(name) for name in INDEX.api.functions]
    for url in printed:
        assert url is not None
        path, _, anchor = url.removeprefix(f"{site.as_uri()}/").partition("#")
        assert not anchor or anchor in references[site / path].ids
        assert (site / path).is_file()


def test_the_site_has_the_specification_as_json(site: Path) -> None:
    document = json.loads((site / "spec.json").read_text())
    schema = json.loads((site / "spec.schema.json").read_text())
    document["behaviours"] = document["behaviours"][:20]
    jsonschema.Draft202012Validator(schema).validate(document)
