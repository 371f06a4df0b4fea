"""The compiled modules: every ``.pyx`` of the package is one."""

import os
import re
import sys
from pathlib import Path

import numpy as np
from Cython.Build import cythonize
from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext

# FASTEMBED_DEBUG=1 builds with bounds checks, scratch filled with large numbers, not optimised
DEBUG = os.environ.get("FASTEMBED_DEBUG", "0") not in ("", "0")
PACKAGE = Path("fastembed")
CPLUSPLUS = {PACKAGE / "runtime" / "pool.pyx"}  # std::atomic's waiting is C++20

if sys.platform == "win32":
    compile_args = ["/Od"] if DEBUG else ["/O2"]
else:
    # -g0: what a debugger needs takes a third of the time; the two -fno flags let clamped
    # polynomials vectorise; results stay IEEE
    quick = ["-O3", "-g0", "-fno-trapping-math", "-fno-math-errno"]
    compile_args = ["-O0", "-g"] if DEBUG else quick
standard = ["/std:c++20" if sys.platform == "win32" else "-std=c++20"]

DIRECTIVES = {
    "language_level": "3",
    "boundscheck": DEBUG,
    "wraparound": False,
    "initializedcheck": False,
    "cdivision": True,
    "freethreading_compatible": False,  # declined: Python turns its lock on, Numba needs it
}

extensions = [
    Extension(
        ".".join(source.with_suffix("").parts),
        [str(source)],
        depends=[str(header) for header in sorted(source.parent.glob("*.h"))],
        include_dirs=[np.get_include(), str(source.parent)],
        define_macros=[("NPY_NO_DEPRECATED_API", "NPY_2_0_API_VERSION")]
        + [("FASTEMBED_DEBUG", "1")] * DEBUG,
        extra_compile_args=compile_args + (standard if source in CPLUSPLUS else []),
    )
    for source in sorted(PACKAGE.rglob("*.pyx"))
]


class Build(build_ext):
    """On all cores; on Windows by clang-cl: the kernels need vector extensions of gcc and clang."""

    def initialize_options(self):
        super().initialize_options()
        self.parallel = True  # here: a build in place for pip forgets the options given to setup()

    def build_extensions(self):
        if sys.platform == "win32":
            self.compiler.initialize()
            self.compiler.cc = "clang-cl"
        translated = cythonize(
            self.extensions,
            nthreads=os.cpu_count(),
            build_dir="build/cython",
            compiler_directives=DIRECTIVES,
        )
        for extension, c in zip(self.extensions, translated, strict=True):
            vars(extension).update(vars(c))  # which knows what the .pxd files ask for, too
        super().build_extensions()


# on a package index, links and pictures that are relative lead nowhere
readme = Path("README.md").read_text("utf-8")
readme = re.sub(r"!\[[^\]]*\]\((?!http)[^)]*\)\n*", "", readme)
readme = re.sub(r"\[([^\]]+)\]\((?!http)[^)]*\)", r"\1", readme)

if __name__ == "__main__":  # not in a process that translates a part of the modules
    setup(
        long_description=readme,
        long_description_content_type="text/markdown",
        cmdclass={"build_ext": Build},
        ext_modules=extensions,
    )
