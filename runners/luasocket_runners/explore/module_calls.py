"""Draws calls of the functions of the module that make no objects, and of the functions that these return."""

from __future__ import annotations

from collections.abc import Callable

from luasocket_spec.model import Ref, TableSpec

from luasocket_runners.capabilities import machine
from luasocket_runners.explore.arguments import ODD, ODD_DATA, TIMEOUTS, Picker
from luasocket_runners.explore.context import Context
from luasocket_runners.explore.steps import Call, Function, Get, Make, Step, StepValue

#: What a function of the program may answer as ``getfd``, beside the descriptor of an object: no descriptor at all, or
#: one that is too large for ``select``.
_NO_DESCRIPTORS = ((-1,), (-1,), (None,), (), (b"x",), (True,), (-0.5,), (b"-1",), (1024,), (1e9,), (b"1024",))
#: Timeouts of ``select`` that are written otherwise, or raise.
_ODD_TIMEOUTS: tuple[StepValue, ...] = (b"0", b" 0x0 ", b"0.005", 1e-9, b"x", True, TableSpec(()))
#: Entries of a long list of ``select``: more than the 64 that some systems can wait for.
_MANY = 70


class ModuleCalls:
    """Draws calls of the functions of the module."""

    def __init__(self, context: Context) -> None:
        self._picker = context.picker
        self._pick = context.picker.pick
        self._state = context.state
        self._port = context.port

    def choices(self) -> list[Callable[[], list[Step]]]:
        """Return the functions that can be called without any object."""
        choices = [self._skip, self._sleep, self._dns, self._dns, self._protect, self._protect, self._newtry]
        choices += [self._try, self._try, self._choose, self._get, self._get, self._gettime]
        return [*choices, *[self.function_call] * 6] if self.callable_functions() else choices

    def _skip(self) -> list[Step]:
        values = self._picker.some(ODD, 4)
        if self._picker.one_in(6):
            values += [7] * 300
        values += self._pick([[], [None], [None, None]])
        return [Call(None, "socket.skip", (self._pick([0, 0, 1, 2, 5, -1, b"1", 1.5, b"x", None]), *values))]

    def _gettime(self) -> list[Step]:
        return [Call(None, "socket.gettime", tuple(self._picker.some(ODD, 1)))]

    def _sleep(self) -> list[Step]:
        return [Call(None, "socket.sleep", self._pick([(0,), (-1,), (b"0",), (), (b"x",), (None,), (TableSpec(()),)]))]

    def _dns(self) -> list[Step]:
        """A look-up that the machine can answer by itself: any other name or address would be asked for outside."""
        names = ("toip", "tohostname", "getaddrinfo", "getnameinfo", "gethostname")
        found = [name for name in names if self._port.has(f"socket.dns.{name}")]
        name = self._pick(found or ["toip"])
        hosts: list[StepValue] = [b"127.0.0.1", b"localhost", b"127.1", b"", None, TableSpec(()), True]
        if machine.has("dns-localhost6"):
            hosts.append(b"::1")
        if name == "getaddrinfo":  # which asks for no name of an address, so that these stay on the machine
            hosts += [b"::102:304", b"2001:db8:0:0:1::1", b"::ffff:102:304", b"203.0.113.7"]
        more: list[tuple[StepValue, ...]] = [(), (b"80",), (80,)] if name == "getnameinfo" else [()]
        args = () if name == "gethostname" else (self._pick(hosts), *self._pick(more))
        return [Call(None, f"socket.dns.{name}", args)]

    def _get(self) -> list[Step]:
        names = ["try", "skip", "dns", "bind", "sinkt", "_SETSIZE", "_VERSION", "_VERSION", "BLOCKSIZE", "nonsense"]
        if self._port.dialect != "defold":
            names += ["_DATAGRAMSIZE", "_SOCKETINVALID"]
        return [Get(None, f"socket.{self._pick(names)}")]

    # -- functions of the program

    def _function(self) -> Function:
        name = self._state.fresh("f")
        kind = self._pick(["returns", "passes", "raises"])
        objects: list[StepValue] = [*map(Ref, list(self._state.objects)[:2])]
        if kind == "raises":
            errors: list[StepValue] = [b"oops", 7, TableSpec(((b"code", 1),)), None, False, *objects]
            return Function(name, raises=(self._pick(errors),))
        return Function(name, None if kind == "passes" else tuple(self._picker.some([*ODD, *objects], 3)))

    def callable_functions(self) -> list[str]:
        """Return the functions and callable tables whose calls do not wait for long."""
        behind = {name: self._state.object_behind(name) for name in self._state.functions}
        return [name for name, item in behind.items() if item is None or not item.patient]

    def _protect(self) -> list[Step]:
        """Protect a function of the program, or one that a call has returned: a try, whose exceptions it catches."""
        name = self._state.fresh("g")
        if self._state.functions and self._picker.one_in(3):
            return [Call(None, "socket.protect", (Ref(self._pick(list(self._state.functions))),), (name,))]
        if self._picker.one_in(10):
            odd = self._picker.some(ODD, 2)
            if not odd and self._port.dialect == "defold":
                odd = [self._pick(ODD)]  # without an argument, LuaSocket 3.0-rc1 reads what is not on Lua's stack
            return [Call(None, "socket.protect", tuple(odd), (name,))]
        if self._picker.one_in(6):
            return [Get(None, "socket.try", "try"), Call(None, "socket.protect", (Ref("try"),), (name,))]
        function = self._function()
        return [Call(None, "socket.protect", (Ref(function.name),), (name,), (function,))]

    def _newtry(self) -> list[Step]:
        name = self._state.fresh("g")
        if self._picker.one_in(3):
            return [Call(None, "socket.newtry", tuple(self._picker.some(ODD, 1)), (name,))]
        if self._state.functions and self._picker.one_in(4):
            return [Call(None, "socket.newtry", (Ref(self._pick(list(self._state.functions))),), (name,))]
        function = self._function()
        return [Call(None, "socket.newtry", (Ref(function.name),), (name,), (function,))]

    def _try(self) -> list[Step]:
        first = [self._pick([None, False, 0, b"", True])] if self._picker.one_in(3) else []
        return [Call(None, "socket.try", (*first, *self._picker.some(ODD, 3), *self._pick([(), (), (None,)])))]

    def _choose(self) -> list[Step]:
        name, function = self._state.fresh("g"), self._function()
        keys: list[StepValue] = [b"default", b"x", 1]
        key = self._pick(keys)
        if self._picker.one_in(4):  # an entry that is no function
            entry = self._pick(ODD)
            chosen = Call(None, "socket.choose", (TableSpec(((key, entry),)),), (name,))
            return [chosen, Call(name, "", self._pick([(), (b"x", 1), (None, 5), (1,)]))]
        return [
            Call(None, "socket.choose", (TableSpec(((key, Ref(function.name)),)),), (name,), (function,)),
            Call(name, "", self._pick([(), (b"x",), (b"x", 1, 2), (None, 5), (1,), (b"default", 1, 2, 3)])),
        ]

    def function_call(self) -> list[Step]:
        """Draw a call of a function, or of a callable table."""
        return [Call(self._pick(self.callable_functions()), "", tuple(self._picker.some(ODD_DATA, 3)))]

    # -- sinks, sources, and other arguments of select

    def stream(self) -> list[Step]:
        """Draw a sink or a source of an object, or a call of one."""
        if (found := self.callable_functions()) and self._picker.one_in(2):
            chunks: list[tuple[StepValue, ...]] = [(b"chunk",), (b"",), (None,), (), (b"a", b"err"), (5,), (None, b"e")]
            return [Call(self._pick(found), "", self._pick(chunks))]
        item = self._pick(list(self._state.objects))
        name = self._state.fresh("s")
        sinks: tuple[StepValue, ...] = (b"keep-open", b"close-when-done", b"default", None, b"nonsense", b"")
        sources: tuple[StepValue, ...] = (b"until-closed", b"by-length", b"default", None, b"nonsense", True)
        path, modes = self._pick([("socket.sink", sinks), ("socket.source", sources)])
        mode = self._pick(modes)
        more = (self._pick([0, 3, 2000, b"x"]),) if mode == b"by-length" else ()
        return [Call(None, path, (mode, Ref(item), *more), (name,))]

    def table(self) -> list[Step]:
        """Draw a table with getfd, and perhaps dirty, that stands for an object in the lists of select."""
        item = self._pick(list(self._state.objects))
        name = self._state.fresh("table")
        getfd = Function(f"{name}_getfd", asks=(item, "getfd"))
        if self._picker.one_in(3):
            getfd = Function(getfd.name, self._pick(_NO_DESCRIPTORS))
        elif self._picker.one_in(12):
            getfd = Function(getfd.name, raises=(b"oops",))
        functions = [getfd]
        if self._port.has_method("dirty") and not self._picker.one_in(4):
            dirty = Function(f"{name}_dirty", asks=(item, "dirty"))
            if self._picker.one_in(2):
                dirty = Function(dirty.name, self._pick([(True,), (False,), (None,), (), (0,)]))
            functions.append(dirty)
        entries = tuple((function.name.rpartition("_")[2].encode(), Ref(function.name)) for function in functions)
        if self._port.has_inheritance and self._picker.one_in(3):
            own = self._pick(range(len(entries)))  # the others are those of its class, as in most programs
            return [Make(name, TableSpec(entries[:own]), tuple(functions), TableSpec(entries[own:]))]
        return [Make(name, TableSpec(entries), tuple(functions))]

    def select(self) -> list[Step]:
        """Draw a call of select with lists of all that it takes, and of some things that it does not."""
        names: list[StepValue] = [Ref(name) for name in (*self._state.objects, *self._state.tables)]
        odd: list[StepValue] = [b"x", TableSpec(()), 5, True]
        lists: list[StepValue] = []
        for _ in range(2):
            chosen = self._picker.some(names, 4)
            if self._state.objects and self._picker.one_in(20):
                chosen = [Ref(self._pick(list(self._state.objects)))] * _MANY + chosen
            if self._picker.one_in(20):
                chosen.insert(self._picker.pick(range(len(chosen) + 1)), self._pick(odd))
            entries = tuple((index, value) for index, value in enumerate(chosen, 1))
            lists.append(None if not chosen and self._picker.one_in(2) else TableSpec(entries))
        if self._picker.one_in(40):
            lists[self._picker.pick(range(2))] = self._pick(odd[2:])
        timeout = self._pick(TIMEOUTS if not self._picker.one_in(12) else _ODD_TIMEOUTS)
        if self._picker.one_in(60):  # which of several wrong arguments is blamed?
            lists, timeout = [self._pick(odd[2:]), self._pick(odd[2:])], self._pick(_ODD_TIMEOUTS)
        made: list[Step] = []
        for place, value in enumerate(lists):
            if isinstance(value, TableSpec) and self._port.has_inheritance and self._picker.one_in(5):
                lists[place], step = inheriting(self._picker, value)
                made.append(step)
        return [*made, Call(None, "socket.select", (*lists, timeout))]


def inheriting(picker: Picker, table: TableSpec) -> tuple[Ref, Make]:
    """Return a table that reads as another one, and the step that makes it: it inherits entries that it lacks."""
    entries = table.entries
    own = picker.pick(range(len(entries) + 1)) if picker.one_in(2) else 0
    hidden = tuple((key, entries[-1][1]) for key, _ in entries[:own]) if picker.one_in(2) else ()
    made = Make(picker.state.fresh("table"), TableSpec(entries[:own]), inherits=TableSpec((*hidden, *entries[own:])))
    return Ref(made.name), made
