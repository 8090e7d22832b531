"""An adapter as a child process: messages over its standard input and output, its standard error kept as a text.

The child leads a session and process group of its own, so Ctrl-C does not reach it before the runner, and ending it
ends the processes that it started. Its death is noticed at once, even when a grandchild keeps the pipes open (by a
pidfd where the system has them, by a look ten times a second elsewhere). It is reaped only after its group was killed,
so that the group's number never belongs to another.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import selectors
import shlex
import shutil
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from typing import IO

from luasocket_runners.ports import reaper
from luasocket_runners.ports.connection import Connection, Port, PortGone, PortUnavailable
from luasocket_runners.ports.descendants import TOKEN_VARIABLE, beginning, kill_all, new_token
from luasocket_runners.ports.stream import READ_SIZE, WIDE_READ_SIZE, StreamConnection, Tail

__all__ = ["DIALECT_VARIABLE", "DIED", "CheckedPort", "CommandPort", "ProcessConnection"]

#: The beginning of the sentence about a port whose process has ended.
DIED = "The port died"

#: The variable of the environment that asks an adapter to claim a dialect.
DIALECT_VARIABLE = "LUASOCKET_CONFORMANCE_DIALECT"

#: Seconds that an adapter has to end by itself when its input ends. One that is idle needs milliseconds; one that hangs
#: in a call will not end in any time, and each such call costs this much.
CLOSE_GRACE = 0.25

#: Seconds to wait, after the end of the output, for the child's exit status. A dying process closes its output a moment
#: before the status is there; under full load the moment may be long. Only a port that closes its output and lives on
#: takes the whole time.
DEATH_GRACE = 1.0

#: Seconds that an adapter may take to answer its first `describe`. Interpreters take 0.1 s; a loaded machine, fifty
#: times that.
START_LIMIT = 20.0

#: The prefix of the sentence in which a shipped adapter says on standard error why it cannot run.
UNAVAILABLE_MARK = "unavailable: "

#: Seconds between looks at a child where there are no pidfds.
LOOK_INTERVAL = 0.1


class ProcessConnection(StreamConnection):
    """A connection to a child process.

    Parameters
    ----------
    command
        The program and its arguments.
    environment
        All the variables of the child.

    Raises
    ------
    PortUnavailable
        The program cannot be started.
    """

    #: Standard input, output and error of the child.
    _plumbing: tuple[int, int, int] = (subprocess.PIPE, subprocess.PIPE, subprocess.PIPE)

    def __init__(self, command: Sequence[str], environment: Mapping[str, str]) -> None:
        stdin, stdout, stderr = self._plumbing
        self.token = new_token()
        try:
            with beginning() as adapters:
                self._process: subprocess.Popen[bytes] = subprocess.Popen(
                    command, env={**environment, TOKEN_VARIABLE: self.token}, start_new_session=True, bufsize=0,
                    stdin=stdin, stdout=stdout, stderr=stderr,
                )  # fmt: skip
                adapters.add(self._process.pid)
        except (OSError, ValueError) as error:  # ValueError: a null byte in a word
            reason = getattr(error, "strerror", None) or error
            raise PortUnavailable(f"{command[0]} cannot be started: {reason}.") from None
        reaper.watch(self._process.pid)
        self._tail = Tail()
        self._errors_ended = False
        self._death = -1
        with contextlib.suppress(AttributeError, OSError):  # not Linux, or an old one
            self._death = os.pidfd_open(self._process.pid)
        incoming, outgoing, self._errors = self._take_streams()
        super().__init__(incoming, outgoing)
        self._listen_to(self._errors, self._read_errors)
        if self._death >= 0:
            self._listen_to(self._death, self._look)
        else:
            self._look_interval = LOOK_INTERVAL

    def _take_streams(self) -> tuple[int, int, int]:
        """Return three descriptors: of the port's output, its input, and its standard error, which never blocks."""
        incoming, outgoing, errors = map(self._take, (self._process.stdout, self._process.stdin, self._process.stderr))
        if hasattr(fcntl, "F_SETPIPE_SZ"):  # long messages then take fewer turns; the system may refuse
            for descriptor in (incoming, outgoing):
                with contextlib.suppress(OSError):
                    fcntl.fcntl(descriptor, fcntl.F_SETPIPE_SZ, WIDE_READ_SIZE)
        os.set_blocking(errors, False)
        return incoming, outgoing, errors

    @staticmethod
    def _take(pipe: IO[bytes] | None) -> int:
        """Take the descriptor of a pipe from Popen's file object."""
        assert pipe is not None
        taken = os.dup(pipe.fileno())
        pipe.close()
        return taken

    @property
    def pid(self) -> int:
        """The process, and the process group."""
        return self._process.pid

    @property
    def process_id(self) -> int | None:
        """See `Connection.process_id`."""
        return self.pid

    @property
    def stderr_tail(self) -> str:
        """See `Connection.stderr_tail`."""
        return self._tail.text()

    def _status(self) -> str | None:
        """Return how the child ended, in words; None while it lives. It is not reaped, where the system allows that."""
        if hasattr(os, "waitid"):
            state = os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT)
            if state is None:
                return None
            code = state.si_status if state.si_code == os.CLD_EXITED else -state.si_status
        else:
            found = self._process.poll()
            if found is None:
                return None
            code = found
        if code >= 0:
            return f"it exited with status {code}"
        try:
            return f"it was killed by signal {-code} ({signal.Signals(-code).name})"
        except ValueError:
            return f"it was killed by signal {-code}"

    def _look(self) -> None:
        """Notice the death of the child, and read its last output: once, because a grandchild may hold the pipes."""
        if self._ended or self._status() is None:
            return
        if self._death >= 0:
            self._selector.unregister(self._death)
        self._read()
        self._read_errors()
        if not self._ended:
            self._stop_reading()

    def _read_errors(self) -> None:
        if self._errors_ended:
            return
        try:
            data = os.read(self._errors, READ_SIZE)
        except BlockingIOError:
            return
        if data:
            self._tail.add(data)
        else:
            self._errors_ended = True
            self._selector.unregister(self._errors)

    def _await_death(self, seconds: float) -> str | None:
        """Wait for the child's end, and read its standard error meanwhile: a full pipe would block the child."""
        deadline = time.monotonic() + seconds
        with selectors.DefaultSelector() as selector:
            if self._death >= 0:
                selector.register(self._death, selectors.EVENT_READ)
            if not self._errors_ended:
                selector.register(self._errors, selectors.EVENT_READ, self._read_errors)
            while (status := self._status()) is None:
                left = deadline - time.monotonic()
                if left <= 0:
                    return None
                if self._errors_ended and self._errors in selector.get_map():
                    selector.unregister(self._errors)
                # Without a pidfd there is no event, so look often.
                for key, _ in selector.select(left if self._death >= 0 else min(left, LOOK_INTERVAL / 10)):
                    if key.data:
                        key.data()
        self._read_errors()
        return status

    #: The reply stream of the adapter, in words.
    _output = "its standard output"

    def _why_ended(self, unfinished: str) -> PortGone:
        status = self._await_death(DEATH_GRACE)
        sentence = f"{DIED}: {status}." if status else f"The port closed {self._output}, but it lives on."
        return self._gone_with_words(sentence + unfinished)

    def _gone_with_words(self, sentence: str) -> PortGone:
        """Return the end of the port, with its standard error."""
        return PortGone(sentence, self._tail.last_words(), self._tail.head())

    def _end(self) -> None:
        self._await_death(CLOSE_GRACE)
        self._kill()

    def _kill(self) -> None:
        """End the child and all its descendants; close its descriptors, except for those of the messages."""
        kill_all(self.pid, self.token)
        reaper.forget(self.pid)
        self._process.wait()
        for descriptor in (self._errors, self._death):
            if descriptor >= 0:
                os.close(descriptor)


