"""Build the native engine where a C compiler is there; everything else is in pyproject.toml.

Without a usable compiler the installation succeeds, and the Python engine serves. A mistake in our
own code, C or generator, fails it. With MICROGRAD_GD_REQUIRE_NATIVE=1 a missing compiler fails it
as well; `.ci/run` sets that. With MICROGRAD_GD_PURE=1 nothing is compiled: the wheel is
`py3-none-any`, for Python in a browser and wherever else no machine is known beforehand.
"""

import os
import re
import subprocess
import sys
from pathlib import Path

from setuptools import Extension, find_packages, setup
from setuptools.command.build_ext import build_ext

HERE = Path(__file__).parent
SOURCE = "https://github.com/micrograd-gd/micrograd_gd"
CORE = "micrograd_gd/core/native"
# The bits must be Python's own: no fused multiply-add, no function folded at compile time.
UNIX_FLAGS = ["-std=c11", "-O3", "-ffp-contract=off", "-fno-builtin", "-fvisibility=hidden"]
# Where the targets of jumps come to lie decides on 7 % of a graph's time, and each change of the C
# would move them. clang says that it does not know the flag, and goes on.
UNIX_FLAGS += ["-falign-jumps=16"]
# Python asks for symbols of a debugger, 6 of 7 MB; who sets CFLAGS decides alone.
UNIX_FLAGS += [] if "CFLAGS" in os.environ else ["-g0"]
WINDOWS_FLAGS = ["/std:c11", "/O2", "/fp:precise"]
GENERATE = """
import sys
for each in ("core.native.extension", "table.functions"):  # those of an older build are not loaded
    sys.modules[f"micrograd_gd.{each}"] = None
from micrograd_gd.core.native.generate import generate
from micrograd_gd.engine import PythonValue
generate(sys.argv[1], PythonValue)
"""
EXTENSIONS = [
    Extension(
        f"{CORE.replace('/', '.')}.extension",
        sources=[f"{CORE}/extension.c"],  # which takes in all the others
        depends=[str(path.relative_to(HERE)) for path in (HERE / CORE).rglob("*.[ch]")],
        include_dirs=[CORE],
    ),
    Extension("micrograd_gd.table.functions", sources=["micrograd_gd/table/functions.c"]),
]
# What the C needs of a machine. A compiler that cannot build this is not usable.
PROBE = """
#include <Python.h>
#include <float.h>
#include <math.h>
#if defined(FLT_EVAL_METHOD) && FLT_EVAL_METHOD != 0
#error "this machine computes with more digits than a double has"
#endif
PyMODINIT_FUNC PyInit_probe(void) { return PyFloat_FromDouble(expm1(1.0)); }
"""


class BuildCore(build_ext):
    """Generate the C code of the table, then compile it."""

    def build_extensions(self) -> None:
        """Build the native engine, or leave it out where there is no usable compiler."""
        folder, probe = (Path(self.build_temp).resolve() / name for name in ("generated", "probe"))
        for each in (folder, probe):
            each.mkdir(parents=True, exist_ok=True)
        windows = self.compiler.compiler_type == "msvc"
        for extension in self.extensions:
            extension.extra_compile_args = WINDOWS_FLAGS if windows else UNIX_FLAGS
        try:
            self._probe(self.extensions[0], probe)
        except Exception as error:  # whatever went wrong, Python's engine will do
            if os.environ.get("MICROGRAD_GD_REQUIRE_NATIVE"):
                raise
            print(  # noqa: T201 — an installer prints
                f"micrograd_gd: the Python engine is used, since there is no usable C compiler "
                f"({' '.join(str(error).split()) or type(error).__name__})",
                file=sys.stderr,
            )
            for extension in self.extensions:
                extension.optional = True  # nobody is to look for it
            return
        environment = os.environ | {"PYTHONPATH": str(HERE), "MICROGRAD_GD_ENGINE": "python"}
        command = [sys.executable, "-c", GENERATE, str(folder)]
        subprocess.run(command, env=environment, check=True)  # noqa: S603 — our own script
        for extension in self.extensions:
            extension.include_dirs.append(str(folder))
            extension.depends += [str(path) for path in folder.glob("*.[ch]")]
        super().build_extensions()

    def _probe(self, extension: Extension, folder: Path) -> None:
        """Build a small extension as the native engine is built."""
        (folder / "probe.c").write_text(PROBE)
        objects = self.compiler.compile(
            [str(folder / "probe.c")],
            output_dir=str(folder),
            include_dirs=extension.include_dirs,
            extra_postargs=extension.extra_compile_args,
        )
        self.compiler.link_shared_object(
            objects,
            str(folder / Path(self.get_ext_filename("probe")).name),
            libraries=self.get_libraries(extension),
            export_symbols=["PyInit_probe"],
        )


def describe() -> str:
    """Return the README with absolute links, as a package index needs them."""
    readme = (HERE / "README.md").read_text(encoding="utf-8")
    readme = re.sub(r"(!\[[^]]*\]\()(?!https:)", rf"\1{SOURCE}/raw/main/", readme)
    readme = re.sub(r'(src(?:set)?=")(?!https:)', rf"\1{SOURCE}/raw/main/", readme)
    return re.sub(r"(\]\()(?!https:)", rf"\1{SOURCE}/blob/main/", readme)


setup(
    long_description=describe(),
    long_description_content_type="text/markdown",
    packages=find_packages(include=["micrograd_gd*"]),
    include_package_data=False,  # the sources in C go into the sdist, not into a wheel
    cmdclass={"build_ext": BuildCore},
    ext_modules=[] if os.environ.get("MICROGRAD_GD_PURE") else EXTENSIONS,
)
