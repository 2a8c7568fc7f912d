"""Stand-ins for third-party modules that a DAG file imports and that are not installed.

The finder is the last one, so whatever can be imported is. Only imports written in the corpus, or in another stand-in,
are served: a library that probes for numpy still gets its ImportError. Nothing of the standard library and nothing of
`airflow` is stood in for, except whole providers other than `standard`.

Names that end in Operator or Sensor become subclasses of `BaseOperator` which take any keyword (unknown ones become
template fields, so that references to other tasks are seen); TaskGroup and DAG likewise; names that end in Error are
exceptions; other capitalised names are classes; the rest can be called, indexed and used as decorators.
"""

from __future__ import annotations

import importlib
import importlib.abc
import importlib.machinery
import inspect
import os
import re
import sys
from types import FrameType, FunctionType, ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_NEVER_PROVIDER = frozenset({"standard"})
_TWO_LEVELS = frozenset({"apache", "atlassian", "cncf", "common", "dbt", "microsoft"})
_STANDARD_LIBRARY = frozenset(sys.stdlib_module_names) | frozenset(
    {"imp", "distutils", "asyncore", "asynchat", "smtpd", "cgi", "cgitb", "crypt", "nis", "pipes", "telnetlib"}
)
_FORWARDING = "airflow/utils/deprecation_tools.py"
"""Where old names of modules lead to provider packages: the file that uses such a name asks for the provider."""
_roots: tuple[str, ...] = ()


def install(roots: Sequence[str]) -> None:
    """Serve imports written in files below `roots`."""
    global _roots  # noqa: PLW0603 - one corpus a process
    _roots = tuple(os.path.realpath(root) for root in roots)
    if not any(isinstance(finder, StandInFinder) for finder in sys.meta_path):
        sys.meta_path.append(StandInFinder())


class Anything:
    """An object of a stand-in: whatever is asked of it is answered somehow."""

    def __init__(self, label: str = "stand-in") -> None:
        self.__dict__["_label"] = label

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") and name.endswith("__"):
            raise AttributeError(name)
        return make(self._name(), name)

    def __setattr__(self, name: str, value: Any) -> None:
        self.__dict__[name] = value

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Return what is decorated, or some object."""
        if len(args) == 1 and not kwargs and isinstance(args[0], (FunctionType, type)):
            return args[0]  # used as a decorator
        return Anything(f"{self._name()}()")

    def __getitem__(self, item: Any) -> Any:
        if isinstance(item, int):
            raise IndexError(item)
        return Anything(f"{self._name()}[]")

    def __setitem__(self, item: Any, value: Any) -> None:
        pass

    def __iter__(self) -> Iterator[Any]:
        return iter(())

    def __len__(self) -> int:
        return 0

    def __bool__(self) -> bool:
        return True

    def __enter__(self) -> Any:
        return self

    def __exit__(self, *_details: object) -> bool:
        return False

    def __repr__(self) -> str:
        return f"stand-in:{self._name()}"

    def __fspath__(self) -> str:
        return "stand-in"

    def __hash__(self) -> int:
        return hash(self._name())

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Anything) and other._name() == self._name()

    def __lt__(self, _other: object) -> bool:
        return False

    __gt__ = __le__ = __ge__ = __lt__

    def __int__(self) -> int:
        return 1

    __index__ = __int__

    def __float__(self) -> float:
        return 1.0

    def __deepcopy__(self, _memo: object) -> Any:
        return self

    def __mro_entries__(self, _bases: object) -> tuple[type, ...]:
        return (AnyClass,)

    def __reduce__(self) -> Any:
        return Anything, (self._name(),)

    def _name(self) -> str:
        return self.__dict__.get("_label", type(self).__name__)

    def _same(self, *_others: Any) -> Any:
        return self

    __add__ = __radd__ = __sub__ = __rsub__ = __mul__ = __rmul__ = __truediv__ = __floordiv__ = __mod__ = _same
    __and__ = __rand__ = __or__ = __ror__ = __invert__ = __neg__ = _same
    __lshift__ = __rlshift__ = __rshift__ = __rrshift__ = _same


class _Whatever:
    """The names of the parameters of a constructor that takes any."""

    def __contains__(self, _name: object) -> bool:
        return True


class _AnyClassMeta(type):
    """Class attributes and subscripts of stand-in classes."""

    def __getattr__(cls, name: str) -> Any:
        if name.startswith("__") and name.endswith("__"):
            raise AttributeError(name)
        return make(cls.__name__, name)

    def __getitem__(cls, _item: Any) -> Any:
        return cls

    def __iter__(cls) -> Iterator[Any]:
        return iter(())


class AnyClass(Anything, metaclass=_AnyClassMeta):
    """A class of a stand-in: takes any argument and keeps the named ones."""

    def __new__(cls, *_args: Any, **_kwargs: Any) -> Any:
        """Take any argument."""
        return object.__new__(cls)

    def __init__(self, *_args: Any, **kwargs: Any) -> None:
        super().__init__(type(self).__name__)
        for name, value in kwargs.items():
            setattr(self, name, value)

    def __init_subclass__(cls, **_kwargs: Any) -> None:
        pass


class StandInModule(ModuleType):
    """A module that has every name."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") and name.endswith("__"):
            raise AttributeError(name)
        value = self.__dict__[name] = make(self.__name__, name)
        return value


