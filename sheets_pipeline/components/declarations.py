"""The modules that declare tabs, imported one by one: what is wrong with one is said of it, and the others load."""

import hashlib
import importlib
import pkgutil
import re
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import dagster as dg

from sheets_pipeline.components.declared import DeclaredTab, told
from sheets_pipeline.components.project import source_digests, tab_digests
from sheets_pipeline.components.tab_declaration import LONGEST_TITLE, wrong_title
from sheets_pipeline.components.yaml_nodes import Fault
from sheets_pipeline.home import project_folder, sources_folder
from sheets_pipeline.settings import OwnSetting
from sheets_pipeline.sync.spreadsheet import Each
from sheets_pipeline.sync.tab import Tab

#: The folder of declarations.
PACKAGE = "sheets_pipeline.defs.tabs"

_LONGEST_MESSAGE = 400

#: What every problem ends with.
REMEDY = " Correct the file, then reload the code location."

#: Ctrl-C and the end of a run: they are nobody's fault.
INTERRUPTS = (KeyboardInterrupt, dg.DagsterExecutionInterruptedError)


@dataclass(frozen=True, slots=True)
class Problem:
    """Why a declaration cannot be used, and where: ``text`` names file, line, what was found and what to do."""

    text: str
    path: str
    line: int


@dataclass(frozen=True, slots=True)
class TabModule:
    """One module of the folder; ``problem`` says why it could not be imported."""

    name: str
    path: str
    problem: Problem | None = None

    @property
    def file_name(self) -> str:
        """As people know it."""
        return Path(self.path).name

    @property
    def title_in_text(self) -> str | None:
        """The title that a module declares which cannot be imported, where its text names exactly one."""
        try:
            text = Path(self.path).read_text(errors="replace")
        except OSError:
            return None
        titles = {match[2] for match in re.finditer(r"""\btitle\s*=\s*(["'])([^"'\\\n]+)\1""", text)}
        return titles.pop() if len(titles) == 1 else None


def modules() -> Iterator[TabModule]:
    """Import what stands in the project's folder, else in the learning platform's, in the order of names."""
    package = importlib.import_module(PACKAGE)
    importlib.invalidate_caches()
    own, project = package.__path__, project_folder()
    if project is not None:
        package.__path__ = [str(project / "tabs")]
    try:
        for module in sorted(pkgutil.iter_modules(package.__path__), key=lambda module: module.name):
            yield _imported(module)
    finally:
        package.__path__ = own


def files() -> dict[str, str]:
    """What declares tabs and sources, as it is on disk now: name of each file → digest of its text."""
    project, sources = project_folder(), sources_folder()
    of_sources = {} if sources is None else source_digests(sources)
    return (_files_of_demo() if project is None else tab_digests(project)) | of_sources


def _files_of_demo() -> dict[str, str]:
    package = importlib.import_module(PACKAGE)
    digests: dict[str, str] = {}
    for folder in map(Path, package.__path__):
        for path in (*folder.glob("*.py"), *folder.glob("*/__init__.py")):
            name = path.parent.name if path.name == "__init__.py" and path.parent != folder else path.stem
            if name != "__init__":
                with suppress(OSError):  # deleted meanwhile, or not ours to read: importing it tells
                    facts = path.stat()
                    digests[f"{name}.py"] = _digest(str(path), facts.st_mtime_ns, facts.st_size)
    return digests


@lru_cache(maxsize=1000)
def _digest(path: str, _changed_at: int, _size: int) -> str:
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()[:16]


def _imported(module: pkgutil.ModuleInfo) -> TabModule:
    name = f"{PACKAGE}.{module.name}"
    folder = Path(getattr(module.module_finder, "path", ""))
    path = folder / module.name / "__init__.py" if module.ispkg else folder / f"{module.name}.py"
    try:
        importlib.import_module(name)
    except INTERRUPTS:
        raise
    except BaseException as error:  # users' code: it may even call sys.exit
        sys.modules.pop(name, None)
        return TabModule(name, str(path), _problem(error, path))
    return TabModule(name, str(path))


def _problem(error: BaseException, path: Path) -> Problem:
    line = _line(error, path)
    message = getattr(error, "msg", None) if isinstance(error, SyntaxError) else str(error)
    return problem_at(path, line, f"{type(error).__name__}: {_safe(str(message))}".rstrip(": "))


def problem_at(path: str | Path, line: int, wrong: str) -> Problem:
    """A problem at a place, with what to do."""
    return Problem(f"{told(Path(path).name, [Fault(line, wrong)])}{REMEDY}", str(path), line)


def project_problem(declared: DeclaredTab) -> Problem:
    """What is wrong with a declaration of a project, all of it, and where the first of it stands."""
    return Problem(f"{told(declared.file, declared.faults)}{REMEDY}", declared.path, declared.faults[0].line)


def _line(error: BaseException, path: Path) -> int:
    """Where in the module it happened; the module's first line where it did not happen in it."""
    if isinstance(error, SyntaxError) and error.filename == str(path) and error.lineno:
        return error.lineno
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == str(path)]
    return next((line for line in reversed(lines) if line), 1)


def _safe(message: str) -> str:
    """One line without the password of a URL, as a module may open connections of its own."""
    one_line = " ".join(message.split())[:_LONGEST_MESSAGE]
    return re.sub(r"(://[^\s:/@]*):[^\s/]*@", r"\1:***@", one_line)


def wrong_in(tab: Tab) -> str | None:
    """What is wrong with a declaration that Python takes; None where nothing is."""
    if (wrong := wrong_title(tab.title)) is not None:
        return wrong
    if (wrong := _wrong_setting("switch", tab.switch, bool)) is not None:
        return wrong
    if tab.archive is not None and (wrong := _wrong_setting("max_rows", tab.archive.max_rows, int)) is not None:
        return wrong
    if tab.archive is not None and isinstance(tab.spreadsheet, Each):
        return "it has archives and stands in each of a list of spreadsheets; only one of both is possible"
    if tab.archive is not None and tab.archive.moment not in {column.name for column in tab.columns}:
        return f"the archive's moment {tab.archive.moment!r} is not among the columns"
    return None


def _wrong_setting(name: str, setting: OwnSetting | None, kind: type) -> str | None:
    if setting is None or (isinstance(setting, OwnSetting) and setting.kind is kind):
        return None
    words = {bool: "true or false", int: "a whole number"}[kind]
    return f"{name}={setting!r}; expected OwnSetting(CLASS, FIELD) of a settings class whose field is {words}"


def same_title(title: str) -> str:
    """What two titles have in common that Google takes for the same one: it looks at no capitals."""
    return title.casefold()


def unused(wish: str, other: str, is_taken: Callable[[str], bool]) -> str:
    """The wish, else the wish with what tells it apart, shortened to a title's length."""
    if not is_taken(wish):
        return wish
    mark = f" ({other})"
    return wish[: LONGEST_TITLE - len(mark)] + mark