class CommandPort(Port):
    """An adapter program that speaks the protocol on its standard input and output: ``command:PROGRAM ARGS…``.

    Parameters
    ----------
    name
        The name on the command line.
    command
        The program and its arguments.
    """

    def __init__(self, name: str, command: Sequence[str]) -> None:
        self.name = name
        self.command = tuple(command)

    @classmethod
    def parse(cls, name: str, words: str) -> CommandPort:
        """Return the port of a command line, which is split into words as by a shell."""
        return cls(name, split(name, words))

    def environment(self, dialect: str | None) -> dict[str, str]:
        """Return all the variables of the adapter's process."""
        own = (DIALECT_VARIABLE, TOKEN_VARIABLE)
        rest = {key: value for key, value in os.environ.items() if key not in own}
        return rest if dialect is None else {**rest, DIALECT_VARIABLE: dialect}

    def open(self, dialect: str | None) -> Connection:
        """Start the program."""
        absent = [program for program in self.programs() if shutil.which(program) is None]
        if absent:
            reason = f"there is no program {' and no '.join(absent)}. Install it, or give its whole path"
            raise PortUnavailable(f"{self.name}: {reason}.")
        return self.start(dialect)

    def programs(self) -> Sequence[str]:
        """Return the programs that must be installed."""
        return self.command[:1]

    def start(self, dialect: str | None) -> Connection:
        """Start the program, which is installed."""
        return ProcessConnection(self.command, self.environment(dialect))


class CheckedPort(CommandPort):
    """A program whose first start is checked with a `describe`.

    So a program that cannot run ("LuaSocket is not installed") is reported as unavailable, with its own words, and not
    as a port that dies.
    """

    _checked = False

    def open(self, dialect: str | None) -> Connection:
        """Start the program; the first time, check that it replies."""
        try:
            connection = super().open(dialect)
        except PortGone as gone:
            if self._checked:
                raise
            raise PortUnavailable(f"{self.name}: {gone.at_start}") from None
        if not self._checked:
            try:
                connection.post({"id": 0, "op": "describe", "protocol": 1})
                reply = connection.wait(START_LIMIT)
            except PortGone as gone:
                connection.close()
                marked, sentence = connection.stderr_tail.rpartition(UNAVAILABLE_MARK)[1:]
                raise PortUnavailable(f"{self.name}: {sentence if marked else gone.at_start}") from None
            except BaseException:
                connection.close()
                raise
            if reply is None:
                unfinished = f" Its message has no line feed: {connection.unfinished}." if connection.unfinished else ""
                connection.close()
                sentence = f"it started, but sent no reply within {START_LIMIT:g} s.{unfinished}"
                raise PortUnavailable(f"{self.name}: {sentence}")
            self._checked = True
        return connection


def split(name: str, words: str) -> list[str]:
    """Split a command line into words.

    Raises
    ------
    PortUnavailable
        There is no word, or a quotation does not end.
    """
    try:
        command = shlex.split(words)
    except ValueError as error:
        raise PortUnavailable(f"{name}: {words!r} is not a command line: {error}.") from None
    if not command:
        raise PortUnavailable(f"{name}: a program has to follow the colon, as in command:./adapter --flag.")
    return command