class StandInFinder(importlib.abc.MetaPathFinder):
    """Finds what nobody else has found."""

    def find_spec(
        self,
        fullname: str,
        path: Sequence[str] | None,  # noqa: ARG002 - the protocol's
        target: ModuleType | None = None,  # noqa: ARG002 - the protocol's
    ) -> importlib.machinery.ModuleSpec | None:
        """Return the spec of a stand-in, None where there shall be none."""
        top, *rest = fullname.split(".")
        parent = sys.modules.get(fullname.rpartition(".")[0]) if rest else None
        if isinstance(parent, StandInModule):
            return _spec(fullname)
        if top in _STANDARD_LIBRARY or (top == "airflow" and not _is_provider(rest)):
            return None
        if top != "airflow" and getattr(parent, "__file__", None):
            return None  # missing in a package that is installed: a genuine error
        return _spec(fullname) if _is_asked_by_the_corpus(sys._getframe(1)) else None  # noqa: SLF001 - who imports?


class _Loader(importlib.abc.Loader):
    """Makes the modules."""

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> ModuleType:
        """Return an empty module that has every name."""
        return StandInModule(spec.name)

    def exec_module(self, module: ModuleType) -> None:
        """Let it have modules below."""
        module.__path__ = []


def make(owner: str, name: str) -> Any:
    """Return what the name of a stand-in module most likely is."""
    kind: Any = None
    if re.search(r"(Error|Exception|Warning|Failure)$", name):
        kind = type(name, (Exception,), {"__module__": owner})
    elif re.search(r"[a-z](Operator|Sensor)(Async)?$|^[A-Z].*Operator$", name):
        kind = _operator(name, owner)
    elif name.endswith("TaskGroup"):
        kind = _lenient(name, owner, _first("airflow.sdk.TaskGroup"))
    elif re.search(r"[a-z](Dag|DAG)$", name):
        kind = _lenient(name, owner, _first("airflow.sdk.DAG"))
    elif name[:1].isupper() and not name.isupper():
        kind = _AnyClassMeta(name, (AnyClass,), {"__module__": owner})
    return Anything(f"{owner}.{name}") if kind is None else kind


def _operator(name: str, module: str) -> type:
    sensor = _first("airflow.sdk.BaseSensorOperator") if "Sensor" in name else None
    base = sensor or _first("airflow.sdk.BaseOperator")
    known = _parameters(base)

    def init(self: Any, *_args: Any, **kwargs: Any) -> None:
        extra = {key: value for key, value in kwargs.items() if key not in known}
        for key, value in {**({"template_fields": tuple(extra)} if extra else {}), **extra}.items():
            object.__setattr__(self, key, value)
        super(made, self).__init__(**{key: value for key, value in kwargs.items() if key in known})

    def execute(self: Any, context: Any) -> None:  # noqa: ARG001 - as of every operator
        raise RuntimeError(f"stand-in operator {name} cannot run")

    init._BaseOperatorMeta__param_names = _Whatever()  # type: ignore[attr-defined]  # noqa: SLF001 - as Airflow's metaclass
    made: Any = type(base)(name, (base,), {"__init__": init, "execute": execute, "__module__": module})
    return made


def _lenient(name: str, module: str, base: Any) -> type:
    known = _parameters(base)

    def init(self: Any, *args: Any, **kwargs: Any) -> None:
        super(made, self).__init__(*args[:1], **{key: value for key, value in kwargs.items() if key in known})

    made: Any = type(base)(name, (base,), {"__init__": init, "__module__": module})
    return made


def _parameters(kind: type) -> set[str]:
    """Return the keywords that the constructors of a class and its bases take."""
    names: set[str] = set()
    for base in kind.__mro__:
        init: Any = base.__dict__.get("__init__")
        if init is not None and hasattr(inspect.unwrap(init), "__code__"):
            names |= {
                parameter.name
                for parameter in inspect.signature(inspect.unwrap(init)).parameters.values()
                if parameter.kind in {parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY}
            }
    return names - {"self"}


def _first(dotted: str) -> Any:
    module, _, name = dotted.rpartition(".")
    return getattr(importlib.import_module(module), name, None)


def _is_provider(parts: list[str]) -> bool:
    """Say whether the parts below `airflow` name a whole provider that may be stood in for."""
    if parts[:1] != ["providers"]:
        return False
    if len(parts) == 1:
        return True
    depth = 3 if parts[1] in _TWO_LEVELS else 2
    return parts[1] not in _NEVER_PROVIDER and len(parts) <= depth


def _is_asked_by_the_corpus(frame: FrameType | None) -> bool:
    """Say whether the import under way is written in a file of the corpus, or in a stand-in."""
    while frame is not None:
        name = frame.f_code.co_filename
        if "importlib" not in name and not name.endswith(_FORWARDING):
            return name == __file__ or os.path.realpath(name).startswith(_roots)
        frame = frame.f_back
    return False


def _spec(fullname: str) -> importlib.machinery.ModuleSpec:
    return importlib.machinery.ModuleSpec(fullname, _Loader(), is_package=True)
