"""`Resources`: what an operator says that it needs of its machine. Executors of authors may read it; none here does."""

from __future__ import annotations

from tradewind.sdk.toolkit.configuration import conf

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

MB = 1
GB = 1024 * MB
TB = 1024 * GB
PB = 1024 * TB
EB = 1024 * PB
_DEFAULTS = {"cpus": 1, "ram": 512, "disk": 512, "gpus": 0}


class Resource:
    """So much of one thing. Raises ValueError for less than nothing."""

    def __init__(self, name: str, units_str: str, qty: int) -> None:
        if qty < 0:
            raise ValueError(f"an operator cannot need {qty} {units_str} of {name}: the quantity must be non-negative")
        self.name = name
        self.units_str = units_str
        self.qty = qty

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and vars(other) == vars(self)

    def __hash__(self) -> int:
        return hash((self.name, self.units_str, self.qty))

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.qty})"

    def to_dict(self) -> dict[str, Any]:
        """Return it as plain data."""
        return {"name": self.name, "qty": self.qty, "units_str": self.units_str}


class CpuResource(Resource):
    """Cores of the processor."""

    def __init__(self, qty: int) -> None:
        super().__init__("CPU", "core(s)", qty)


class RamResource(Resource):
    """Memory, in megabytes."""

    def __init__(self, qty: int) -> None:
        super().__init__("RAM", "MB", qty)


class DiskResource(Resource):
    """Room on the disk, in megabytes."""

    def __init__(self, qty: int) -> None:
        super().__init__("Disk", "MB", qty)


class GpuResource(Resource):
    """Graphics processors."""

    def __init__(self, qty: int) -> None:
        super().__init__("GPU", "gpu(s)", qty)


class Resources:
    """What an operator needs of each; what is left out is `default_cpus` and so on of Airflow's section `operators`."""

    def __init__(
        self, cpus: int | None = None, ram: int | None = None, disk: int | None = None, gpus: int | None = None
    ) -> None:
        self.cpus = CpuResource(_or_default(cpus, "cpus"))
        self.ram = RamResource(_or_default(ram, "ram"))
        self.disk = DiskResource(_or_default(disk, "disk"))
        self.gpus = GpuResource(_or_default(gpus, "gpus"))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Resources) and vars(other) == vars(self)

    def __hash__(self) -> int:
        return hash((self.cpus, self.ram, self.disk, self.gpus))

    def __repr__(self) -> str:
        return f"Resources({', '.join(f'{name}={value.qty}' for name, value in vars(self).items())})"

    def to_dict(self) -> dict[str, Any]:
        """Return them as plain data."""
        return {name: value.to_dict() for name, value in vars(self).items()}

    @classmethod
    def from_dict(cls, resources_dict: dict[str, Any]) -> Resources:
        """Return the resources that `to_dict` gave."""
        return cls(**{name: resources_dict[name]["qty"] for name in _DEFAULTS})


def _or_default(given: int | None, name: str) -> int:
    return given if given is not None else conf.getint("operators", f"default_{name}", fallback=_DEFAULTS[name])
