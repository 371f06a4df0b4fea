"""How every Numba kernel is compiled: without the GIL, IEEE arithmetic.

A kernel is an ordinary ``@njit`` function that others can call. One whose arguments are annotated
(see ``_args``) is also an entry, a C function ``(args, lo, hi, member)`` that the pool calls.
"""

import importlib

import llvmlite.binding as llvm
from numba import njit, types

from fastembed.kernels import _args, _code, _target

OPTIONS = {"error_model": "numpy"}
ENTRIES = {}  # "module.kernel" -> kernel

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


def kernel(function=None, **options):
    """Compile a kernel for callers in Numba; what it is annotated with makes it an entry."""
    if function is None:
        return lambda function: kernel(function, **options)
    compiled = njit(nogil=True, **OPTIONS, **options)(function)
    if function.__annotations__:
        module = function.__module__.rpartition(".")[2]
        ENTRIES[f"{module}.{function.__name__}"] = compiled
    return compiled


def compile(name, real):
    """LLVM's module of an entry, all that it calls inlined; ``entry`` is its one public name."""
    importlib.import_module(f"fastembed.kernels.{name.partition('.')[0]}")
    number = types.int64
    signature = types.void(types.CPointer(number), number, number, number)
    entry = njit(signature, _target=_target.NAME, **OPTIONS)(_args.caller(ENTRIES[name], real))
    (result,) = entry.overloads.values()
    (text,) = entry.inspect_llvm().values()
    code = llvm.parse_assembly(text)
    code.link_in(llvm.parse_assembly(CALLER.format(inner=result.fndesc.llvm_func_name)))
    for function in code.functions:
        if not function.is_declaration and function.name != "entry":
            function.linkage = "internal"
    for _ in range(2):  # the second time finds more: else weighted bags take 6 % longer
        builder = llvm.create_pass_builder(_machine(), llvm.create_pipeline_tuning_options(3))
        builder.getModulePassManager().run(code, builder)
    return code


def object_file(code):
    """Machine code of a module, to be linked."""
    return _machine().emit_object(code)


def foreign(code):
    """Functions of a module beside entry, and what it needs beyond the C library.

    With none, its code may be kept: it neither allocates nor raises, and all calls are inlined.
    """
    names = {function.name for function in code.functions}
    names |= {symbol.name for symbol in code.global_variables if symbol.is_declaration}
    allowed = {"entry", *C_LIBRARY}
    return sorted(
        name for name in names - allowed if name == "llvm.trap" or not name.startswith("llvm.")
    )


def _machine():
    triple, cpu, features = _code.machine()
    return llvm.Target.from_triple(triple).create_target_machine(
        cpu=cpu, features=features, opt=3, codemodel="jitdefault", jit=True
    )
