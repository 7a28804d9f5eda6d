"""Public functions with three or more parameters say what each is, what returns, what raises.

Names and packages that start with an underscore are private. A method counts without its `self`
or `cls`; a class that has its own `__init__` documents the parameters of it in its docstring.
Commands of Typer in `tcellabm/cli` are exempt: their docstring is the text of `--help`, which
describes each option by itself.
"""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
SOURCES = sorted((ROOT / "tcellabm").glob("**/*.py"))
MOST_UNDOCUMENTED = 2  # parameters: from three on they need a section
SECTION = re.compile(r"^(\w[\w ]*)\n-{3,}$", re.MULTILINE)
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
SCOPES = (*FUNCTIONS, ast.ClassDef, ast.Lambda)


def public(name):
    return not name.startswith("_")


def public_functions(body, owner=None):
    """Yield (function, the class it is a method of or None) of a module or class, not nested."""
    for node in body:
        if isinstance(node, ast.ClassDef) and public(node.name):
            yield from public_functions(node.body, node)
        elif isinstance(node, FUNCTIONS):
            starts = owner is not None and node.name == "__init__"
            if public(node.name) or starts:
                yield node, owner


def commands_of(program):
    """Return the functions that a module makes commands: `@app.command()`, `app.command()(run)`."""
    named = set()
    for node in ast.walk(program):
        if isinstance(node, ast.FunctionDef) and any(map(registers, node.decorator_list)):
            named.add(node.name)
        elif isinstance(node, ast.Call) and registers(node.func):
            named |= {argument.id for argument in node.args}
    return named


def registers(node):
    called = node.func if isinstance(node, ast.Call) else None
    return isinstance(called, ast.Attribute) and called.attr == "command"


CLI = ROOT / "tcellabm" / "cli"
COMMANDS = commands_of(ast.parse((CLI / "__init__.py").read_text(encoding="utf-8")))


def parameters_of(function, owner):
    named = function.args
    names = [arg.arg for arg in [*named.posonlyargs, *named.args, *named.kwonlyargs]]
    rest = [arg.arg for arg in (named.vararg, named.kwarg) if arg]
    decorators = {ast.unparse(decorator) for decorator in function.decorator_list}
    return names[bool(owner) and "staticmethod" not in decorators :] + rest


def own_nodes(function):
    """Yield the nodes of a function's body, none of a function or class within it."""
    queue = list(function.body)
    while queue:
        node = queue.pop()
        yield node
        if not isinstance(node, SCOPES):
            queue.extend(ast.iter_child_nodes(node))


def sections_of(docstring):
    """Return the text of each section of a numpydoc docstring by its title."""
    _, *parts = SECTION.split(docstring)
    return dict(zip(parts[::2], parts[1::2], strict=True))


def documented(section):
    """Return the parameters that a section names: `a, b : float` or `*rest`."""
    heads = [line for line in section.splitlines() if line and not line[0].isspace()]
    names = (name.strip().lstrip("*") for head in heads for name in head.split(" : ")[0].split(","))
    return set(names)


def returns(function):
    """Whether it returns or yields something other than None; without annotation, by its body."""
    if function.returns is not None:
        return ast.unparse(function.returns) not in ("None", "NoReturn", "Never")
    kinds = (ast.Return, ast.Yield, ast.YieldFrom)
    return any(isinstance(node, kinds) and node.value for node in own_nodes(function))


def raises_input_error(function):
    raised = [n.exc for n in own_nodes(function) if isinstance(n, ast.Raise) and n.exc]
    causes = [exc.func if isinstance(exc, ast.Call) else exc for exc in raised]
    return any(ast.unparse(cause).split(".")[-1] == "InputError" for cause in causes)


def missing(function, owner):
    """Return what the docstring of a public function lacks."""
    parameters = parameters_of(function, owner)
    if len(parameters) <= MOST_UNDOCUMENTED:
        return []
    starts = function.name == "__init__"
    sections = sections_of(ast.get_docstring(owner if starts else function) or "")
    named = documented(sections.get("Parameters", ""))
    lacking = [name for name in parameters if name not in named]
    if not starts and returns(function) and not {"Returns", "Yields"} & set(sections):
        lacking.append("Returns")
    if raises_input_error(function) and "Raises" not in sections:
        lacking.append("Raises")
    return lacking


def lacking_in(source, exempt=()):
    """Return a line for each public function of a module whose docstring lacks something."""
    functions = ((f, owner) for f, owner in public_functions(source.body) if f.name not in exempt)
    found = [(f, owner, missing(f, owner)) for f, owner in functions]
    return [
        f"{f.lineno}: {f'{owner.name}.' if owner else ''}{f.name}: {', '.join(lacking)}"
        for f, owner, lacking in found
        if lacking
    ]


def is_public(path):
    parts = path.relative_to(ROOT).with_suffix("").parts
    return all(public(part) or part == "__init__" for part in parts)


@pytest.mark.parametrize(
    "path", [*filter(is_public, SOURCES)], ids=lambda path: str(path.relative_to(ROOT))
)
def test_public_functions_document_what_they_take_return_and_raise(path):
    exempt = COMMANDS if path.parent == CLI else ()
    assert lacking_in(ast.parse(path.read_text(encoding="utf-8")), exempt) == []


BARE = """
def few(a, b): return a
def many(a, b, *, c): return a
def _private(a, b, c): return a
class Table:
    def __init__(self, a, b, c): pass
    def add(self, a, b): raise InputError("no")
    def put(self, a, b, c) -> None: raise InputError("no")
"""
FULL = '''
def many(a, b, *rest):
    """Return something.

    Parameters
    ----------
    a, b : float
        mg/L: a unit.
    *rest : str
        Others.

    Yields
    ------
    float
        A share.

    Raises
    ------
    InputError
        None.
    """
    yield a
    raise InputError("no")
'''


def test_the_check_finds_what_it_looks_for():
    assert lacking_in(ast.parse(BARE)) == [
        "3: many: a, b, c, Returns",
        "6: Table.__init__: a, b, c",
        "8: Table.put: a, b, c, Raises",
    ]
    assert lacking_in(ast.parse(BARE), exempt=("many", "__init__", "put")) == []
    assert lacking_in(ast.parse(FULL)) == []
    unnamed = FULL.replace("*rest :", "others :").replace("Raises", "Warns")
    assert lacking_in(ast.parse(unnamed)) == ["2: many: rest, Raises"]


def test_the_commands_are_those_of_the_program():
    assert {"run", "sweep", "trial", "design"} <= COMMANDS
    assert "figures_of" not in COMMANDS
