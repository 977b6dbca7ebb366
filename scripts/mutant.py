"""Every small defect that could be written into a module: one comparison, constant, condition or statement changed.

Left out, because no test should see them: texts for people (anything with a blank in it, remedies, places named in
messages), docstrings, annotations, decorators, and what only concerns how a value prints or compares.
"""

import ast
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

_COMPARISONS: dict[type[ast.cmpop], tuple[type[ast.cmpop], ...]] = {
    ast.Eq: (ast.NotEq,),
    ast.NotEq: (ast.Eq,),
    ast.Lt: (ast.LtE, ast.GtE),
    ast.LtE: (ast.Lt, ast.Gt),
    ast.Gt: (ast.GtE, ast.LtE),
    ast.GtE: (ast.Gt, ast.Lt),
    ast.Is: (ast.IsNot,),
    ast.IsNot: (ast.Is,),
    ast.In: (ast.NotIn,),
    ast.NotIn: (ast.In,),
}
_OPERATORS: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Add,
    ast.FloorDiv: ast.Mult,
    ast.Mod: ast.FloorDiv,
    ast.LShift: ast.RShift,
    ast.RShift: ast.LShift,
    ast.BitAnd: ast.BitOr,
    ast.BitOr: ast.BitAnd,
}
_FUNCTIONS = {"all": "any", "any": "all", "min": "max", "max": "min"}
_FOR_PEOPLE = {"remedy", "what", "where", "place", "why", "repr", "hash", "compare"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Mutant:
    """A module with one defect: `name` says which, `lines` where, `octets` is the whole text with the defect in it.

    `name` is stable while the function and the text of the defect are.
    """

    name: str
    lines: frozenset[int]
    at_import: bool
    octets: bytes = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Place:
    """Where a node stands: in which class and function, whether it runs at import, its statement's first line.

    `is_operand` tells that what encloses the node is changed as if the node were always true, or always false.
    """

    owner: str = ""
    at_import: bool = True
    statement: int = 1
    is_operand: bool = False


def find_mutants(octets: bytes) -> list[Mutant]:
    """Every mutant of a module's text; each compiles, no two are the same text."""
    starts = _line_starts(octets)
    seen, names, found = {octets}, set[str](), list[Mutant]()
    for node, place, text in _changes(ast.parse(octets)):
        span = slice(starts[node.lineno] + node.col_offset, starts[_last(node)] + (node.end_col_offset or 0))
        written = text if isinstance(node, ast.stmt) else f"({text})"
        changed = octets[: span.start] + written.encode() + octets[span.stop :]
        if changed in seen or not _compiles(changed):
            continue
        seen.add(changed)
        before = " ".join(octets[span].decode().split())
        lines = frozenset({place.statement, *range(node.lineno, _last(node) + 1)})
        name = _unique(f"{place.owner or 'module'}: {before} -> {text}", names)
        found.append(Mutant(name=name, lines=lines, at_import=place.at_import, octets=changed))
    return sorted(found, key=lambda mutant: min(mutant.lines))


def _unique(name: str, names: set[str]) -> str:
    number = 1
    unique = name
    while unique in names:
        number += 1
        unique = f"{name} #{number}"
    names.add(unique)
    return unique


def _line_starts(octets: bytes) -> list[int]:
    """Where each line starts; lines are counted from one."""
    starts = [0, 0]
    for line in octets.splitlines(keepends=True):
        starts.append(starts[-1] + len(line))
    return starts


def _last(node: ast.expr | ast.stmt) -> int:
    return node.end_lineno or node.lineno


def _compiles(octets: bytes) -> bool:
    try:
        compile(octets, "mutant", "exec")
    except SyntaxError:
        return False
    return True


def _changes(tree: ast.AST) -> Iterator[tuple[ast.expr | ast.stmt, _Place, str]]:
    """Every place that can be changed, and what can stand there instead."""
    pending: list[tuple[ast.AST, _Place]] = [(tree, _Place())]
    while pending:
        node, place = pending.pop(0)
        if isinstance(node, ast.stmt):
            place = replace(place, statement=node.lineno)
            yield from ((node, place, text) for text in _statements(node))
        if isinstance(node, ast.expr):
            yield from ((node, place, text) for text in _expressions(node))
            if isinstance(node, ast.Compare) and not place.is_operand:
                yield from ((node, place, text) for text in ("True", "False"))
        if isinstance(node, ast.If | ast.While | ast.IfExp):
            yield from ((node.test, place, text) for text in ("True", "False"))
        if isinstance(node, ast.match_case) and node.guard is not None:
            guard = node.guard
            yield from ((guard, place, text) for text in ("True", "False"))
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            owner = f"{place.owner}.{node.name}".lstrip(".")
            place = replace(place, owner=owner, at_import=isinstance(node, ast.ClassDef))
        place = replace(place, is_operand=isinstance(node, ast.BoolOp | ast.If | ast.While | ast.IfExp))
        pending.extend((child, place) for child in _children(node))


def _children(node: ast.AST) -> Iterator[ast.AST]:
    """What is looked at below a node."""
    match node:
        case ast.JoinedStr() | ast.Raise(exc=None):
            return
        case ast.FunctionDef() | ast.ClassDef():
            yield from (statement for statement in node.body if not _is_docstring(statement))
            if isinstance(node, ast.FunctionDef):
                yield from (default for default in node.args.kw_defaults if default is not None)
        case ast.AnnAssign():
            yield from (node.value,) if node.value is not None else ()
        case ast.Call() if isinstance(node.func, ast.Name) and node.func.id in {"TypeVar", "cast"}:
            return
        case ast.Call():
            yield from (node.func, *node.args)
            yield from (keyword.value for keyword in node.keywords if keyword.arg not in _FOR_PEOPLE)
        case ast.Import() | ast.ImportFrom():
            return
        case _:
            yield from (child for child in ast.iter_child_nodes(node) if not _is_docstring(child))


def _is_docstring(node: ast.AST) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def _statements(node: ast.stmt) -> Iterator[str]:
    match node:
        case ast.Raise() | ast.Continue() | ast.Break() | ast.Delete() | ast.AugAssign():
            yield "pass"
        case ast.Expr(value=ast.Call(func=func)) if ast.unparse(func) != "assert_never":
            yield "pass"
        case ast.Return(value=ast.expr() as value) if not isinstance(value, ast.Constant):
            yield "return None"


def _expressions(node: ast.expr) -> Iterator[str]:
    yield from _decisions(node)
    yield from _values(node)


def _decisions(node: ast.expr) -> Iterator[str]:
    match node:
        case ast.Compare():
            yield from _comparisons(node)
        case ast.BoolOp():
            yield from _connections(node)
        case ast.UnaryOp(op=ast.Not()):
            yield ast.unparse(node.operand)
        case ast.IfExp():
            yield from (ast.unparse(node.body), ast.unparse(node.orelse))
        case ast.ListComp() | ast.SetComp() | ast.GeneratorExp() | ast.DictComp():
            yield from _unfiltered(node)


def _values(node: ast.expr) -> Iterator[str]:
    match node:
        case ast.BinOp() if type(node.op) in _OPERATORS:
            yield ast.unparse(ast.BinOp(left=node.left, op=_OPERATORS[type(node.op)](), right=node.right))
        case ast.Constant():
            yield from _constants(node.value)
        case ast.JoinedStr() if not _is_for_people(node):
            yield f'"X" + {ast.unparse(node)}'
        case ast.Call(func=ast.Name(id=name)) if name in _FUNCTIONS:
            yield ast.unparse(ast.Call(func=ast.Name(id=_FUNCTIONS[name]), args=node.args, keywords=node.keywords))
        case ast.Call(func=ast.Name(id="set" | "sorted"), args=[only]):
            yield ast.unparse(only)
        case ast.Subscript(slice=ast.Slice()):
            yield ast.unparse(node.value)


def _comparisons(node: ast.Compare) -> Iterator[str]:
    for place, operator in enumerate(node.ops):
        for other in _COMPARISONS[type(operator)]:
            changed = [*node.ops[:place], other(), *node.ops[place + 1 :]]
            yield ast.unparse(ast.Compare(left=node.left, ops=changed, comparators=node.comparators))


def _connections(node: ast.BoolOp) -> Iterator[str]:
    other = ast.Or() if isinstance(node.op, ast.And) else ast.And()
    yield ast.unparse(ast.BoolOp(op=other, values=node.values))
    for place in range(len(node.values)):
        rest = [*node.values[:place], *node.values[place + 1 :]]
        yield ast.unparse(rest[0] if len(rest) == 1 else ast.BoolOp(op=node.op, values=rest))


def _constants(value: object) -> Iterator[str]:
    match value:
        case bool():
            yield str(not value)
        case int():
            yield from (str(value + 1), str(value - 1))
        case str() if " " not in value:
            yield repr(value + "X")
        case bytes():
            yield repr(value + b"X")


def _is_for_people(node: ast.JoinedStr) -> bool:
    # What ends in a place (`x.what`) names it in a message.
    texts = [str(part.value) for part in node.values if isinstance(part, ast.Constant)]
    values = [part.value for part in node.values if isinstance(part, ast.FormattedValue)]
    return any(" " in text for text in texts) or any(isinstance(v, ast.Attribute) and v.attr == "what" for v in values)


def _unfiltered(node: ast.ListComp | ast.SetComp | ast.GeneratorExp | ast.DictComp) -> Iterator[str]:
    text = ast.unparse(node)
    for generator in node.generators:
        for condition in generator.ifs:
            yield text.replace(f" if {ast.unparse(condition)}", "", 1)
