"""A share of the random programs, always the same ones; the command beside them draws others."""

from compiled import AVAILABLE

from micrograd_gd.core import whole


def test_random_programs_are_compiled_to_the_same_bits(monkeypatch):
    import random_programs  # which adds rows to the table

    monkeypatch.setattr(whole, "FEWEST_ROWS", whole.FEWEST_ROWS)  # until this is over
    for seed in range(20):
        random_programs.choose_whole(seed)
        for case in random_programs.write_cases(seed):
            if len(case.calls[0][1]) > 9:  # which takes minutes on the Python engine
                continue
            backends = AVAILABLE[: 2 + (seed % 4 == 0)]  # machine code takes a while
            fault = case.fault(backends)
            assert not fault, f"seed {seed}: {random_programs.show(case, backends, fault[0])}"
