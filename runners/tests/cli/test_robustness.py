"""Odd files, arguments and surroundings: each has a sentence and an exit status, and no result is lost."""

from __future__ import annotations

import json
import re
import resource
import shlex
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from luasocket_runners.cli.failure import INTERNAL_ERROR, LOST, PORT_UNAVAILABLE, TERMINATED, UNREAD, USAGE
from luasocket_runners.cli.main import main
from luasocket_runners.reports import Report
from luasocket_runners.result import Conclusion, Result, Verdict
from luasocket_runners.run.pool import WORTH_A_PROCESS
from luasocket_runners.run.session import Session
from luasocket_spec.model import Behaviour

#: Seconds that a process has; it needs one or two.
LONG = 60.0

CORPUS = """\
about: test
behaviours:
  - {id: good, says: It is one., authority: observed, steps: [{call: socket.skip, with: [0, 1], returns: [1]}]}
  - {id: bad, says: It is two., authority: observed, steps: [{call: socket.skip, with: [0, 1], returns: [2]}]}
"""


@pytest.fixture
def spec(make_data: Callable[[str], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The arguments for a small spec, in an empty directory."""
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    return ["--spec", str(make_data(CORPUS))]


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "luasocket_runners", *arguments]


# -- files


def test_two_spellings_of_one_report_are_refused(spec: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    Path("link").symlink_to("r.json")
    for other in ("./r.json", "../here/r.json", "link"):
        assert main([*spec, "run", "--json", "r.json", "--html", other]) == USAGE
        err = capsys.readouterr().err
        assert err.startswith("luasocket-conformance: Two reports cannot be written to r.json")
    assert not Path("r.json").exists()


def test_a_report_on_standard_output_is_alone_there(spec: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*spec, "run", "--json", "-"]) == 1
    out, err = capsys.readouterr()
    assert json.loads(out)["conclusion"] == "fails"
    assert "FAILED test/bad" in err


def test_a_report_is_read_from_standard_input(spec: list[str]) -> None:
    made = subprocess.run(command(*spec, "run", "--json", "-"), capture_output=True, check=False, timeout=LONG)
    merged = subprocess.run(
        command("report", "-", "--markdown", "-"), input=made.stdout, capture_output=True, check=True, timeout=LONG
    )
    assert merged.stdout.startswith(b"## Conformance to the LuaSocket API\n")


def test_a_report_replaces_the_old_one_whole(spec: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    Path("r.json").write_text("old")
    Path("r.json").chmod(0o640)
    replace = Path.replace

    def fails_for_json(self: Path, target: Path) -> Path:
        if target.name == "r.json":
            raise OSError(28, "No space left on device")
        return replace(self, target)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", fails_for_json)
        assert main([*spec, "run", "--json", "r.json", "--html", "r.html"]) == USAGE
    assert Path("r.json").read_text() == "old"
    assert Path("r.html").read_text().startswith("<!DOCTYPE html>"), "one that fails must not take the others along"
    assert sorted(path.name for path in Path.cwd().iterdir()) == ["r.html", "r.json"]
    assert main([*spec, "run", "--json", "r.json"]) == 1
    assert Report.load(Path("r.json")).run.complete
    assert Path("r.json").stat().st_mode & 0o777 == 0o640


@pytest.mark.parametrize("option", ["--json", "--markdown", "--html", "--badge", "--known"])
@pytest.mark.parametrize("file", ["x" * 300, "nowhere/x", "/dev/null/x", "a\0b"])
def test_a_file_that_cannot_be_written_is_reported_before_the_run(
    spec: list[str], option: str, file: str, capsys: pytest.CaptureFixture[str]
) -> None:
    update = ["--update-deviations"] if option == "--known" else []
    assert main([*spec, "run", option, file, *update]) == USAGE
    out, err = capsys.readouterr()
    assert out == ""
    assert "cannot be" in err


@pytest.mark.parametrize(
    "arguments",
    [
        ["run", "--known", "/dev/zero"],
        ["run", "--flaky", "/dev/zero"],
        ["report", "/dev/zero"],
    ],
)
def test_endless_files_are_refused(
    spec: list[str], arguments: list[str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("luasocket_runners.files.LIMIT", 1000)
    assert main([*spec, *arguments]) == USAGE
    assert "it has more than 1000 bytes" in capsys.readouterr().err


def test_a_byte_order_mark_is_accepted_and_stays(spec: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    Path("known.txt").write_text("\ufefftest/bad: because\n", encoding="utf-8")
    assert main([*spec, "run", "--known", "known.txt"]) == 0
    Path("known.txt").write_text("\ufefftest/good: because\n", encoding="utf-8")
    assert main([*spec, "run", "--known", "known.txt", "--update-deviations"]) == 0
    assert Path("known.txt").read_text("utf-8").startswith("\ufeff# removed, it passes: test/good: because\n")
    capsys.readouterr()


def test_only_line_feeds_end_lines(spec: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    Path("known.txt").write_text("# one\u2028two\x0bthree\x85four\rfive\r\ntest/bad: because\n", encoding="utf-8")
    assert main([*spec, "run", "--known", "known.txt"]) == 0
    Path("known.txt").write_text("# one\u2028two\ntest/worse: because\n", encoding="utf-8")
    assert main([*spec, "run", "--known", "known.txt"]) == USAGE
    assert "known.txt:2: no behaviour matches test/worse" in capsys.readouterr().err


# -- signals


@pytest.mark.parametrize(("signum", "status"), [(signal.SIGTERM, TERMINATED), (signal.SIGINT, 130)])
def test_an_interrupted_run_writes_the_known_results(
    make_data: Callable[[str], Path], tmp_path: Path, signum: int, status: int
) -> None:
    """The first behaviour fails, so that its failure is printed; the signal comes while the second one sleeps."""
    data = make_data(
        CORPUS.replace("id: good", "id: later").replace("id: bad", "id: good")
        + "  - {id: long, says: S., authority: observed, steps: [{call: socket.sleep, with: [30], returns: []}]}\n"
    )
    report = tmp_path / "r.json"
    process = subprocess.Popen(
        command("--spec", str(data), "run", "--workers", "1", "--json", str(report)),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    for line in process.stdout:
        if line.startswith("  reproduce:"):
            break
    process.send_signal(signum)
    out, err = process.communicate(timeout=LONG)
    assert "2 behaviours: 1 passed, 1 failed in " in out
    assert process.returncode == status
    assert err.endswith(": 2/3 done, 1 failed\n")
    written = Report.load(report)
    assert [entry.id for entry in written.results] == ["test/later", "test/good"]
    assert not written.run.complete


# -- surroundings


def test_a_closed_standard_output() -> None:
    done = subprocess.run(
        ["sh", "-c", 'exec "$@" >&-', "sh", *command("list")], stderr=subprocess.PIPE, check=False, timeout=LONG
    )
    assert done.returncode == USAGE
    assert done.stderr.startswith(b"luasocket-conformance: Standard output is closed.")


@pytest.mark.parametrize(
    "port", ["reference", f"command:{sys.executable} -m luasocket_runners.ports.adapters.reference"]
)
def test_closed_standard_input_and_error(port: str) -> None:
    run = command("run", "--port", port, "module/skip-identity")
    done = subprocess.run(
        ["sh", "-c", 'exec "$@" <&- 2>&-', "sh", *run], stdout=subprocess.PIPE, check=False, timeout=LONG
    )
    assert done.stdout.endswith(b"conforms\n")
    assert done.returncode == 0


def test_a_system_without_threads(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def refuse(_thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", refuse)
    assert main(["run", "module/skip-identity"]) == PORT_UNAVAILABLE
    assert capsys.readouterr().err.startswith("luasocket-conformance: The system allows no further thread: ")


@pytest.mark.parametrize("arguments", [["list"], ["ports", "--names"], ["run", "module/skip-identity"]])
def test_a_full_standard_output(arguments: list[str]) -> None:
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(command(*arguments), stdout=full, stderr=subprocess.PIPE, check=False, timeout=LONG)
    assert b"No space left on device" in done.stderr
    assert b"Traceback" not in done.stderr
    assert b"Exception ignored" not in done.stderr
    assert done.returncode == USAGE


def test_too_few_descriptors() -> None:
    done = subprocess.run(
        command("run", "--port", "lua5.4"),
        capture_output=True,
        text=True,
        check=False,
        timeout=LONG,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (12, 12)),
    )
    assert done.returncode == PORT_UNAVAILABLE, done.stderr
    assert "Traceback" not in done.stderr


def test_an_error_of_the_program_itself(
    spec: list[str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object) -> None:
        raise KeyError("oops")

    monkeypatch.setattr("luasocket_runners.run.session.Session.run", fails)
    assert main([*spec, "run"]) == INTERNAL_ERROR
    err = capsys.readouterr().err
    assert err.startswith("luasocket-conformance: Internal error: KeyError: 'oops' (test_robustness.py:")
    assert "This says nothing about the port" in err


def test_a_run_that_lacks_memory_is_no_failure_of_the_port(
    spec: list[str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object) -> None:
        raise MemoryError

    monkeypatch.setattr("luasocket_runners.run.session.Session.run", fails)
    assert main([*spec, "run"]) == PORT_UNAVAILABLE
    assert "Out of memory." in capsys.readouterr().err


#: Enough behaviours for processes.
PLENTY = "about: test\nbehaviours:\n" + "".join(
    f"  - {{id: n{number}, says: S., authority: observed,"
    f" steps: [{{call: socket.skip, with: [0, {number}], returns: [1]}}]}}\n"
    for number in range(1, 3 * WORTH_A_PROCESS + 1)
)


def run_with_killed_workers(
    how: str, data: Path, directory: Path, *options: str
) -> tuple[subprocess.CompletedProcess[str], Report]:
    (directory / "notes").mkdir()
    adapter = [sys.executable, str(Path(__file__).with_name("killing_adapter.py")), how, str(directory / "notes")]
    report = directory / "r.json"
    done = subprocess.run(
        command("--spec", str(data), "run", f"--port=command:{shlex.join(adapter)}", f"--json={report}", *options),
        capture_output=True, text=True, check=False, timeout=LONG,
    )  # fmt: skip
    return done, Report.load(report)


@pytest.mark.parametrize("workers", ["2", "3"])
def test_the_behaviours_of_killed_workers_run_elsewhere(
    make_data: Callable[[str], Path], tmp_path: Path, workers: str
) -> None:
    """With two workers, the only one beside the main process is killed."""
    done, report = run_with_killed_workers("once", make_data(PLENTY), tmp_path, "--workers", workers)
    assert (done.returncode, done.stderr) == (0, "")
    assert report.conclusion is Conclusion.CONFORMS
    assert len(report.results) == 3 * WORTH_A_PROCESS


def test_a_run_with_killed_workers_says_so_and_loses_nothing(make_data: Callable[[str], Path], tmp_path: Path) -> None:
    badge, page, summary = (tmp_path / name for name in ("b.svg", "p.html", "s.md"))
    files = "--badge", str(badge), "--html", str(page), "--markdown", str(summary)
    done, report = run_with_killed_workers("always", make_data(PLENTY), tmp_path, "--workers", "3", *files)
    assert done.returncode == LOST
    assert re.fullmatch(
        r"luasocket-conformance: [12] behaviours? ha(s|ve) no verdict, because the processes of the suite that ran "
        r"them were killed, or broke: test/n(50|100)(, test/n50)?\. .*--workers.*\n",
        done.stderr,
    ), done.stderr
    lost = [result for result in report.results if result.verdict is Verdict.ERRORED]
    assert {result.id for result in lost} <= {"test/n50", "test/n100"}
    assert {result.reason for result in lost} == {
        "the worker process that ran it was killed by signal 9 (SIGKILL) 2 times"
    }
    assert len(report.results) == 3 * WORTH_A_PROCESS
    assert not report.run.complete
    assert report.conclusion is Conclusion.INCOMPLETE
    assert "incomplete" in badge.read_text("utf-8")
    assert "incomplete" in summary.read_text("utf-8")
    assert "test/n50" in page.read_text("utf-8")


def test_an_error_of_the_suite_loses_nothing(
    spec: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run = Session.run

    def run_and_fail(session: Session, behaviours: list[Behaviour], on_result: Callable[[Result], None]) -> None:
        run(session, behaviours[:1], on_result)
        raise MemoryError

    monkeypatch.setattr(Session, "run", run_and_fail)
    assert main([*spec, "run", "--json", "r.json"]) == PORT_UNAVAILABLE
    assert "Out of memory." in capsys.readouterr().err
    report = Report.load(Path("r.json"))
    assert [result.id for result in report.results] == ["test/good"]
    assert not report.run.complete


def test_a_reader_that_goes_does_not_lose_the_report(spec: list[str]) -> None:
    with subprocess.Popen(
        command(*spec, "run", "--json", "r.json"), stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        process.stdout.close()
        assert process.stderr is not None
        assert process.stderr.read() == b""
        assert process.wait(LONG) == UNREAD
    assert not Report.load(Path("r.json")).run.complete


def test_an_interrupt_while_the_program_starts() -> None:
    """The signal comes while modules are imported: the first of ours that is imported late sends it."""
    program = (
        "import sys, os, signal\n"
        "class Interrupt:\n"
        "    def find_spec(self, name, path, target=None):\n"
        "        if name == 'luasocket_runners.cli.run': os.kill(os.getpid(), signal.SIGINT)\n"
        "sys.meta_path.insert(0, Interrupt())\n"
        "from luasocket_runners.cli.main import main\n"
        "sys.argv[1:] = ['list']\n"
        "sys.exit(main())\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False, timeout=LONG)
    assert (done.returncode, done.stderr) == (130, "luasocket-conformance: interrupted\n")
