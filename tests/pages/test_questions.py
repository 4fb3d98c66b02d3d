"""What a page knows of paths and says to answers, beside Python, without a browser."""

import json
import math
from importlib import resources

import pytest
from hypothesis import given
from hypothesis import strategies as st

from micrograd_gd import Value, explain
from micrograd_gd.pages import write_engine
from micrograd_gd.pages.graph import show_graph

pytest.importorskip("py_mini_racer", reason="mini-racer, which runs JavaScript, is not installed")

import javascript

ASK = """
const matchMedia = () => ({ matches: true });
function ask(nodes) {
    const course = new Backpropagation(build(nodes));
    const gradients = course.gradientsAt(course.steps.length);
    return JSON.stringify(course.nodes.map((node) => {
        const { count, paths } = explain(course, node, 3);
        const parts = partsOf(course, node).map(({ share }) => share);
        const gradient = gradients.get(node) ?? 0;
        const without = parts.map((share) => judge(course, node, gradient - share));
        return {
            gradient: String(gradient), count,
            products: paths.map(({ product }) => String(product)),
            parts: parts.map(String), isRight: Boolean(judge(course, node, gradient).isRight),
            without: without.map(({ isRight, text }) => [Boolean(isRight), text]),
        };
    }));
}
"""


@pytest.fixture(scope="module")
def v8():
    pages = resources.files("micrograd_gd.pages")
    files = [*(pages / "frame").iterdir(), *(pages / "graph").iterdir()]
    scripts = [file.read_text(encoding="utf-8") for file in files if file.name.endswith(".js")]
    with javascript.start(write_engine(), ASK, *scripts) as v8:
        yield v8


@st.composite
def graphs(draw):
    """Whole numbers under operations that are exact, so that both engines have the same."""
    nodes = [Value(float(draw(st.integers(-3, 3)))) for _ in range(draw(st.integers(1, 3)))]
    for _ in range(draw(st.integers(1, 8))):
        a, b = (draw(st.sampled_from(nodes)) for _ in range(2))
        nodes.append(draw(st.sampled_from([a + b, a * b, a - b, a * 2, a.relu(), -a])))
    return nodes[-1]


@given(graphs())
def test_paths_and_gradients_are_those_of_python(v8, root):
    found = json.loads(v8.eval(f"ask({json.dumps(show_graph(root).data['nodes'])})"))
    for node, there in zip(root.nodes(), found, strict=True):
        expected = explain(root, wrt=node, max_paths=3)
        assert float(there["gradient"]) == expected.gradient
        assert there["count"] == expected.count
        assert [*map(float, there["products"])] == [path.product for path in expected.paths]


@given(graphs())
def test_the_gradient_is_right_and_what_is_left_out_is_named(v8, root):
    found = json.loads(v8.eval(f"ask({json.dumps(show_graph(root).data['nodes'])})"))
    for there in found[:-1]:
        parts = [*map(float, there["parts"])]
        assert there["isRight"]
        assert math.fsum(parts) == float(there["gradient"])
        for share, (is_right, text) in zip(parts, there["without"], strict=True):
            is_near = abs(share) <= 0.005 * abs(float(there["gradient"]))
            assert is_right == (share == 0 or is_near)
            assert is_right or len(parts) == 1 or "missing" in text, text
