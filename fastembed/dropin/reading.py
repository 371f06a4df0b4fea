"""Reading code before any of it runs: only what is of the book's kind may be accelerated.

Small inputs cannot show what code does at 65 rows or at the hundredth step. So nothing may stand in
it that could make a difference there: it reads its arguments, attributes that are known, NumPy's
functions, and functions and classes that pass the same reading; it writes known attributes and its
own variables; its conditions and loops have the book's forms, and its numbers are the book's.
"""

import ast
import builtins
import collections
import dis
import inspect
import linecache
import types
from functools import lru_cache

import numpy as np

from fastembed.dropin import hidden, site
from fastembed.dropin.hidden import MISSING

NUMBERS = {-1, 0, 1, 2, 3, 4, 0.5, 1e-8, 1e-7, 1e-6}
TINY = {1e-8, 1e-7, 1e-6}  # keeps a logarithm or a quotient away from zero: it is only ever added
NUMPY = set(
    "add.at arange argmax array asarray c_ column_stack concatenate copy divide dot einsum empty"
    " empty_like exp expand_dims eye float32 float64 full full_like hstack int32 int64 log log2"
    " matmul max mean multiply ndindex ndenumerate newaxis ones ones_like outer power random.choice"
    " random.rand repeat reshape split sqrt squeeze stack subtract sum tanh tile transpose vstack"
    " zeros zeros_like".split()
)
BUILTINS = set(
    "enumerate float int len list max min range reversed slice sum super tuple zip".split()
)
METHODS = set(
    "append argmax astype copy dot extend fill flatten max mean pop ravel repeat reshape sum"
    " transpose".split()
)
ATTRIBUTES = set(
    "T dtype ndim shape size W Wh Wx attention_weight b c cache dW dWh dWx db dh embed grads h idx"
    " layers loss mask out params rx t x y".split()
)
KEYWORDS = set("axis dtype fill_value keepdims p replace shape size strict".split())
OPERATORS = (ast.Add, ast.Sub, ast.Mult, ast.Div, ast.Pow, ast.MatMult)
DUNDERS = set(
    "__annotations__ __annotate__ __annotate_func__ __annotations_cache__ __call__ __dict__ __doc__"
    " __firstlineno__ __init__ __module__ __qualname__ __repr__ __static_attributes__ __str__"
    " __weakref__".split()
)


class Declined(Exception):
    """Why code is left alone, in words."""


class Reading:
    """What was read of one class or function of the user's.

    Attributes
    ----------
    leans : list of (get, name, value)
        ``get(name, MISSING) is value`` as long as every name means what it meant.
    members : dict
        Names of the class that its methods use -> what they are.
    sets, extras : set of str
        Attributes that its methods set; those of them that the book's forward does not.
    inner : dict
        Attributes that hold layers -> the classes of these.
    """

    def __init__(self, known):
        self.known, self.main = known, None  # the class that is read, not those it uses
        self.leans, self.members, self.extras, self.inner = [], {}, set(), {}
        self.sets, self.functions = set(), []
        self._done, self._leant, self._classes, self._called = set(), set(), [], {}

    def changed(self):
        """The first name that no longer means what it meant, or None."""
        for get, name, value in self.leans:
            if get(name, MISSING) is not value:
                return name
        for function, code, defaults in self.functions:
            if function.__defaults__ is not defaults or (
                function.__code__ is not code and site.code(function) is not code
            ):
                return function.__name__
        return None

    def lean(self, owner, name, value):
        """Note that a name of a module, a class or a dict must go on to mean what it means."""
        if (id(owner), name) not in self._leant:
            self._leant.add((id(owner), name))
            space = owner if isinstance(owner, dict) else vars(owner)
            self.leans.append((space.get, name, value))

    def read_class(self, cls, constructed=False):
        """Read what an object of cls is made of, and note cls for methods called on such."""
        if cls in self._classes:
            return
        if type(cls) is not type:
            raise Declined(f"{cls.__name__} has a metaclass")
        if not cls.__dictoffset__ or not cls.__weakrefoffset__:
            raise Declined(f"{cls.__name__} has __slots__")
        for base in cls.__mro__[:-1]:
            for name in vars(base):
                if name.startswith("__") and name.endswith("__") and name not in DUNDERS:
                    raise Declined(f"{base.__name__} defines {name}")
        self._classes.append(cls)
        self.read_method(cls, "__init__")

    def read_method(self, cls, name, after=None):
        """Read a method of cls, or the next one after a class in its order of bases."""
        order = cls.__mro__[cls.__mro__.index(after) + 1 if after else 0 :]
        for base in order:
            if name in vars(base):
                function = vars(base)[name]
                break
        else:
            raise Declined(f"{cls.__name__} has no method {name}")
        if base is object:
            return
        if type(function) is not types.FunctionType:
            raise Declined(f"{base.__name__}.{name} is not a plain method")
        if after is None:
            self.lean_on_class(cls, name)
        if (function, cls) not in self._done:
            self._done.add((function, cls))
            _Function(self, function, cls, base).read()

    def lean_on_class(self, cls, name):
        """Note that a name of the class must stay what it is, and unset in the classes before."""
        for base in cls.__mro__:
            self.lean(base, name, vars(base).get(name, MISSING))
            if name in vars(base):
                break

    def read_function(self, function):
        if (function, None) not in self._done:
            self._done.add((function, None))
            _Function(self, function).read()

    def finish(self):
        """Read the methods that are called on objects, in each class that has them."""
        known = -1
        while known != len(self._done):
            known = len(self._done)
            for name in list(self._called):
                for cls in list(self._classes):
                    if callable(_static(cls, name, None)):
                        self.read_method(cls, name)
                        self._called[name] = None
        for name, line in self._called.items():
            if line is not None and name not in METHODS:
                raise Declined(f"line {line} calls {name}")


