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
import warnings
from functools import lru_cache

import numpy as np

from fastembed.dropin import hidden, site
from fastembed.dropin.look import MISSING

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
PLAIN = (  # nodes that are fine if their parts are
    *(ast.Pass, ast.Continue, ast.Break, ast.Return, ast.expr_context),
    *(ast.Tuple, ast.List, ast.Starred, ast.Slice, ast.Subscript, ast.ListComp, ast.GeneratorExp),
    ast.keyword,
)
OPERATORS = (ast.Add, ast.Sub, ast.Mult, ast.Div, ast.Pow, ast.MatMult)
DUNDERS = set(
    "__annotations__ __annotate__ __annotate_func__ __annotations_cache__ __call__ __dict__ __doc__"
    " __firstlineno__ __init__ __module__ __qualname__ __repr__ __slotnames__ __static_attributes__"
    " __str__ __weakref__".split()  # copy and pickle leave __slotnames__ on a class
)
HOOKS = ("__getattribute__", "__getattr__", "__setattr__", "__delattr__")


class Declined(Exception):
    """Why code is left alone, in words."""


class Reading:
    """What was read of one class or function of the user's.

    Attributes
    ----------
    leans : dict
        What every name that the code reads meant, as (dict or class, name, value); by identity.
    members : dict
        Names of the class that its methods use -> what they are.
    sets, extras : set of str
        Attributes that its methods set; those of them that the book's forward does not.
    inner : dict
        Attributes that hold layers -> the classes of these.
    parts : dict
        Classes of layers inside -> their attributes that stay -> constants, or classes.
    called : dict
        Names of methods that are called on objects.
    """

    def __init__(self, known):
        self.known, self.main = known, None  # the class that is read, not those it uses
        self.leans, self.members, self.extras, self.inner = {}, {}, set(), {}
        self.sets, self.functions, self.parts, self.called = set(), [], {}, {}
        self._done, self._classes = set(), []

    def changed(self):
        """The first name that no longer means what it meant, or None."""
        for space, name, value in self.leans.values():
            names = space if isinstance(space, dict) else vars(space)
            if names.get(name, MISSING) is not value:
                return name
        for function, code, defaults in self.functions:
            if function.__defaults__ is not defaults or site.code(function) is not code:
                return function.__name__
        return None

    def lean(self, space, name, value):
        """Note that a name of a class or a dict must go on to mean what it means."""
        self.leans.setdefault((id(space), name), (space, name, value))

    def read_class(self, cls):
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
            for name in HOOKS:
                self.lean(base, name, MISSING)
        self._classes.append(cls)
        self.read_method(cls, "__init__")

    def read_method(self, cls, name, after=None):
        """Read a method of cls, or the next one after a class in its order of bases."""
        order = cls.__mro__[cls.__mro__.index(after) + 1 if after else 0 :]
        base = next((base for base in order if name in vars(base)), None)
        if base is None:
            raise Declined(f"{cls.__name__} has no method {name}")
        if base is object:
            return
        if type(vars(base)[name]) is not types.FunctionType:
            raise Declined(f"{base.__name__}.{name} is not a plain method")
        if after is None:
            self.lean_on_class(cls, name)
        self.read_function(vars(base)[name], cls, base)

    def lean_on_class(self, cls, name):
        """Note that a name of the class must stay what it is, and unset in the classes before."""
        for base in cls.__mro__:
            self.lean(base, name, vars(base).get(name, MISSING))
            if name in vars(base):
                break

    def read_function(self, function, cls=None, base=None):
        if (function, cls) not in self._done:
            self._done.add((function, cls))
            _Function(self, function, cls, base).read()

    def finish(self):
        """Read the methods that are called on objects, in each class that has them."""
        known = -1
        while known != len(self._done):
            known = len(self._done)
            for name in list(self.called):
                for cls in list(self._classes):
                    if callable(static(cls, name)):
                        self.read_method(cls, name)
                        self.called[name] = None
        for name, line in self.called.items():
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
    if isinstance(subject, type):
        reading.main = subject
        reading.read_class(subject)
        for name in known.methods:
            if hasattr(subject, name) or name == known.methods[0]:
                reading.read_method(subject, name)
                _given_by_place(getattr(subject, name))
    else:
        reading.read_function(subject)
        _given_by_place(subject)
    reading.finish()
    for name in {*known.writes, *known.hides, *reading.extras, *reading.inner}:
        if static(subject, name) is not MISSING:
            raise Declined(f"its class has an attribute {name}")
    return reading


