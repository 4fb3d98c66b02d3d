"""What a sweep for the arguments of a call leaves out: what was there before it."""

from hypothesis import given
from hypothesis import strategies as st

from micrograd_gd import Value, grad, vjp
from micrograd_gd.core import eras, sweep


@given(st.lists(st.sampled_from(["begin", "make", "drop"]), max_size=100))
def test_what_was_made_in_an_era_is_never_left_out(moves):
    """Also where nodes take the places of others that were dropped."""
    tip, dropped, begun = Value(1.0), [], []
    for move in moves:
        if move == "begin":
            begun.append((eras.begin(), {*()}))
        elif move == "drop":
            del dropped[::2]
        else:
            dropped.append(tip * 2.0)
            tip = tip + 1.0
            for _, made in begun:
                made.add(tip)
        for era, made in begun:
            found = {*sweep.in_order([tip], (), era)}
            assert made <= found
            assert len(found - made) < 64 * (2 * len(made) + 1), "some in the memory of later ones"


def test_a_node_that_is_put_together_anew_is_of_the_latest_era():
    old = Value(1.0)
    _between = [Value(1.0) for _ in range(1_000)]
    era = eras.begin()
    young = Value(3.0) * 2.0
    old._put_together(young.op, (young, 2.0), (2.0, None), 12.0, 0.0, "")
    assert young in sweep.in_order([old * 1.0], (), era)


def test_a_loop_of_inner_derivatives_costs_the_same_at_each_step(monkeypatch):
    def descend(x, a, sizes):
        for _ in range(20):
            y, pull_back = vjp(lambda t, x=x: (t * x - a) ** 2 + (t * t).sin(), x)
            sizes.append(len(pull_back.__self__._order))
            (slope,) = vjp(lambda t, y=y: t * t * y, pull_back(1.0)[0])[1](1.0)
            x = x - 0.001 * slope
        return x

    def run():
        sizes = []
        gradient = grad(descend, (0, 1))
        found = gradient(0.5, 2.0, sizes), descend(Value(0.5), 2.0, sizes).data
        second = grad(lambda x, a: gradient(x, a, sizes)[0], (0, 1))
        return repr((*found, second(0.5, 2.0))), sizes

    found, sizes = run()
    assert max(sizes) < 300
    monkeypatch.setattr(eras, "begin", lambda: 0)
    throughout, growing = run()
    assert throughout == found
    assert growing[19] > 19 * 20
