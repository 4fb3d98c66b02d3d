"""Build the native engine where a C compiler is there; everything else is in pyproject.toml."""

import os
import re
import subprocess
import sys
import textwrap
from pathlib import Path

from setuptools import Extension, find_packages, setup
from setuptools.command.build_ext import build_ext

HERE = Path(__file__).parent
SOURCE = "https://github.com/micrograd-gd/micrograd_gd"
CORE = "micrograd_gd/core/native"
# The bits must be Python's own: no fused multiply-add, no function folded at compile time.
UNIX_FLAGS = ["-std=c11", "-O3", "-ffp-contract=off", "-fno-builtin", "-fvisibility=hidden"]
WINDOWS_FLAGS = ["/std:c11", "/O2", "/fp:precise"]


class BuildCore(build_ext):
    """Generate the C code of the table, then compile; without success, say so in one line."""

    def build_extension(self, extension: Extension) -> None:
        """Build the native engine, or leave it out."""
        try:
            extension.include_dirs.append(str(self._generate()))
            windows = self.compiler.compiler_type == "msvc"
            extension.extra_compile_args = WINDOWS_FLAGS if windows else UNIX_FLAGS
            super().build_extension(extension)
        except Exception as error:  # noqa: BLE001 — whatever went wrong, Python's engine will do
            reason = textwrap.shorten(str(error) or type(error).__name__, 80)
            print(  # noqa: T201 — an installer prints
                f"micrograd_gd: the Python engine is used, since the native one did not build "
                f"({reason})",
                file=sys.stderr,
            )

    def _generate(self) -> Path:
        folder = Path(self.build_temp).resolve() / "generated"
        folder.mkdir(parents=True, exist_ok=True)
        script = HERE / CORE / "generate/rules.py"
        environment = os.environ | {"PYTHONPATH": str(HERE), "MICROGRAD_GD_ENGINE": "python"}
        command = [sys.executable, str(script), str(folder)]
        subprocess.run(command, env=environment, check=True)  # noqa: S603 — our own script
        return folder


def describe() -> str:
    """Return the README with absolute links, as a package index needs them."""
    readme = (HERE / "README.md").read_text(encoding="utf-8")
    readme = re.sub(r"(!\[[^]]*\]\()(?!https:)", rf"\1{SOURCE}/raw/main/", readme)
    return re.sub(r"(\]\()(?!https:)", rf"\1{SOURCE}/blob/main/", readme)


setup(
    long_description=describe(),
    long_description_content_type="text/markdown",
    packages=[*find_packages(include=["micrograd_gd*"]), "_micrograd_gd_entry"],
    package_dir={"_micrograd_gd_entry": "micrograd_gd/testing/entry"},  # why: see its first lines
    include_package_data=False,  # the sources in C go into the sdist, not into a wheel
    cmdclass={"build_ext": BuildCore},
    ext_modules=[
        Extension(
            "micrograd_gd.core.native.extension",
            sources=[f"{CORE}/extension.c"],  # which takes in all the others
            depends=[str(path.relative_to(HERE)) for path in (HERE / CORE).rglob("*.[ch]")],
            include_dirs=[CORE],
            optional=True,
        )
    ],
)