def read(subject, known):
    """Read a class or function of the user's.

    Raises
    ------
    Declined
        If it may not be accelerated.
    NameError
        If it leans on a name that its module does not have (yet).
    """
    reading = Reading(known)
    if not isinstance(subject, type):
        reading.read_function(subject)
        _given_by_place(subject)
        reading.finish()
        return reading
    reading.main = subject
    reading.read_class(subject)
    for name in known.methods:
        if hasattr(subject, name) or name == known.methods[0]:
            reading.read_method(subject, name)
            _given_by_place(getattr(subject, name))
    reading.finish()
    for name in {*known.writes, *known.hides, *reading.extras, *reading.inner}:
        if _static(subject, name) is not MISSING:
            raise Declined(f"its class has an attribute {name}")
    return reading


def _given_by_place(function):
    if not site.plain_parameters(function):
        raise Declined(f"{function.__name__} takes arguments that have no place")


def sets_in_constructor(cls):
    """The attributes that a class's own constructor sets."""
    todo = [code] if (code := getattr(vars(cls).get("__init__"), "__code__", None)) else []
    names = set()
    while todo:
        code = todo.pop()
        names |= {i.argval for i in dis.get_instructions(code) if i.opname == "STORE_ATTR"}
        todo += [const for const in code.co_consts if isinstance(const, types.CodeType)]
    return names


