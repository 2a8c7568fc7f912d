from __future__ import annotations

import pytest

from tradewind.core.ids import SLOT_BITS, DagRunPk, run_pk_of, slot_of, task_instance_pk


@pytest.mark.parametrize(("run", "slot"), [(0, 0), (1, 0), (7, 12), (2**30, 2**SLOT_BITS - 1)])
def test_a_number_tells_run_and_slot(run: int, slot: int) -> None:
    number = task_instance_pk(DagRunPk(run), slot)
    assert (run_pk_of(number), slot_of(number)) == (run, slot)


@pytest.mark.parametrize("slot", [-1, 2**SLOT_BITS])
def test_a_slot_beyond_a_run_is_an_error(slot: int) -> None:
    with pytest.raises(ValueError, match=f"slot {slot} is beyond it"):
        task_instance_pk(DagRunPk(1), slot)
