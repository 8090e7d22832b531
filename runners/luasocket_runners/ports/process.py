"""An adapter as a child process: messages over its standard input and output, its standard error drained into a tail.

The child leads a session and process group of its own: Ctrl-C does not reach it before us, and ending it ends whatever
it started. Its death is noticed at once, even when a grandchild keeps the pipes open (a pidfd where the system has
them, a look ten times a second elsewhere). It is reaped only after its group was killed, so that the group's number is
never another's.
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

from luasocket_runners.ports import guardian
from luasocket_runners.ports.connection import Connection, Port, PortGone, PortUnavailable
from luasocket_runners.ports.stream import READ_SIZE, WIDE_READ_SIZE, StreamConnection, Tail

__all__ = ["DIALECT_VARIABLE", "CheckedPort", "CommandPort", "ProcessConnection"]

#: The variable of the environment that tells an adapter which dialect to claim.
DIALECT_VARIABLE = "LUASOCKET_CONFORMANCE_DIALECT"

#: Seconds that an adapter has to end by itself when its input ends. One that is idle needs milliseconds; one that hangs
#: in a call will not end in any time, and each such call costs this much.
CLOSE_GRACE = 0.25

#: Seconds that we wait, once the output ended, to learn how the child died. Dying closes the output a moment before the
#: status is there; under full load the moment may be long. It is used up only by a port that closes its output and
#: lives on.
DEATH_GRACE = 1.0

#: Seconds that an adapter may take to answer its first `describe`. Interpreters take 0.1 s; a loaded machine, fifty
#: times that.
START_LIMIT = 20.0

#: What stands before the sentence in which our own programs say on standard error why they cannot run.
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
        When the program cannot be started.
    """

    #: What the child has as standard input, output and error.
    _plumbing: tuple[int, int, int] = (subprocess.PIPE, subprocess.PIPE, subprocess.PIPE)

    def __init__(self, command: Sequence[str], environment: Mapping[str, str]) -> None:
        stdin, stdout, stderr = self._plumbing
        try:
            self._process: subprocess.Popen[bytes] = subprocess.Popen(
                command, env=environment, start_new_session=True, bufsize=0,
                stdin=stdin, stdout=stdout, stderr=stderr,
            )  # fmt: skip
        except OSError as error:
            raise PortUnavailable(f"{command[0]} cannot be started: {error.strerror}.") from None
        guardian.watch(self._process.pid)
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
        """Return three descriptors: what the port writes, what it reads, and its standard error, which never blocks."""
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
        """Return how the child ended, or None while it lives. Does not reap it where the system allows that."""
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
        """Notice that the child died, and fetch what it had written: bounded, a grandchild may hold the pipes."""
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
        """Wait for the child's end, and drain its standard error, which could hold it up."""
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
                # Without a pidfd nothing wakes us, so look often.
                for key, _ in selector.select(left if self._death >= 0 else min(left, LOOK_INTERVAL / 10)):
                    if key.data:
                        key.data()
        self._read_errors()
        return status

    def _why_ended(self) -> str:
        status = self._await_death(DEATH_GRACE)
        sentence = f"The port died: {status}." if status else "The port closed its standard output, but it lives on."
        return sentence + self._tail.last_words()

    def _end(self) -> None:
        self._await_death(CLOSE_GRACE)
        self._kill()

    def _kill(self) -> None:
        """End the child and all that it started; give its descriptors back, but for those of the messages."""
        with contextlib.suppress(ProcessLookupError, PermissionError):  # macOS: nobody but a zombie is left
            os.killpg(self.pid, signal.SIGKILL)
        guardian.forget(self.pid)
        self._process.wait()
        for descriptor in (self._errors, self._death):
            if descriptor >= 0:
                os.close(descriptor)


class CommandPort(Port):
    """An adapter program that speaks the protocol on its standard input and output: ``command:PROGRAM ARGS…``.

    Parameters
    ----------
    name
        What the command line calls it.
    command
        The program and its arguments.
    """

    def __init__(self, name: str, command: Sequence[str]) -> None:
        self.name = name
        self.command = tuple(command)

    @classmethod
    def parse(cls, name: str, words: str) -> CommandPort:
        """Make one of a command line, which is cut into words like a shell does."""
        return cls(name, split(name, words))

    def environment(self, dialect: str | None) -> dict[str, str]:
        """Return all the variables of the adapter's process."""
        rest = {key: value for key, value in os.environ.items() if key != DIALECT_VARIABLE}
        return rest if dialect is None else {**rest, DIALECT_VARIABLE: dialect}

    def open(self, dialect: str | None) -> Connection:
        """Start the program."""
        absent = [program for program in self.programs() if shutil.which(program) is None]
        if absent:
            reason = f"there is no program {' and no '.join(absent)}. Install it, or give its whole path"
            raise PortUnavailable(f"{self.name}: {reason}.")
        return self.start(dialect)

    def programs(self) -> Sequence[str]:
        """Return the programs that have to be there."""
        return self.command[:1]

    def start(self, dialect: str | None) -> Connection:
        """Start the program, which is there."""
        return ProcessConnection(self.command, self.environment(dialect))


class CheckedPort(CommandPort):
    """A program of ours, which can say what is missing: its first start is checked with a `describe`.

    So that "LuaSocket is not installed" is told as such, and not as a port that dies.
    """

    _checked = False

    def open(self, dialect: str | None) -> Connection:
        """Start the program; the first time, see whether it answers."""
        try:
            connection = super().open(dialect)
        except PortGone as gone:
            if self._checked:
                raise
            raise PortUnavailable(f"{self.name}: {gone}") from None
        if not self._checked:
            try:
                connection.post({"id": 0, "op": "describe", "protocol": 1})
                answer = connection.wait(START_LIMIT)
            except PortGone as gone:
                marked, sentence = connection.stderr_tail.rpartition(UNAVAILABLE_MARK)[1:]
                connection.close()
                raise PortUnavailable(f"{self.name}: {sentence if marked else gone}") from None
            except BaseException:
                connection.close()
                raise
            if answer is None:
                connection.close()
                raise PortUnavailable(f"{self.name}: it started, but answered nothing within {START_LIMIT:g} s.")
            self._checked = True
        return connection


def split(name: str, words: str) -> list[str]:
    """Cut a command line into words.

    Raises
    ------
    PortUnavailable
        When there is no word, or a quotation does not end.
    """
    try:
        command = shlex.split(words)
    except ValueError as error:
        raise PortUnavailable(f"{name}: {words!r} is not a command line: {error}.") from None
    if not command:
        raise PortUnavailable(f"{name}: a program has to follow the colon, as in command:./adapter --flag.")
    return command
