"""Whether the code on disk is still the code that a warm process has imported, and whether it is that of other hosts."""

import hashlib
import importlib.util
import sysconfig
from collections.abc import Iterable
from pathlib import Path

from sheets_pipeline.errors import SettingsError
from sheets_pipeline.home import project_folder


def code_fingerprint(modules: Iterable[str]) -> str:
    """Changes when a source file of the modules' packages, a file that declares tabs, or ``.env`` appears, changes or goes.

    It takes a few milliseconds.

    ``.env`` counts because settings decide which assets the definitions hold. Of installed packages only the folder that
    holds them all counts, which changes when one is added, upgraded or removed.
    """
    digest = hashlib.sha256()
    for path in sorted(_files(modules)):
        try:
            facts = path.stat()
        except FileNotFoundError:
            continue
        digest.update(f"{path}\0{facts.st_mtime_ns}\0{facts.st_size}\n".encode())
    return digest.hexdigest()


def _files(modules: Iterable[str]) -> set[Path]:
    files = {Path(".env").absolute(), *(Path(sysconfig.get_path(name)) for name in ("purelib", "platlib"))}
    installed = tuple(sysconfig.get_path(name) for name in ("purelib", "platlib", "stdlib"))
    for package in {module.partition(".")[0] for module in modules}:
        spec = importlib.util.find_spec(package)
        if spec is None or spec.origin is None or spec.origin.startswith(installed):
            continue
        if spec.submodule_search_locations is None:
            files.add(Path(spec.origin))
        for folder in spec.submodule_search_locations or ():
            files.update(Path(folder).rglob("*.py"))
    try:
        project = project_folder()
    except SettingsError:  # the run itself tells
        return files
    return files if project is None else files | {path for path in (project / "tabs").rglob("*") if path.is_file()}


def code_version() -> str:
    """12 hex digits that are the same on every host with the same package and the same declarations, wherever they lie.

    Unlike ``code_fingerprint``, which compares a host with itself, it reads all files: some 50 ms.
    """
    digest = hashlib.sha256()
    package = Path(__file__).parents[1]
    for root, pattern in ((package, "*.py"), *((folder, "*") for folder in _declarations())):
        for path in sorted(root.rglob(pattern)):
            within = path.relative_to(root)
            # a mounted ConfigMap of Kubernetes keeps its files in a hidden folder, which every host calls otherwise
            if path.is_file() and not any(part == "__pycache__" or part.startswith(".") for part in within.parts):
                content = hashlib.sha256(path.read_bytes()).hexdigest()
                digest.update(f"{root.name}/{within.as_posix()}\0{content}\n".encode())
    return digest.hexdigest()[:12]


def _declarations() -> list[Path]:
    try:
        project = project_folder()
    except SettingsError:  # the run itself tells
        return []
    return [] if project is None else [project / "tabs", project / "sources"]
