"""How every Numba kernel is compiled: without the GIL, IEEE arithmetic.

A kernel is an ordinary ``@njit`` function that others can call. What the pool calls is an entry: a
C function ``(args, lo, hi, member)`` that finds the kernel's arrays in a C struct (see ``_args``).
"""

import importlib

import llvmlite.binding as llvm
from numba import cfunc, njit, types

from fastembed.kernels import _code

OPTIONS = {"error_model": "numpy"}
REALS = {"float32": types.float32, "float64": types.float64}
ENTRIES = {}  # "module.entry" -> function(args, lo, hi, member)

# what any process can link: the C library
C_LIBRARY = {"memcpy", "memset", "exp", "log", "log1p", "sqrt", "sqrtf"}

# calls the function without Numba's wrapper, which would report an error to Python; no kernel
# raises one, so LLVM removes the trap
CALLER = """
declare i32 @"{inner}"(ptr, ptr, ptr, i64, i64, i64)
declare void @llvm.trap()
define void @entry(ptr %args, i64 %lo, i64 %hi, i64 %member) {{
  %result = alloca ptr
  %error = alloca ptr
  %status = call i32 @"{inner}"(ptr %result, ptr %error, ptr %args, i64 %lo, i64 %hi, i64 %member)
  %failed = icmp ne i32 %status, 0
  br i1 %failed, label %stop, label %end
stop:
  call void @llvm.trap()
  unreachable
end:
  ret void
}}
"""


def kernel(function):
    """Compile a kernel for callers in Numba, without the GIL."""
    return njit(nogil=True, **OPTIONS)(function)


def entry(function):
    """Make ``function(args, lo, hi, member)`` an entry; args tells the dtype of its reals."""
    ENTRIES[f"{function.__module__.rpartition('.')[2]}.{function.__name__}"] = function
    return function


def compile(name, real):
    """LLVM's module of an entry, all that it calls inlined; ``entry`` is its one public name."""
    importlib.import_module(f"fastembed.kernels.{name.partition('.')[0]}")
    pointer, number = types.CPointer(REALS[real]), types.int64
    compiled = cfunc(types.void(pointer, number, number, number), **OPTIONS)(ENTRIES[name])
    code = llvm.parse_assembly(compiled.inspect_llvm())
    inner = compiled.native_name.removeprefix("cfunc.")
    code.link_in(llvm.parse_assembly(CALLER.format(inner=inner)))
    for function in code.functions:
        if not function.is_declaration and function.name != "entry":
            function.linkage = "internal"
    builder = llvm.create_pass_builder(_target(), llvm.create_pipeline_tuning_options(3))
    builder.getModulePassManager().run(code, builder)
    return code


def object_file(code):
    """Machine code of a module, to be linked."""
    return _target().emit_object(code)


def missing(code):
    """What a module needs beyond the C library: it can be linked in this process alone."""
    needed = {
        symbol.name
        for symbol in (*code.functions, *code.global_variables)
        if symbol.is_declaration and not symbol.name.startswith("llvm.")
    }
    return sorted(needed - C_LIBRARY)


def _target():
    triple, cpu, features = _code.machine()
    return llvm.Target.from_triple(triple).create_target_machine(
        cpu=cpu, features=features, opt=3, codemodel="jitdefault", jit=True
    )
