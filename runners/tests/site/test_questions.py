"""Checks that questions of users find their answers, in the terminal and with the site's own search in Chromium."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from luasocket_runners.cli.main import main
from luasocket_runners.lookup import written
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

QUESTIONS: list[dict[str, Any]] = yaml.safe_load(Path(__file__).with_name("questions.yaml").read_text(encoding="utf-8"))
WORDS = [question["words"] for question in QUESTIONS]
#: Results among which the answer is, and those of the terminal, which prints two in full.
FIRST, FIRST_IN_TERMINAL = 3, 2

Browser = Any  # of `runners/tests/conftest.py`, which cannot be imported


def answers(question: dict[str, Any], titles: list[str]) -> bool:
    return any(answer in title for answer in question["answer"] for title in titles)


@pytest.mark.parametrize("question", QUESTIONS, ids=WORDS)
def test_a_question_finds_its_answer_in_the_terminal(
    question: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["explain", *question["words"].split()]) == 0
    printed = capsys.readouterr().out
    titles = [line for line in printed.splitlines() if line and not line.startswith((" ", "see also: "))]
    assert answers(question, titles[:FIRST_IN_TERMINAL]), titles


def test_questions_find_their_answers_in_the_browser(
    show: Callable[[str], Browser], until: Callable[[Browser, Callable[[], Any]], Any]
) -> None:
    def search(words: str) -> list[str]:
        browser = show("index")
        browser.find_element(By.CSS_SELECTOR, "input[name=q]").send_keys(words, Keys.ENTER)
        # The summary of the search is empty until all results are there.
        until(
            browser, lambda: [part for part in browser.find_elements(By.CSS_SELECTOR, ".search-summary") if part.text]
        )
        return [link.text for link in browser.find_elements(By.CSS_SELECTOR, "#search-results li > a")]

    found = {question["words"]: search(question["words"])[:FIRST] for question in QUESTIONS}
    assert {q["words"]: found[q["words"]] for q in QUESTIONS if not answers(q, found[q["words"]])} == {}


def test_an_answer_says_which_behaviours_show_it(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", "half", "close"]) == 0
    printed = " ".join(capsys.readouterr().out.split())
    assert "the client still receives (tcp/shutdown/send-leaves-receiving, tcp/shutdown/send-then-read-all)" in printed


def test_an_answer_ends_with_behaviours_and_the_words_that_are_nowhere(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", "the", "collected", "server", "of", "an", "octopus"]) == 0
    printed = capsys.readouterr().out
    assert "Behaviours:\n" in printed
    assert "    tcp/close/collected-server\n" in printed
    assert printed.endswith("not found: octopus\n")


def test_words_without_an_answer_are_an_unknown_function(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", "quantum", "entanglement"]) == 2
    assert "No function has the name 'quantum entanglement'" in capsys.readouterr().err


def test_pages_are_printed_as_plain_text() -> None:
    texts = [text for section in written.sections() for text in (section.title, *section.items)]
    assert len(texts) > 100
    assert [text for text in texts if re.search(r"`[^`']*`|\{b\}|\]\(|\\[*_]", text)] == []