class _Function:
    """The reading of one function: a method of an object of cls if base has it."""

    def __init__(self, reading, function, cls=None, base=None):
        self.reading, self.known = reading, reading.known
        self.function, self.cls, self.base = function, cls, base
        self.main = cls is not None and cls is reading.main
        self.free = reading.main is None or self.known.free  # loops over words: no layer's code
        self.depth, self.stored = 0, set()

    def read(self):
        function = self.function
        if not (self.main and function.__name__ in self.known.methods):  # which are given all
            code = site.code(function)
            self.reading.functions.append((function, code, function.__defaults__))
        self.node = node = _definition(function)
        self.line = node.lineno
        if node.decorator_list:
            self.no(node.decorator_list[0], "decorates")
        for name, cell in zip(
            function.__code__.co_freevars, function.__closure__ or (), strict=True
        ):
            if name != "__class__" or cell.cell_contents is not self.base:
                raise Declined(f"line {self.line} is defined inside another function")
        values = [*(function.__defaults__ or ()), *(function.__kwdefaults__ or {}).values()]
        for value in values:
            if not (value is None or isinstance(value, (bool, str)) or _is_known(value)):
                self.initial or self.no(node, f"has the default {value!r}:")
        arguments = node.args
        self.arguments = [a.arg for a in (*arguments.posonlyargs, *arguments.args)]
        more = [*arguments.kwonlyargs, *filter(None, (arguments.vararg, arguments.kwarg))]
        self.locals = {*self.arguments, *(a.arg for a in more)}
        self.me = self.arguments[0] if self.cls and self.arguments else None
        for part in ast.walk(node):
            if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Store):
                self.locals.add(part.id)
        self.looped = {  # what changes from word to word
            part.id
            for loop in ast.walk(node)
            if isinstance(loop, (ast.For, ast.While))
            for part in ast.walk(loop)
            if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Store)
        }
        self.block(node.body)

    @property
    def initial(self):
        return self.function.__name__ == "__init__"

    def no(self, node, verb):
        line = self.function.__code__.co_firstlineno - self.line + node.lineno
        text = ast.unparse(node).split("\n")[0]
        raise Declined(f"line {line} {verb} {text[:60]}")

    # ---- statements

    def block(self, statements):
        for statement in statements:
            getattr(self, f"on_{type(statement).__name__}", self.unknown)(statement)

    def inside(self, *blocks):
        self.depth += 1
        for statements in blocks:
            self.block(statements)
        self.depth -= 1

    def unknown(self, node):
        self.no(node, "has")

    def on_Pass(self, node):
        pass

    on_Continue = on_Break = on_Pass

    def on_Expr(self, node):
        if not isinstance(node.value, ast.Constant):
            if not isinstance(node.value, ast.Call):
                self.no(node, "has")
            self.value(node.value)

    def on_Return(self, node):
        if node.value is not None:
            self.value(node.value)

    def on_Assign(self, node):
        value = node.value
        named = any(isinstance(target, ast.Name) for target in node.targets)
        if named and _is_number(value) and not self.initial:
            if not (
                isinstance(value, ast.Constant) and value.value in ((0, 1) if self.free else (0,))
            ):
                self.no(node, "names a number:")
        self.value(value)
        for target in node.targets:
            self.target(target, value)

    def on_AnnAssign(self, node):
        if node.value is not None:
            self.value(node.value)
            self.target(node.target, node.value)

    def on_AugAssign(self, node):
        self.operator(node.op, node)
        self.value(node.value)
        if self.is_mine(node.target):
            if node.target.attr not in (*self.known.writes, *self.known.state) or not self.main:
                if node.target.attr not in self.stored and not self.initial:
                    self.no(node, "keeps a state of its own:")
        elif isinstance(node.target, ast.Attribute):
            self.no(node, "sets")
        self.target(node.target, node.value)

    def on_Delete(self, node):
        for target in node.targets:
            if not (self.free and isinstance(target, ast.Subscript)):
                self.no(node, "has")
            self.value(target.value)

    def on_If(self, node):
        truth = self.truth(node.test)
        if truth is None:
            self.condition(node.test)
        self.inside(*([node.body] if truth is not False else []))
        self.inside(*([node.orelse] if truth is not True else []))

    def on_For(self, node):
        self.value(node.iter)
        self.target(node.target, None)
        self.inside(node.body, node.orelse)

    def on_While(self, node):
        if not self.free:
            self.no(node, "has")
        if not (isinstance(node.test, ast.Constant) and node.test.value is True):
            self.condition(node.test)
        self.inside(node.body, node.orelse)

    # ---- what is written

    def target(self, node, value):
        if isinstance(node, (ast.Tuple, ast.List)):
            for part in node.elts:
                self.target(part, None)
        elif isinstance(node, ast.Starred):
            self.target(node.value, None)
        elif isinstance(node, ast.Subscript):
            self.value(node.value)
            self.value(node.slice)
        elif self.is_mine(node):
            self.store(node, value)
        elif not isinstance(node, ast.Name):
            self.no(node, "sets")

    def store(self, node, value):
        name, known = node.attr, self.known
        if self.main:
            self.reading.sets.add(name)
        if self.main and self.initial:
            cls = self.made(value)
            if cls is not None:
                self.reading.inner[name] = cls
        elif self.main and self.function.__name__ in known.methods[1:]:
            if name not in (*known.backward_writes, *known.hides, *known.writes):
                self.no(node, "sets")
        elif self.main and name not in known.attributes:
            if self.depth:
                self.no(node, "sets, not always,")
            self.reading.extras.add(name)
        if not self.depth:
            self.stored.add(name)

    def made(self, value):
        """The class of the objects, one or a list, that an expression makes; or None."""
        if isinstance(value, ast.ListComp):
            value = value.elt
        if isinstance(value, ast.Call) and isinstance(value.func, (ast.Name, ast.Attribute)):
            found = self.resolve(value.func)
            return found if isinstance(found, type) and found in self.reading._classes else None
        return None

    # ---- conditions

    def truth(self, node):
        """True or False where a condition is settled: by a switch of the module, say."""
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
            inner = self.truth(node.operand)
            return None if inner is None else not inner
        if isinstance(node, ast.Name) and node.id in self.arguments:
            return False if node.id in self.known.never else None
        if isinstance(node, (ast.Name, ast.Attribute)) and not self.is_own(node):
            value = self.resolve(node)
            if isinstance(value, bool):
                return value
            self.no(node, "asks for")
        return None

    def condition(self, node):
        if isinstance(node, ast.BoolOp):
            for part in node.values:
                self.condition(part)
        elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
            self.condition(node.operand)
        elif self.truth(node) is not None:
            pass
        elif isinstance(node, ast.Compare):
            if not self.comparison(node):
                self.no(node, "asks for")
            self.values([node.left, *node.comparators])
        elif self.is_flag(node):
            self.value(node)
        else:
            self.no(node, "asks for")

    def is_flag(self, node):
        if self.is_mine(node):
            return self.main and node.attr in self.known.reads
        if isinstance(node, ast.Name):
            return node.id in self.arguments or self.free
        return self.free and isinstance(node, ast.Call) and self.name_of(node.func) == "all"

    def comparison(self, node):
        """Whether a condition compares what the book compares."""
        left, operator, right = node.left, node.ops[0], node.comparators[0]
        if isinstance(right, ast.Constant) and right.value is None:
            if self.is_mine(left):  # whether there is a state yet
                return self.main and left.attr in self.known.state
            return isinstance(left, ast.Name) and left.id in self.arguments
        if _is_count_of_axes(left):
            return True
        if len(node.ops) > 1:
            return False
        if _ends_with(left, "size") and _ends_with(right, "size"):
            return isinstance(operator, (ast.Eq, ast.NotEq))
        if not self.free:
            return False
        names = {part.id for part in ast.walk(node) if isinstance(part, ast.Name)}
        return bool(names & self.looped) or self.known.compares

    # ---- values

    def value(self, node):
        getattr(self, f"see_{type(node).__name__}", self.unknown)(node)

    def values(self, nodes):
        for node in nodes:
            self.value(node)

    def see_Constant(self, node):
        value = node.value
        if isinstance(value, (int, float, complex)) and not isinstance(value, bool):
            if not _is_known(value) and not self.initial:
                self.no(node, "has the number")

    def see_Tuple(self, node):
        self.values(node.elts)

    see_List = see_Tuple

    def see_Starred(self, node):
        self.value(node.value)

    def see_Slice(self, node):
        self.values(filter(None, (node.lower, node.upper, node.step)))

    def see_Subscript(self, node):
        self.value(node.value)
        self.value(node.slice)

    def see_UnaryOp(self, node):
        if isinstance(node.op, ast.Not):
            self.condition(node.operand)
        else:
            self.value(node.operand)

    def see_BinOp(self, node):
        self.operator(node.op, node)
        sides = node.left, node.right
        if all(map(_is_number, sides)) and not self.initial:
            self.no(node, "has the number")
        for side in sides:
            tiny = isinstance(side, ast.Constant) and side.value in TINY
            if tiny and not isinstance(node.op, ast.Add):
                self.no(node, "has")
            self.value(side)

    def operator(self, operator, node):
        if isinstance(operator, (ast.FloorDiv, ast.Mod)) and (self.free or _halves(node)):
            return
        if not isinstance(operator, OPERATORS):
            self.no(node, "has")

    def see_Compare(self, node):
        """A mask: which labels count, which entries are kept."""
        sides = [node.left, *node.comparators]
        marks = [side for side in sides if self.is_setting(side) or self.is_step(side)]
        if len(sides) != 2 or not marks and not self.free:
            self.no(node, "compares")
        self.values(sides)

    def is_setting(self, node):
        if self.is_mine(node):
            return self.main and node.attr in self.known.reads
        return isinstance(node, ast.UnaryOp) and ast.unparse(node) == "-1"

    def is_step(self, node):
        return isinstance(node, ast.Name) and node.id in self.looped

    def see_IfExp(self, node):
        truth = self.truth(node.test)
        if truth is None:
            self.condition(node.test)
        self.values([node.body] if truth is not False else [])
        self.values([node.orelse] if truth is not True else [])

    def see_BoolOp(self, node):
        self.condition(node)

    def see_ListComp(self, node):
        for loop in node.generators:
            self.value(loop.iter)
            for test in loop.ifs:
                self.condition(test)
        self.value(node.elt)

    see_GeneratorExp = see_ListComp

    def see_Name(self, node):
        if node.id in self.locals:
            return
        value = self.resolve(node)
        if not (value in (None, int, float) or isinstance(value, bool) or _is_known(value)):
            self.no(node, "reads")

    def see_Attribute(self, node):
        if self.is_mine(node):
            self.load(node)
        elif self.is_own(node):
            if node.attr not in ATTRIBUTES:
                self.no(node, "reads")
            self.value(node.value)
        elif self.is_numpy(node):
            return
        else:
            value = self.resolve(node)
            if not (isinstance(value, bool) or _is_known(value)):
                self.no(node, "reads")

    def load(self, node):
        """Read an attribute of self."""
        name, known, reading = node.attr, self.known, self.reading
        member = _static(self.cls, name)
        if name in self.stored:
            return
        if member is not MISSING and not (self.main and name in known.reads):
            if not (isinstance(member, (bool, type)) or _is_known(member)):
                self.no(node, "reads")
            self.lean_on_member(name, member)
        elif self.initial:
            self.no(node, "reads")
        elif self.main:
            first = known.methods[0]
            allowed = {"params", "grads", *known.reads, *known.state, *reading.inner}
            if self.function.__name__ != first:
                allowed |= {*known.attributes, *reading.extras}
            if name not in allowed:
                self.no(node, "reads")
        elif name not in ATTRIBUTES and name not in self.own_settings:
            self.no(node, "reads")
        elif name in self.written_here:
            self.no(node, "keeps a state of its own:")

    def lean_on_member(self, name, member):
        self.reading.lean_on_class(self.cls, name)
        if self.main:
            self.reading.members[name] = member

    @property
    def own_settings(self):
        """What the constructor of a layer inside another sets: such a layer is the user's own."""
        bases = self.cls.__mro__[:-1]
        return {name for base in bases for name in sets_in_constructor(base)}

    @property
    def written_here(self):
        """What this method sets: reading it earlier is a state carried from call to call."""
        return _stores(self.node) if self.function.__name__ != "backward" else set()

    def see_Call(self, node):
        function = node.func
        for keyword in node.keywords:
            if keyword.arg is None:
                self.no(node, "calls")
            self.value(keyword.value)
        self.values(node.args)
        if isinstance(function, ast.Attribute) and self.is_super(function.value):
            self.reading.read_method(self.cls, function.attr, after=self.base)
        elif self.is_mine(function):
            self.call_mine(node, function.attr)
        elif isinstance(function, ast.Attribute) and self.is_own(function):
            self.value(function.value)
            self.reading._called.setdefault(function.attr, self.at(node))
        elif self.is_numpy(function):
            if any(keyword.arg not in KEYWORDS for keyword in node.keywords):
                self.no(node, "calls")
        elif isinstance(function, (ast.Name, ast.Attribute)) and not self.is_own(function):
            self.call(node, self.resolve(function))
        else:
            self.no(node, "calls")

    def call_mine(self, node, name):
        member = _static(self.cls, name)
        if isinstance(member, type):
            self.lean_on_member(name, member)
            self.reading.read_class(member)
        elif type(member) is types.FunctionType:
            if self.main:
                self.reading.members[name] = member
            self.reading.read_method(self.cls, name)
        else:
            self.no(node, "calls")

    def call(self, node, value):
        if value is collections.Counter:
            return
        if isinstance(value, type) and value.__module__ != "builtins":
            self.reading.read_class(value)
        elif type(value) is types.FunctionType and self.is_users(value):
            self.reading.read_function(value)
        elif getattr(builtins, self.name_of(node.func), None) is value:
            name = node.func.id
            if name not in BUILTINS or (
                name in ("int", "max", "min") and not (self.free or self.initial)
            ):
                self.no(node, "calls")
        else:
            self.no(node, "calls")

    # ---- names

    def is_users(self, function):
        return not function.__module__.split(".")[0] == "numpy"

    def at(self, node):
        return self.function.__code__.co_firstlineno - self.line + node.lineno

    def is_mine(self, node):
        """Whether a node is ``self.name``."""
        return (
            isinstance(node, ast.Attribute)
            and isinstance(node.value, ast.Name)
            and node.value.id == self.me
            and self.me is not None
        )

    def is_own(self, node):
        """Whether an expression starts from a variable or a value, not from a global name."""
        while isinstance(node, ast.Attribute):
            node = node.value
        return not isinstance(node, ast.Name) or node.id in self.locals

    def is_super(self, node):
        return (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Name)
            and self.resolve(node.func) is super
            and (not node.args or self.resolve(node.args[0]) is self.base)
        )

    def name_of(self, node):
        return node.id if isinstance(node, ast.Name) else getattr(node, "attr", "")

    def is_numpy(self, node):
        """Whether a node is one of NumPy's functions that we know, and still NumPy's own."""
        path = []
        while isinstance(node, ast.Attribute):
            path.insert(0, node.attr)
            node = node.value
        if not path or not isinstance(node, ast.Name) or node.id in self.locals:
            return False
        value = self.resolve(node)
        if value is not np:
            return False
        name = ".".join(path)
        if name not in NUMPY and not (self.initial and name in ("random.randn",)):
            if not (self.free and name in ("all", "maximum", "where")):
                self.no(node, f"reads {name} of")
        for part in path[: 1 if path[0] != "random" else 2]:
            space, value = value, getattr(value, part, MISSING)
            if value is not ORIGINAL.get((space.__name__, part), value):
                self.no(node, f"finds another {part} in")
            self.reading.lean(space, part, value)
        return True

    def resolve(self, node):
        """What a name of the module, or of a module in it, means now; it must go on to."""
        if isinstance(node, ast.Attribute):
            module = self.resolve(node.value)
            if not isinstance(module, types.ModuleType):
                self.no(node, "reads")
            value = vars(module).get(node.attr, MISSING)
            if value is MISSING:
                self.no(node, "reads")
            self.reading.lean(module, node.attr, value)
            return value
        if not isinstance(node, ast.Name) or node.id in self.locals:
            self.no(node, "reads")
        space = self.function.__globals__
        value = space.get(node.id, MISSING)
        self.reading.lean(space, node.id, value)
        if value is MISSING:
            value = vars(builtins).get(node.id, MISSING)
            self.reading.lean(builtins, node.id, value)
        if value is MISSING:
            raise NameError(f"name {node.id!r} is not defined")
        return value


