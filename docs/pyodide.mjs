// Runs the cells of notebooks under Pyodide, and compares what they print with what they show.
// node docs/pyodide.mjs NODE_MODULES WHEELS NOTEBOOK...
import { readFileSync, readdirSync } from "node:fs";
import { basename, join, resolve } from "node:path";
import { pathToFileURL } from "node:url";

const [modules, wheels, ...notebooks] = process.argv.slice(2).map((path) => resolve(path));
const load = (path) => import(pathToFileURL(join(modules, path)));
const { loadPyodide } = await load("pyodide/pyodide.mjs");
const { Graphviz } = await load("@hpcc-js/wasm-graphviz/dist/index.js");
globalThis.graphviz = await Graphviz.load(); // a browser loads it from its network

const PROMISES = `
from micrograd_gd import Value, draw_dot, engine_name, grad, jit

def readme(a, b):
    c = a + b
    d = a * b + b**3
    c += c + 1
    c += 1 + c + (-a)
    d += d * 2 + (b + a).relu()
    d += 3 * d + (b - a).relu()
    f = (c - d) ** 2
    return f / 2.0 + 10.0 / f

a, b = Value(-4.0), Value(2.0)
g = readme(a, b)
g.backward()
slopes = 138.83381924198252, 645.5772594752186
assert engine_name() == "python"
assert (g.data, a.grad, b.grad) == (24.70408163265306, *slopes)
assert grad(readme, (0, 1))(-4.0, 2.0) == slopes
assert jit(grad(readme, (0, 1)))(-4.0, 2.0) == slopes
assert "138.8338" in draw_dot(g)._repr_mimebundle_()["image/svg+xml"]
`;
const decoder = new TextDecoder();
let failures = 0;

async function start(write) {
  const python = await loadPyodide();
  python.setStdout({ write: (bytes) => (write(decoder.decode(bytes)), bytes.length) });
  for (const wheel of readdirSync(wheels)) {
    python.unpackArchive(new Uint8Array(readFileSync(join(wheels, wheel))), "wheel");
  }
  return python;
}

async function run(path) {
  let printed = "";
  const python = await start((text) => (printed += text));
  const cells = JSON.parse(readFileSync(path, "utf8")).cells.filter((c) => c.cell_type === "code");
  let done = 0;
  for (const cell of cells) {
    if (cell.source.startsWith("%%sh")) continue; // a browser has no shell
    printed = "";
    try {
      await python.runPythonAsync(cell.source);
    } catch (error) {
      const [reason] = error.message.match(/^\w+Error: .*$/m) ?? [error.message];
      if (!/No module named '(?!micrograd_gd)|needs \w+, which is not installed/.test(reason)) failures += 1;
      return `${done} of ${cells.length} cells, then ${reason}`;
    }
    const shown = cell.outputs.map((output) => output.text).join("");
    if (printed !== shown) {
      failures += 1;
      return `cell ${cell.id} printed\n${printed}where the page shows\n${shown}`;
    }
    done += 1;
  }
  return `${done} of ${cells.length} cells`;
}

await (await start(() => {})).runPythonAsync(PROMISES);
for (const notebook of notebooks) {
  const start = performance.now();
  const outcome = await run(notebook);
  console.log(`${basename(notebook)}: ${outcome}, ${((performance.now() - start) / 1000).toFixed(1)} s`);
}
process.exit(failures ? 1 : 0);