def _given_by_place(function):
    if not site.plain_parameters(function):
        raise Declined(f"{function.__name__} takes arguments that have no place")


def sets_in_constructor(cls):
    """The attributes that a class's own constructor sets."""
    code = getattr(vars(cls).get("__init__"), "__code__", None)
    return _attributes_set(code) if code else frozenset()


@lru_cache(maxsize=1024)
def _attributes_set(code):
    """The attributes that a code object sets."""
    instructions = (i for each in _codes(code) for i in dis.get_instructions(each))
    return frozenset(i.argval for i in instructions if i.opname == "STORE_ATTR")


def _codes(code):
    """A code object, and those inside it."""
    yield code
    for const in code.co_consts:
        if isinstance(const, types.CodeType):
            yield from _codes(const)


class _Function:
    """The reading of one function: a method of an object of cls if base has it.

    The method named after a kind of node reads nodes of that kind; of those in PLAIN, the parts
    are read; code with any other is declined.
    """

    def __init__(self, reading, function, cls=None, base=None):
        self.reading, self.known = reading, reading.known
        self.function, self.cls, self.base = function, cls, base
        self.main = cls is not None and cls is reading.main
        self.initial = function.__name__ == "__init__"
        self.free = reading.main is None or self.known.free  # loops over words: no layer's code
        self.depth, self.stored = 0, set()

    def read(self):
        function, code = self.function, site.code(self.function)
        if not (self.main and function.__name__ in self.known.methods):  # which are given all
            self.reading.functions.append((function, code, function.__defaults__))
        self.node = node = _definition(function)
        if node.decorator_list:
            self.no(node.decorator_list[0], "decorates")
        for name, cell in zip(code.co_freevars, function.__closure__ or (), strict=True):
            if name != "__class__" or cell.cell_contents is not self.base:
                raise Declined(f"line {node.lineno} is defined inside another function")
        for value in (function.__kwdefaults__, *(function.__defaults__ or ())):
            plain = value is None or isinstance(value, str) or _is_known(value)
            if not plain and not (self.initial and isinstance(value, (int, float, type))):
                self.no(node, f"has the default {value!r}:")
        self.arguments = [a.arg for a in (*node.args.posonlyargs, *node.args.args)]
        self.me = self.arguments[0] if self.cls and self.arguments else None
        self.locals = {a.arg for a in ast.walk(node.args) if isinstance(a, ast.arg)}
        self.locals |= _stored_names(node)
        loops = [part for part in ast.walk(node) if isinstance(part, (ast.For, ast.While))]
        self.looped = set().union(*map(_stored_names, loops))
        self.visit(*node.body)

    def visit(self, *nodes):
        for node in nodes:
            read = getattr(self, type(node).__name__, None)
            if read is not None:
                read(node)
            elif isinstance(node, PLAIN):
                self.visit(*ast.iter_child_nodes(node))
            else:
                self.no(node, "has")

    def no(self, node, verb):
        """Decline the code, and show the line."""
        text = ast.unparse(node).split("\n")[0]
        raise Declined(f"line {node.lineno} {verb} {text[:60]}")

    # ---- statements

    def Expr(self, node):
        if not isinstance(node.value, ast.Constant):
            if not isinstance(node.value, ast.Call):
                self.no(node, "has")
            self.visit(node.value)

    def Assign(self, node):
        self.visit(node.value)
        for target in node.targets:
            self.name_numbers(node, target, node.value)
            self.set(target, node.value)

    def AnnAssign(self, node):
        if node.value is not None:
            self.visit(node.value)
            self.name_numbers(node, node.target, node.value)
            self.set(node.target, node.value)

    def name_numbers(self, node, target, value):
        """Decline names for numbers of which products would be larger than what is probed."""
        if isinstance(target, (ast.Tuple, ast.List)):
            for part, number in zip(target.elts, getattr(value, "elts", ()), strict=False):
                self.name_numbers(node, part, number)
        elif isinstance(target, ast.Name) and _is_number(value) and not self.initial:
            if getattr(value, "value", None) not in ((0, 1) if self.free else (0,)):
                self.no(node, "names a number:")

    def AugAssign(self, node):
        self.operator(node.op, node)
        self.visit(node.value)
        if self.is_mine(node.target):
            carried = self.main and node.target.attr in (*self.known.writes, *self.known.state)
            if not (carried or self.initial or node.target.attr in self.stored):
                self.no(node, "keeps a state of its own:")
        elif isinstance(node.target, ast.Attribute):
            self.no(node, "sets")
        self.set(node.target, node.value)

    def Delete(self, node):
        for target in node.targets:
            if not (self.free and isinstance(target, ast.Subscript)):
                self.no(node, "has")
            self.visit(target.value)

    def If(self, node):
        truth = self.truth(node.test)
        if truth is None:
            self.condition(node.test)
        for part, chosen in ((node.body, True), (node.orelse, False)):
            if truth in (None, chosen):
                self.inside(part if isinstance(part, list) else [part])

    IfExp = If

    def For(self, node):
        self.visit(node.iter)
        self.set(node.target)
        self.inside(node.body + node.orelse)

    def While(self, node):
        if not self.free:
            self.no(node, "has")
        if not (isinstance(node.test, ast.Constant) and node.test.value is True):
            self.condition(node.test)
        self.inside(node.body + node.orelse)

    def inside(self, statements):
        self.depth += 1
        self.visit(*statements)
        self.depth -= 1

    # ---- what is written

    def set(self, node, value=None):
        if isinstance(node, (ast.Tuple, ast.List)):
            for part in node.elts:
                self.set(part)
        elif self.is_mine(node):
            self.store(node, value)
        elif isinstance(node, ast.Attribute):
            self.no(node, "sets")
        else:
            self.visit(node)

    def store(self, node, value):
        name, known = node.attr, self.known
        made = self.made(value) if self.initial else None
        if self.main:
            self.reading.sets.add(name)
        else:
            self.part(name, value, made)
        if name.startswith("__") and not self.initial:
            self.no(node, "sets")  # under another name
        if self.main and self.initial:
            if made is not None:
                self.reading.inner[name] = made
        elif self.main and self.function.__name__ in known.methods[1:]:
            if name not in (*known.backward_writes, *known.hides, *known.writes):
                self.no(node, "sets")
        elif self.main and name not in known.attributes:
            if self.depth:
                self.no(node, "sets, not always,")
            self.reading.extras.add(name)
        if not self.depth:
            self.stored.add(name)

    def part(self, name, value, made):
        """Note what a layer inside another has from its constructor on: a constant, a layer."""
        parts = self.reading.parts.setdefault(self.cls, {})
        parts.pop(name, None)
        if made is not None:
            parts[name] = made
        elif self.initial and isinstance(value, ast.Constant):
            parts[name] = value.value

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
            return value if isinstance(value, bool) else self.no(node, "asks for")
        return None

    def condition(self, node):
        if isinstance(node, ast.BoolOp):
            for part in node.values:
                self.condition(part)
        elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
            self.condition(node.operand)
        elif self.truth(node) is None:
            if isinstance(node, ast.Compare) and self.is_of_the_book(node):
                self.visit(node.left, *node.comparators)
            elif self.is_flag(node):
                self.visit(node)
            else:
                self.no(node, "asks for")

    BoolOp = condition

    def is_flag(self, node):
        if self.is_mine(node):
            return self.main and node.attr in self.known.reads
        if isinstance(node, ast.Name):
            return node.id in self.arguments or self.free
        return self.free and isinstance(node, ast.Call) and _name_of(node.func) == "all"

    def is_of_the_book(self, node):
        """Whether a condition compares what the book compares."""
        match node.left, node.ops, node.comparators:
            case left, _, [ast.Constant(None), *_]:
                if self.is_mine(left):  # whether there is a state yet
                    return self.main and left.attr in self.known.state
                return isinstance(left, ast.Name) and left.id in self.arguments
            case ast.Attribute(attr="ndim"), _, _:
                return True
            case ast.Call(ast.Name("len"), [ast.Attribute(attr="shape")]), _, _:
                return True
            case _, [_, _, *_], _:
                return False
            case ast.Attribute(attr="size"), [operator], [ast.Attribute(attr="size")]:
                return isinstance(operator, (ast.Eq, ast.NotEq))
        names = {part.id for part in ast.walk(node) if isinstance(part, ast.Name)}
        return self.free and (self.known.compares or not self.looped.isdisjoint(names))

    # ---- values

    def Constant(self, node):
        if isinstance(node.value, (int, float, complex)):
            if node.value not in NUMBERS and not self.initial:
                self.no(node, "has the number")

    def UnaryOp(self, node):
        (self.condition if isinstance(node.op, ast.Not) else self.visit)(node.operand)

    def BinOp(self, node):
        self.operator(node.op, node)
        sides = node.left, node.right
        if all(map(_is_number, sides)) and not self.initial:
            self.no(node, "has the number")
        for side in sides:
            tiny = isinstance(side, ast.Constant) and side.value in TINY
            if tiny and not isinstance(node.op, ast.Add):
                self.no(node, "has")
        self.visit(*sides)

    def operator(self, operator, node):
        whole = isinstance(operator, (ast.FloorDiv, ast.Mod)) and (self.free or _halves(node))
        if not (whole or isinstance(operator, OPERATORS)):
            self.no(node, "has")

    def Compare(self, node):
        """A mask: which labels count, which entries are kept."""
        sides = [node.left, *node.comparators]
        if len(sides) != 2 or not (self.free or any(map(self.is_mark, sides))):
            self.no(node, "compares")
        self.visit(*sides)

    def is_mark(self, node):
        if self.is_mine(node):
            return self.main and node.attr in self.known.reads
        step = isinstance(node, ast.Name) and node.id in self.looped
        return step or ast.unparse(node) == "-1"

    def comprehension(self, node):
        self.visit(node.iter)
        for test in node.ifs:
            self.condition(test)

    def Name(self, node):
        if node.id not in self.locals:
            if self.cls and node.id.startswith("__"):
                self.no(node, "reads")  # under another name
            value = self.resolve(node)
            if not (_is_known(value) or any(value is plain for plain in (None, int, float))):
                self.no(node, "reads")

    def Attribute(self, node):
        if isinstance(node.ctx, ast.Store):
            self.no(node, "sets")
        elif self.is_mine(node):
            self.load(node)
        elif self.is_own(node):
            if node.attr not in ATTRIBUTES:
                self.no(node, "reads")
            self.visit(node.value)
        elif not self.is_numpy(node):
            if not _is_known(self.resolve(node)):
                self.no(node, "reads")

    def load(self, node):
        """Read an attribute of self."""
        name, known, reading = node.attr, self.known, self.reading
        if name.startswith("__") and not name.endswith("__"):
            self.no(node, "reads")
        member = static(self.cls, name)
        if name in self.stored:
            return
        if member is not MISSING and not (self.main and name in known.reads):
            if not (isinstance(member, type) or _is_known(member)):
                self.no(node, "reads")
            self.lean_on_member(name, member)
        elif self.initial:
            self.no(node, "reads")
        elif self.main:
            allowed = {"params", "grads", *known.reads, *known.state, *reading.inner}
            if self.function.__name__ != known.methods[0]:
                allowed |= {*known.attributes, *reading.extras}
            if name not in allowed:
                self.no(node, "reads")
        elif name not in ATTRIBUTES and not any(
            name in sets_in_constructor(base) for base in self.cls.__mro__[:-1]
        ):  # what a layer inside another keeps is the user's own
            self.no(node, "reads")
        elif self.function.__name__ != "backward":
            if name in _attributes_set(site.code(self.function)):
                self.no(node, "keeps a state of its own:")  # it is read before it is set

    def lean_on_member(self, name, member):
        self.reading.lean_on_class(self.cls, name)
        if self.main:
            self.reading.members[name] = member

    # ---- calls

    def Call(self, node):
        function = node.func
        if any(keyword.arg is None for keyword in node.keywords):
            self.no(node, "calls")
        self.visit(*node.keywords, *node.args)
        if isinstance(function, ast.Attribute) and self.is_super(function.value):
            self.reading.read_method(self.cls, function.attr, after=self.base)
        elif self.is_mine(function):
            self.call_mine(node, function.attr)
        elif isinstance(function, ast.Attribute) and self.is_own(function):
            self.visit(function.value)
            self.reading.called.setdefault(function.attr, node.lineno)
        elif self.is_numpy(function):
            if any(keyword.arg not in KEYWORDS for keyword in node.keywords):
                self.no(node, "calls")
        elif isinstance(function, (ast.Name, ast.Attribute)) and not self.is_own(function):
            self.call(node, self.resolve(function))
        else:
            self.no(node, "calls")

    def call_mine(self, node, name):
        member = static(self.cls, name)
        if not isinstance(member, (type, types.FunctionType)):
            self.no(node, "calls")
        self.lean_on_member(name, member)
        if isinstance(member, type):
            self.reading.read_class(member)
        else:
            self.reading.read_method(self.cls, name)

    def call(self, node, value):
        name = _name_of(node.func)
        if isinstance(value, type) and value.__module__ not in ("builtins", "collections"):
            self.reading.read_class(value)
        elif type(value) is types.FunctionType and value.__module__.split(".")[0] != "numpy":
            self.reading.read_function(value)
        elif value is not collections.Counter:
            free = self.free or self.initial or name not in ("int", "max", "min")
            if getattr(builtins, name, None) is not value or name not in BUILTINS or not free:
                self.no(node, "calls")

    # ---- names

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

    def is_numpy(self, node):
        """Whether a node is one of NumPy's functions that we know, and still NumPy's own."""
        root, *path = ast.unparse(node).split(".") if isinstance(node, ast.Attribute) else [""]
        if not root.isidentifier() or root in self.locals:
            return False
        value = self.resolve(ast.copy_location(ast.Name(root, ast.Load()), node))
        if value is not np:
            return False
        name = ".".join(path)
        allowed = name in NUMPY or (self.initial and name == "random.randn")
        if not (allowed or (self.free and name in ("all", "maximum", "where"))):
            self.no(node, f"reads {name} of")
        for part in path[: 1 if path[0] != "random" else 2]:
            space, value = value, getattr(value, part, MISSING)
            if value is not ORIGINAL.get((space.__name__, part), value):
                self.no(node, f"finds another {part} in")
            self.reading.lean(vars(space), part, value)
        return True

    def resolve(self, node):
        """What a name of the module, or of a module in it, means now; it must go on to."""
        if isinstance(node, ast.Attribute):
            module = self.resolve(node.value)
            plain = type(module) is types.ModuleType  # another may compute what its names mean
            value = vars(module).get(node.attr, MISSING) if plain else MISSING
            if value is MISSING:
                self.no(node, "reads")
            self.reading.lean(vars(module), node.attr, value)
            return value
        if not isinstance(node, ast.Name) or node.id in self.locals:
            self.no(node, "reads")
        value = MISSING
        for space in (self.function.__globals__, vars(builtins)):
            if value is MISSING:
                value = space.get(node.id, MISSING)
                self.reading.lean(space, node.id, value)
        if value is MISSING:
            raise NameError(f"name {node.id!r} is not defined")
        return value


