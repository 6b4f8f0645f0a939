"""The house's arrows: which package may import which. Every import counts, at the top of a module or in a function; those for
type checkers alone do not."""

import ast
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FOLDERS = {"emotion_camera": ROOT / "tools", "bench": ROOT / "tools", "emotion_training": ROOT / "training"}
GUESTS = (
    "simulator/guest/",
    "verify/guest/",
    "commands/deploy/boot.py",
    "collect/guest/",
)  # run by MicroPython on the camera
HEAVY = {"tensorflow", "keras", "torch", "ray", "jax"}
CAMERA_COMMANDS = "emotion_camera.commands"
FOR_TRAINING = ("model", "faces", "files", "errors", "boards", "progress")


def modules() -> dict[str, Path]:
    """All modules of ours that run on a computer, by their dotted names."""
    found = {}
    for package, folder in FOLDERS.items():
        for path in sorted((folder / package).rglob("*.py")):
            if any(guest in path.as_posix() for guest in GUESTS):
                continue
            name = ".".join(path.relative_to(folder).with_suffix("").parts)
            found[name.removesuffix(".__init__")] = path
    return found


def imports(name: str, path: Path, known: set[str]) -> set[str]:
    """The modules that a module imports: ours by the module that is meant, others by their first word."""
    found = set()
    tree = ast.parse(path.read_text("utf-8"))
    skipped = {
        inner
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)
        for child in node.body
        for inner in ast.walk(child)
    }
    package = package_of(name, path)
    for node in ast.walk(tree):
        if node in skipped:
            continue
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                base = ".".join(
                    [*package.split(".")[: len(package.split(".")) - node.level + 1], *filter(None, [base])]
                )
            inner = {f"{base}.{alias.name}" for alias in node.names}
            found |= {it if it in known else base for it in inner}
    return {it if it in known else it.partition(".")[0] for it in found}


def package_of(name: str, path: Path) -> str:
    return name if path.name == "__init__.py" else name.rpartition(".")[0]


@pytest.fixture(scope="module")
def graph() -> dict[str, set[str]]:
    """What each module imports."""
    paths = modules()
    return {name: imports(name, path, set(paths)) for name, path in paths.items()}


def arrows(graph: dict[str, set[str]]) -> list[tuple[str, str]]:
    return [(source, target) for source, targets in sorted(graph.items()) for target in sorted(targets)]


def inside(name: str, package: str) -> bool:
    return name == package or name.startswith(package + ".")


def test_all_packages_are_looked_at(graph):
    assert {"emotion_camera.__main__", "emotion_camera.commands.deploy.command", "emotion_training.steps"} <= set(graph)
    assert len(graph) > 100


def test_the_camera_program_imports_nothing_of_ours():
    for path in (ROOT / "device").rglob("*.py"):
        own = {"emotion_camera"} if path.parent.name == "compact" else set()  # the compiled main.py has this name there
        found = imports(path.stem, path, set())
        assert not found & (set(FOLDERS) - own), path


def test_nothing_imports_a_command(graph):
    """Not even another command: what two of them need has a place of its own. The benchmarks may, to measure them."""
    wrong = []
    for source, target in arrows(graph):
        own = source.split(".")[:3]
        if inside(target, CAMERA_COMMANDS) and target.split(".")[:3] != own and not inside(source, "bench"):
            wrong.append(f"{source} -> {target}")
    assert wrong == []


def test_a_camera_knows_no_simulator_but_the_simulated_one_and_reports_know_no_camera(graph):
    lower = ("errors", "files", "boards", "jpeg", "terminal", "model", "reports")
    wrong = [
        f"{source} -> {target}"
        for source, target in arrows(graph)
        if inside(source, "emotion_camera")
        and source.split(".")[1:2] != target.split(".")[1:2]
        and source.partition(".")[2].partition(".")[0] in lower
        and target.startswith("emotion_camera.")
        and target.split(".")[1] not in lower
    ]
    assert wrong == []


def test_training_imports_only_what_it_shares_with_the_tools(graph):
    allowed = {"emotion_camera", *(f"emotion_camera.{it}" for it in FOR_TRAINING)}
    wrong = [
        f"{source} -> {target}"
        for source, target in arrows(graph)
        if inside(source, "emotion_training")
        and (
            inside(target, "bench")
            or (inside(target, "emotion_camera") and ".".join(target.split(".")[:2]) not in allowed)
        )
    ]
    assert wrong == []


def test_the_tools_import_neither_training_nor_benchmarks(graph):
    wrong = [
        f"{source} -> {target}"
        for source, target in arrows(graph)
        if inside(source, "emotion_camera") and (inside(target, "emotion_training") or inside(target, "bench"))
    ]
    assert wrong == []


def test_only_training_imports_the_large_libraries(graph):
    wrong = [
        f"{source} -> {target}"
        for source, target in arrows(graph)
        if target in HEAVY and not inside(source, "emotion_training")
    ]
    assert wrong == []


def circles(graph: dict[str, set[str]]) -> list[list[str]]:
    """Groups of nodes that import each other, by Tarjan's algorithm."""
    index: dict[str, int] = {}
    low: dict[str, int] = {}
    stack: list[str] = []
    found: list[list[str]] = []

    def visit(node: str) -> None:
        index[node] = low[node] = len(index)
        stack.append(node)
        for target in graph[node]:
            if target not in index:
                visit(target)
                low[node] = min(low[node], low[target])
            elif target in stack:
                low[node] = min(low[node], index[target])
        if low[node] == index[node]:
            group = stack[stack.index(node) :]
            del stack[stack.index(node) :]
            if len(group) > 1:
                found.append(sorted(group))

    sys.setrecursionlimit(10_000)
    for node in graph:
        if node not in index:
            visit(node)
    return found


def test_no_modules_import_each_other_in_a_circle(graph):
    """A package's own __init__ counts as a module: who imports it gets what it imports."""
    own = {name: {it for it in targets if it in graph and it != name} for name, targets in graph.items()}
    assert circles(own) == []


def test_no_packages_import_each_other_in_a_circle(graph):
    """A package and one within it may: that is a circle of modules or none."""
    paths = modules()
    packages: dict[str, set[str]] = {}
    for source, target in arrows(graph):
        here = package_of(source, paths[source])
        packages.setdefault(here, set())
        if target in graph:
            there = package_of(target, paths[target])
            packages.setdefault(there, set())
            if not inside(there, here) and not inside(here, there):
                packages[here].add(there)
    assert circles(packages) == []


def test_no_parts_of_a_package_import_each_other_in_a_circle(graph):
    """As above, for all that is in `emotion_camera.camera`, `emotion_training.fit` and so on, taken together."""
    parts: dict[str, set[str]] = {}
    for source, target in arrows(graph):
        here, there = (".".join(it.split(".")[:2]) for it in (source, target))
        parts.setdefault(here, set())
        if target in graph and not inside(there, here) and not inside(here, there):
            parts[here].add(there)
            parts.setdefault(there, set())
    assert circles(parts) == []


def test_circles_are_found():
    assert circles({"a": {"b"}, "b": {"c"}, "c": {"a"}, "d": {"a"}}) == [["a", "b", "c"]]
    assert circles({"a": {"b"}, "b": set()}) == []