def _static(cls, name, default=MISSING):
    """What a class has under a name, but for what we have put there."""
    found = inspect.getattr_static(cls, name, default)
    return default if isinstance(found, hidden.Attribute) else found


def _is_known(value):
    return type(value) in (int, float) and value in NUMBERS


def _is_number(node):
    if isinstance(node, ast.UnaryOp):
        node = node.operand
    return isinstance(node, ast.Constant) and type(node.value) in (int, float)


def _ends_with(node, name):
    return isinstance(node, ast.Attribute) and node.attr == name


def _is_count_of_axes(node):
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "len":
        return len(node.args) == 1 and _ends_with(node.args[0], "shape")
    return _ends_with(node, "ndim")


def _halves(node):
    """Whether a node is ``x.shape[k] // 2``."""
    left, right = getattr(node, "left", None), getattr(node, "right", None)
    return (
        isinstance(node, ast.BinOp)
        and isinstance(left, ast.Subscript)
        and _ends_with(left.value, "shape")
        and isinstance(right, ast.Constant)
        and right.value == 2
    )


def _stores(node):
    """The attributes of self that a definition sets."""
    return {
        part.attr
        for part in ast.walk(node)
        if isinstance(part, ast.Attribute) and isinstance(part.ctx, ast.Store)
    }


