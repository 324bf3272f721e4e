"""``sheets-pipeline completion``: what a shell needs to complete commands, options and titles of tabs."""

import os
import re
from collections.abc import Iterator
from pathlib import Path

import click
from click.shell_completion import CompletionItem, get_completion_class

#: click's own name for the variable by which a shell asks.
_ASKS = "_SHEETS_PIPELINE_COMPLETE"

#: ``title: Student progress`` in YAML, ``title="Student progress"`` in Python.
_TITLE = re.compile(
    r"""^\s+title\s*[:=]\s*(?:"([^"\n]+)"|'([^'\n]+)'|([^"'#{\s][^#\n]*?))\s*,?\s*(?:#.*)?$""", re.MULTILINE
)


@click.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def completion(ctx: click.Context, shell: str) -> None:
    """Print the script that lets SHELL complete commands, options and titles of tabs.

    bash: eval "$(sheets-pipeline completion bash)" in ~/.bashrc; zsh: the same with zsh in ~/.zshrc; fish: write it to
    ~/.config/fish/completions/sheets-pipeline.fish
    """
    made = get_completion_class(shell)
    if made is None:
        raise click.ClickException(f"This version of click knows nothing of {shell}.")
    click.echo(made(ctx.find_root().command, {}, "sheets-pipeline", _ASKS).source())


class Title(click.types.StringParamType):
    """The title of a declared tab."""

    name = "title"

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        """Those that begin so, read from the files' text: to load them would take seconds."""
        found = sorted({title for title in _titles() if title.startswith(incomplete)})
        return [CompletionItem(_as_typed(title)) for title in found]


def _titles() -> Iterator[str]:
    from sheets_pipeline.errors import SettingsError
    from sheets_pipeline.home import project_folder

    try:
        project = project_folder()
    except SettingsError:  # whoever runs the command is told
        return
    folder = Path(__file__).parents[1] / "defs" / "tabs" if project is None else project / "tabs"
    for path in sorted(path for path in folder.glob("*") if path.suffix in (".yaml", ".yml", ".py")):
        for quoted, single, plain in _TITLE.findall(path.read_text(encoding="utf-8", errors="replace")):
            yield quoted or single or plain


def _as_typed(title: str) -> str:
    """As it has to stand on bash's command line, whose script reads a backslash as a mark; other shells quote by themselves."""
    is_bash = os.environ.get(_ASKS, "").startswith("bash")
    return re.sub(r"([^\w@%+=:,./-])", r"\\\\\1", title) if is_bash else title
