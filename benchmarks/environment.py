"""The environment of the other tools: made once, in ``.venv-bench``, with the versions of ``requirements.txt``."""

import hashlib
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
MEASURED = ROOT / "docs" / "measured"  # where the reports stand
REQUIREMENTS = ROOT / "benchmarks" / "requirements.txt"
FOLDER = ROOT / ".venv-bench"


def ensure_environment(folder: Path = FOLDER) -> Path:
    """Give the environment's interpreter; the first time, and when the requirements changed, it is installed.

    Raises:
        subprocess.CalledProcessError: The installation failed; pip has said why.
    """
    python, stamp = folder / "bin" / "python", folder / ".installed"
    wanted = hashlib.sha256(REQUIREMENTS.read_bytes()).hexdigest()
    if python.exists() and stamp.exists() and stamp.read_text() == wanted:
        return python
    print(f"==> Installing the other tools into {folder.name} (once; some minutes)", flush=True)
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", folder], check=True)
        (folder / ".gitignore").write_text("*\n")
    subprocess.run([*_installer(python), "--requirement", REQUIREMENTS], check=True)
    stamp.write_text(wanted)
    return python


def _installer(python: Path) -> list[str]:
    """uv where it is there (seconds), pip otherwise."""
    if uv := shutil.which("uv"):
        return [uv, "pip", "install", "--python", str(python)]
    return [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]


def versions(python: Path, packages: list[str]) -> dict[str, str]:
    """Installed versions of packages, by name."""
    code = "import sys, importlib.metadata as m; [print(n, m.version(n)) for n in sys.argv[1:]]"
    said = subprocess.run([python, "-c", code, *packages], check=True, capture_output=True, text=True).stdout
    return dict(line.split() for line in said.splitlines())


def output_folder(text: str) -> Path:
    """A folder that an argument names; made where there is none, as a benchmark takes minutes before it writes."""
    path = Path(text)
    path.mkdir(parents=True, exist_ok=True)
    return path