def static(cls, name):
    """What a class has under a name, but for what we have put there."""
    found = inspect.getattr_static(cls, name, MISSING)
    return MISSING if isinstance(found, hidden.Attribute) else found


def _is_known(value):
    """Whether a name may mean a value: a truth, or a number whose powers are no larger."""
    small = type(value) in (int, float) and value in NUMBERS and abs(value) <= 1
    return small or type(value) is bool


def _is_number(node):
    if isinstance(node, ast.UnaryOp):
        node = node.operand
    return isinstance(node, ast.Constant) and type(node.value) in (int, float)


def _name_of(node):
    return node.id if isinstance(node, ast.Name) else getattr(node, "attr", "")


def _halves(node):
    """Whether a node is ``x.shape[k] // 2``."""
    match node:
        case ast.BinOp(ast.Subscript(ast.Attribute(attr="shape")), _, ast.Constant(2)):
            return True
    return False


@lru_cache(maxsize=1024)  # a base's method is read with each class that has it
def _stored_names(node):
    """The names that a definition, or a loop, stores."""
    names = [part for part in ast.walk(node) if isinstance(part, ast.Name)]
    return {name.id for name in names if isinstance(name.ctx, ast.Store)}


def _definition(function):
    """The syntax tree of a function's definition, if that is the code which runs."""
    code = site.code(function)
    linecache.checkcache(code.co_filename)
    source = "".join(linecache.getlines(code.co_filename))
    nodes, codes = _parsed(source, code.co_filename)
    node = nodes.get((code.co_firstlineno, code.co_name))
    if node is None or code not in codes:
        raise Declined(f"there is no source of {function.__qualname__} to read")
    return node


@lru_cache(maxsize=64)
def _parsed(source, filename):
    """(First line, name) -> definition, and all code objects, of a file."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Python has told what it has to say of the source
            tree = compile(source, filename, "exec", ast.PyCF_ONLY_AST, dont_inherit=True)
            codes = set(_codes(compile(tree, filename, "exec", dont_inherit=True)))
    except (SyntaxError, ValueError):
        return {}, set()
    nodes = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
    first = [min(part.lineno for part in (node, *node.decorator_list)) for node in nodes]
    return {(line, node.name): node for line, node in zip(first, nodes, strict=True)}, codes


# as they were when this module was imported: what a script puts there afterwards is its own
ORIGINAL = {
    (space.__name__, name): value
    for space in (np, np.random)
    for name, value in vars(space).items()
}
