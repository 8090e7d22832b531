"""The summary in Markdown, to the letter, and with hostile output of a port."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace

from luasocket_runners.reports import Report, join, markdown
from luasocket_runners.result import Result, Verdict

PASSED = 1


def plain(text: str) -> str:
    """Markdown with the characters that were escaped."""
    return re.sub(r"&#(\d+);", lambda found: chr(int(found[1])), text)


def test_the_summary(report: Callable[..., Report], results: list[Result]) -> None:
    text = plain(markdown.render(join([report(results)])))
    assert text.startswith(
        "## Conformance to the LuaSocket API\n\n"
        "| port | dialect | specification | passed | failed | not implemented | errored | skipped | known deviation "
        "| flaky | result |\n"
        "| --- | --- | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | --- |\n"
        "| toy (Toy 1 Lua 5.4) | luasocket-3 | 1.0.0 | 2 | 1 | 1 | 1 | 1 | 2 | 1 | **fails** |\n"
        "\n### 3 failures\n\n"
        "<details><summary><b>failed</b> <code>tcp/receive/partial</code>: A line that times out is partial.</summary>"
        '<table>\n<tr><th>call</th><td><code>client:receive("*l")</code></td></tr>\n'
        '<tr><th>expected</th><td><code>nil, "timeout", "hel"</code></td></tr>\n'
        '<tr><th>returned</th><td><code>nil, "timeout"</code></td></tr>\n'
        "<tr><th>difference</th><td>2 values instead of 3</td></tr>\n"
    )
    assert (
        "### 1 known deviation without an explanation\n\n"
        "- <code>tcp/receive/new</code> (known deviation): UNEXPLAINED: 2 values instead of 3\n" in text
    )
    assert (
        "<details><summary>2 declared</summary>\n\n"
        "- 1 × known deviation: tcp/old: It is old, https://example.org/issues/12.\n"
        "- 1 × flaky: tcp: The clock is coarse.\n" in text
    )


def test_known_deviations_with_one_reason_are_one_line(report: Callable[..., Report], results: list[Result]) -> None:
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


def test_an_observation_of_a_peer_is_not_called_a_result(report: Callable[..., Report], results: list[Result]) -> None:
    seen = replace(results[0], expected="the end of the connection", returned="seen: nothing")
    text = plain(markdown.render(join([report([seen])])))
    assert "<tr><th>seen</th><td><code>nothing</code></td></tr>" in text


def test_a_port_that_conforms_needs_one_line(report: Callable[..., Report], results: list[Result]) -> None:
    assert plain(markdown.render(join([report([results[PASSED]])]))).splitlines()[2:] == [
        "| port | dialect | specification | passed | result |",
        "| --- | --- | --- | ---: | --- |",
        "| toy (Toy 1 Lua 5.4) | luasocket-3 | 1.0.0 | 1 | conforms |",
    ]


def test_each_character_is_escaped_once() -> None:
    assert markdown.text("it's <b> & 'c'") == "it&#39;s &#60;b&#62; &#38; &#39;c&#39;"


def test_a_run_that_differs_as_declared_does_not_conform(report: Callable[..., Report], results: list[Result]) -> None:
    text = plain(markdown.render(join([report([results[PASSED], results[3]])])))
    assert "| toy (Toy 1 Lua 5.4) | luasocket-3 | 1.0.0 | 1 | 1 | as declared |" in text
    assert "conforms" not in text


def test_different_specifications_are_reported(report: Callable[..., Report], results: list[Result]) -> None:
    joined = join([report(results), report(results, spec="1.1.0")])
    assert "different versions of the specification: 1.0.0, 1.1.0." in plain(markdown.render(joined))


def test_a_long_summary_is_cut(report: Callable[..., Report], results: list[Result]) -> None:
    many = [
        replace(results[0], behaviour=replace(results[0].behaviour, id=f"tcp/{number}"), returned="x" * 100_000)
        for number in range(500)
    ]
    text = markdown.render(join([report(many)]))
    assert "… and 470 more." in text
    assert len(text) < 1 << 20


def test_hostile_text_in_markdown(report: Callable[..., Report], results: list[Result], hostile: str) -> None:
    result = replace(results[0], reason=hostile, call=hostile, returned=hostile, expected=hostile, printed=hostile)
    text = markdown.render(join([report([result], port=hostile.replace("\udcff", ""))]))
    ours = r"</?(?:details|summary|table|tr|th|td|b|code)>|<br>"
    body = text[text.index("### ") :]
    for line in re.sub(ours, "", body).splitlines():
        # what is left has no character that is markup, but our own heading
        assert not re.search(r"[<>|`*_\[\]@$\\]|::|://", line), line
    assert re.findall(r"<(?!/?(?:details|summary|table|tr|th|td|b|code)>|br>)", text) == []
