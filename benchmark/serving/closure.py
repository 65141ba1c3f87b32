"""Which modules of a package one of them needs: found by following its relative imports."""

import ast
import hashlib
import shutil
from collections.abc import Iterator
from pathlib import Path


def needed_modules(package: Path, entry: str) -> tuple[str, ...]:
    """Return the files that a module needs within its package, itself among them.

    Args:
        package: the package's folder.
        entry: the module's path relative to it, such as `serving/model.py`.

    Returns:
        Relative paths, sorted. The `__init__.py` of folders are not among them: a front door
        leads to everything.

    Raises:
        FileNotFoundError: an import does not name a module's file.
    """
    found: set[str] = set()
    open_ = [entry]
    while open_:
        module = open_.pop()
        if module in found:
            continue
        found.add(module)
        open_.extend(_imports(package, module))
    return tuple(sorted(found))


def code_digest(package: Path, modules: tuple[str, ...]) -> str:
    """Return a digest over the contents of modules, 64 hexadecimal digits."""
    whole = hashlib.sha256()
    for module in modules:
        content = (package / module).read_bytes()
        whole.update(f"{module}\n{len(content)}\n".encode() + content)
    return whole.hexdigest()


def copy_modules(package: Path, modules: tuple[str, ...], into: Path) -> None:
    """Copy modules into a package of another name, with empty front doors."""
    for module in modules:
        target = into / module
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(package / module, target)
    for folder in [into, *(path for path in into.rglob("*") if path.is_dir())]:
        (folder / "__init__.py").touch()


def _imports(package: Path, module: str) -> Iterator[str]:
    """Return the files that a module imports from by relative imports."""
    folder = Path(module).parent
    for node in ast.walk(ast.parse((package / module).read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.level:
            base = folder
            for _ in range(node.level - 1):
                base = base.parent
            target = base.joinpath(*(node.module or "").split("."))
            names = (
                [target] if _is_module(package, target) else [target / a.name for a in node.names]
            )
            for name in names:
                if not _is_module(package, name):
                    raise FileNotFoundError(
                        f"{module}: line {node.lineno} must import from a module's own file, "
                        f"not from the front door {target.as_posix()!r}."
                    )
                yield f"{name.as_posix()}.py"


def _is_module(package: Path, name: Path) -> bool:
    return (package / f"{name.as_posix()}.py").is_file()