def _definition(function):
    """The syntax tree of a function's definition, if that is the code which runs."""
    code = site.code(function)
    for node, compiled in _definitions(code.co_filename).get(code.co_firstlineno, ()):
        if compiled == code:
            return node
    raise Declined(f"there is no source of {function.__qualname__} to read")


def _definitions(filename):
    linecache.checkcache(filename)
    return _parsed("".join(linecache.getlines(filename)), filename)


@lru_cache(maxsize=64)
def _parsed(source, filename):
    """First line -> [(definition, its code)] of a file."""
    try:
        tree = compile(source, filename, "exec", ast.PyCF_ONLY_AST, dont_inherit=True)
        todo = [compile(tree, filename, "exec", dont_inherit=True)]
    except (SyntaxError, ValueError):
        return {}
    codes, found = {}, {}
    while todo:
        code = todo.pop()
        codes.setdefault(code.co_firstlineno, []).append(code)
        todo += [const for const in code.co_consts if isinstance(const, types.CodeType)]
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef):
            first = min([node.lineno, *(d.lineno for d in node.decorator_list)])
            for code in codes.get(first, ()):
                if code.co_name == node.name:
                    found.setdefault(first, []).append((node, code))
    return found


# as they were when this module was imported: what a script puts there afterwards is its own
ORIGINAL = {
    (space.__name__, name): value
    for space in (np, np.random)
    for name, value in vars(space).items()
}
