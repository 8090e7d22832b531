"""Markdown, badges and GitHub's annotations: to the letter, and with a port that would like to be more than text."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from luasocket_runners.reports import Report, badge, github, join, markdown
from luasocket_runners.reports.github import commands_stopped
from luasocket_runners.result import Result, Verdict

PASSED = 1


def plain(text: str) -> str:
    """Markdown of ours, with the characters that were escaped."""
    return re.sub(r"&#(\d+);", lambda found: chr(int(found[1])), text).replace("&quot;", '"').replace("&#x27;", "'")


def test_the_summary(report: Callable[..., Report], results: list[Result]) -> None:
    text = plain(markdown.render(join([report(results)])))
    assert text.startswith(
        "## Conformance to the LuaSocket API\n\n"
        "| port | dialect | specification | passed | failed | not implemented | errored | skipped | known deviation "
        "| flaky | result |\n"
        "| --- | --- | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | --- |\n"
        "| toy (Toy 1 Lua 5.4) | luasocket-3 | 1.0.0 | 2 | 1 | 1 | 1 | 1 | 2 | 1 | **deviates** |\n"
        "\n### 3 deviations\n\n"
        "<details><summary><b>failed</b> <code>tcp/receive/partial</code>: A line that times out is partial.</summary>"
        '<table>\n<tr><th>call</th><td><code>client:receive("*l")</code></td></tr>\n'
        '<tr><th>expected</th><td><code>nil, "timeout", "hel"</code></td></tr>\n'
        '<tr><th>returned</th><td><code>nil, "timeout"</code></td></tr>\n'
        "<tr><th>because</th><td>2 values instead of 3</td></tr>\n"
    )
    assert (
        "### 1 known deviation without an explanation\n\n"
        "- <code>tcp/receive/new</code> (known deviation): UNEXPLAINED: 2 values instead of 3\n" in text
    )
    assert (
        "<details><summary>2 known</summary>\n\n"
        "- 1 × known deviation: tcp/old: It is old, https://example.org/issues/12.\n"
        "- 1 × flaky: tcp: The clock is coarse.\n" in text
    )


def test_what_is_known_for_one_reason_is_one_line(report: Callable[..., Report], results: list[Result]) -> None:
    known = next(result for result in results if result.verdict is Verdict.KNOWN)
    assert known.listed is not None
    many = [
        replace(
            known,
            behaviour=replace(known.behaviour, id=f"udp/{number}"),
            listed=replace(known.listed, entry="socket.udp*" if number else "socket.udp4"),
        )
        for number in range(500)
    ]
    text = plain(markdown.render(join([report(many)])))
    assert "- 500 × known deviation: socket.udp4 and 1 more: It is old, https://example.org/issues/12.\n" in text
    assert text.count("It is old") == 1


def test_what_a_peer_saw_is_not_called_a_result(report: Callable[..., Report], results: list[Result]) -> None:
    seen = replace(results[0], expected="the end of the connection", returned="seen: nothing")
    text = plain(markdown.render(join([report([seen])])))
    assert "<tr><th>seen</th><td><code>nothing</code></td></tr>" in text


def test_a_port_that_conforms_needs_one_line(report: Callable[..., Report], results: list[Result]) -> None:
    assert plain(markdown.render(join([report([results[PASSED]])]))).splitlines()[2:] == [
        "| port | dialect | specification | passed | result |",
        "| --- | --- | --- | ---: | --- |",
        "| toy (Toy 1 Lua 5.4) | luasocket-3 | 1.0.0 | 1 | conforms |",
    ]


def test_different_specifications_are_told(report: Callable[..., Report], results: list[Result]) -> None:
    joined = join([report(results), report(results, spec="1.1.0")])
    assert "different versions of the specification: 1.0.0, 1.1.0." in plain(markdown.render(joined))


def test_a_summary_does_not_grow_beyond_what_is_read(report: Callable[..., Report], results: list[Result]) -> None:
    many = [
        replace(results[0], behaviour=replace(results[0].behaviour, id=f"tcp/{number}"), returned="x" * 100_000)
        for number in range(500)
    ]
    text = markdown.render(join([report(many)]))
    assert "… and 470 more." in text
    assert len(text) < 1 << 20


def test_hostile_text_in_markdown(report: Callable[..., Report], results: list[Result], hostile: str) -> None:
    result = replace(results[0], reason=hostile, doing=hostile, returned=hostile, expected=hostile, printed=hostile)
    text = markdown.render(join([report([result], port=hostile.replace("\udcff", ""))]))
    ours = r"</?(?:details|summary|table|tr|th|td|b|code)>|<br>"
    body = text[text.index("### ") :]
    for line in re.sub(ours, "", body).splitlines():
        # what is left has no character that is markup, but our own heading
        assert not re.search(r"[<>|`*_\[\]@$\\]|::|://", line), line
    assert re.findall(r"<(?!/?(?:details|summary|table|tr|th|td|b|code)>|br>)", text) == []


def test_a_badge(report: Callable[..., Report], results: list[Result]) -> None:
    assert json.loads(badge.endpoint(join([report(results)]))) == {
        "schemaVersion": 1,
        "label": "LuaSocket API",
        "message": "2 of 8",
        "color": "red",
    }


@pytest.mark.parametrize(
    ("chosen", "message", "colour"),
    [
        ([1], "1 of 1", "brightgreen"),
        ([1, 7], "1 of 1", "brightgreen"),
        ([1, 3], "1 of 2", "green"),
        ([0, 1], "1 of 2", "red"),
    ],
)
def test_the_colours_of_a_badge(
    report: Callable[..., Report], results: list[Result], chosen: list[int], message: str, colour: str
) -> None:
    assert badge.words(join([report([results[place] for place in chosen])])) == (message, colour)


def test_a_badge_of_several_runs(report: Callable[..., Report], results: list[Result]) -> None:
    joined = join([report(results, port="a"), report(results[1:2], port="b")])
    assert badge.words(joined) == ("1 of 2 ports conform", "red")


def test_a_badge_as_a_picture_with_a_hostile_name(
    report: Callable[..., Report], results: list[Result], hostile: str
) -> None:
    port = hostile.replace("\udcff", "")
    root = ET.fromstring(badge.svg(join([report(results, port=port)])))
    names = {element.tag.rpartition("}")[2] for element in root.iter()}
    assert names == {"svg", "title", "clipPath", "rect", "g", "text"}
    title = root.find("{http://www.w3.org/2000/svg}title")
    assert title is not None
    assert title.text is not None
    assert title.text.startswith("LuaSocket API: 2 of 8 (</script><script>")


# -- GitHub


def commands(results: list[Result], tmp_path: Path, known: str = "") -> list[str]:
    return github.render(results, known=known, spec=None, workspace=tmp_path).splitlines()


def test_annotations(results: list[Result], tmp_path: Path) -> None:
    listed = results[4].listed
    assert listed is not None
    results[4] = replace(results[4], listed=replace(listed, file=str(tmp_path / "ports" / "known.txt")))
    lines = commands(results, tmp_path)
    assert lines[0] == (
        "::error title=failed%3A tcp/receive/partial::A line that times out is partial.%0A"
        'client:receive("*l")%0Aexpected: nil, "timeout", "hel"%0Areturned: nil, "timeout"%0A'
        "because: 2 values instead of 3"
    )
    assert [line.partition(" ")[0] for line in lines] == ["::error"] * 3 + ["::warning"]
    assert lines[3].startswith("::warning file=ports/known.txt,line=4,title=known deviation%3A tcp/receive/new::")


def test_an_annotation_points_at_the_behaviour_in_its_repository(results: list[Result], tmp_path: Path) -> None:
    line = github.render(results[:1], known="", spec=tmp_path / "spec", workspace=tmp_path)
    assert line.startswith("::error file=spec/behaviours/tcp/receive.yaml,line=7,title=")


def test_an_annotation_points_at_the_list_where_the_behaviour_is_elsewhere(
    results: list[Result], tmp_path: Path
) -> None:
    assert commands(results[:1], tmp_path, str(tmp_path / "known.txt"))[0].startswith("::error file=known.txt,line=1,")


def test_annotations_beyond_those_that_github_keeps_are_counted(results: list[Result], tmp_path: Path) -> None:
    lines = commands(results[:1] * 12, tmp_path)
    assert len(lines) == github.KEPT
    assert lines[-1] == "::error title=luasocket-conformance::and 3 more; see the log"


def test_hostile_text_in_an_annotation(results: list[Result], tmp_path: Path, hostile: str) -> None:
    said = hostile.replace("\udcff", "")
    result = replace(
        results[0], reason=said, returned=said, behaviour=replace(results[0].behaviour, id="a,file=x::b\r\n::error::c")
    )
    text = github.render([result], known="", spec=None, workspace=tmp_path)
    assert text.count("\n") == 1
    assert "\r" not in text
    title, _, message = text.removeprefix("::error ").partition("::")
    assert title == "title=failed%3A a%2Cfile=x%3A%3Ab%0D%0A%3A%3Aerror%3A%3Ac"
    assert "%250A" in message


def test_commands_are_stopped_by_a_word_that_cannot_be_guessed(capsys: pytest.CaptureFixture[str]) -> None:
    def fails() -> None:
        with commands_stopped():
            print("::error::owned")
            raise ValueError("x")

    words = set()
    for _ in range(2):
        with pytest.raises(ValueError, match="x"):
            fails()
        first, printed, last = capsys.readouterr().out.splitlines()
        assert first == f"::stop-commands::{last.strip(':')}"
        assert printed == "::error::owned"
        words.add(last)
    assert len(words) == 2


def test_only_what_deviates_is_annotated(results: list[Result], tmp_path: Path) -> None:
    kept = [result for result in results if result.verdict in (Verdict.PASSED, Verdict.SKIPPED, Verdict.FLAKY)]
    assert commands(kept, tmp_path) == []
