"""Badges: texts, colours, and a picture with a hostile name."""

from __future__ import annotations

import json
from collections.abc import Callable
from xml.etree import ElementTree as ET

import pytest
from luasocket_runners.reports import Report, badge, join
from luasocket_runners.result import Result


def test_a_badge(report: Callable[..., Report], results: list[Result]) -> None:
    assert json.loads(badge.endpoint(join([report(results)]))) == {
        "schemaVersion": 1,
        "label": "LuaSocket API",
        "message": "fails: 2 of 8 passed",
        "color": "red",
    }


@pytest.mark.parametrize(
    ("chosen", "message", "colour"),
    [
        ([1], "conforms: 1 of 1 passed", "brightgreen"),
        ([1, 7], "conforms: 1 of 1 passed", "brightgreen"),
        ([1, 3], "as declared: 1 of 2 passed", "yellow"),
        ([0, 1], "fails: 1 of 2 passed", "red"),
    ],
)
def test_the_colours_of_a_badge(
    report: Callable[..., Report], results: list[Result], chosen: list[int], message: str, colour: str
) -> None:
    assert badge.words(join([report([results[place] for place in chosen])])) == (message, colour)


def test_a_badge_of_several_runs(report: Callable[..., Report], results: list[Result]) -> None:
    joined = join([report(results, port="a"), report(results[1:2], port="b")])
    assert badge.words(joined) == ("2 ports: 1 conform, 1 fail", "red")


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
    assert title.text.startswith("LuaSocket API: fails: 2 of 8 passed (</script><script>")
