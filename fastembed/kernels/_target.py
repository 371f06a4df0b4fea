"""The target of entries: Numba's CPU target without what a file of machine code has no use for.

That is, for each function on the way, wrappers for Python and C, optimisation, and machine code of
its own; and counts of references. Optimised is the entry when it is whole. What Numba compiles for
others, the same kernels among it, stays as it is: a target has functions of its own.
"""

from functools import cache, cached_property, partial

from numba import jit
from numba.core import codegen, cpu, registry, typing
from numba.core.dispatcher import Dispatcher
from numba.core.runtime import rtsys
from numba.core.runtime.context import NRTContext
from numba.core.target_extension import CPU, dispatcher_registry, jit_registry, target_registry

NAME = "fastembed"


class _Library(codegen.AOTCodeLibrary):
    def add_linking_library(self, library):
        if isinstance(library, _Library):  # not the one that counts references
            super().add_linking_library(library)

    def _optimize_final_module(self):
        # a loop that calls nothing becomes vectors before it is inlined: sums have the same order
        # wherever it is, and LLVM misses some of the optimizers' loops the first time
        if not self._linking_libraries:
            passes, builder = self._codegen._module_pass_manager()
            passes.run(self._final_module, builder)

    def get_pointer_to_function(self, name):
        self._ensure_finalized()
        return 0


class _Codegen(codegen.JITCPUCodegen):
    _library_class = _Library

    def _add_module(self, module):
        pass

    def set_env(self, name, env):
        pass


class _Borrowed(NRTContext):
    """Arrays are the caller's, who holds them."""

    def incref(self, *_):
        pass

    decref = incref


class _Context(cpu.CPUContext):
    nrt = property(lambda self: _Borrowed(self, enabled=True))

    def init(self):
        super().init()
        self._internal_codegen = _Codegen(NAME)

    def load_additional_registries(self):
        rtsys.initialize(registry.cpu_target.target_context)  # else it would be of this target
        super().load_additional_registries()

    def create_cpython_wrapper(self, *_, **options):
        pass

    create_cfunc_wrapper = create_cpython_wrapper


class _Typing(typing.Context):
    def resolve_value_type(self, value):
        if isinstance(value, Dispatcher) and not isinstance(value, _Function):
            value = _own(value)
        return super().resolve_value_type(value)


class _Descriptor(registry.CPUTarget):
    @cached_property
    def typing_context(self):
        return _Typing()

    @cached_property
    def target_context(self):
        return _Context(self.typing_context, NAME)


class _Function(Dispatcher):
    targetdescr = _Descriptor(NAME)


@cache
def _own(function):
    return _Function(function.py_func, targetoptions=function.targetoptions)


class _Target(CPU):
    pass


target_registry[NAME] = _Target
dispatcher_registry[_Target] = _Function
jit_registry[_Target] = partial(jit, _target=NAME)
