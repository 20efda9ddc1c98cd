"""README tells the truth: it names every command, and what it shows runs."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from search.cli import main

README = (Path(__file__).parent.parent / "README.md").read_text("utf-8")
BLOCKS = re.findall(r"```(\w+)\n(.*?)```", README, flags=re.DOTALL)
SHELL_LINES = [
    line.strip()
    for language, block in BLOCKS
    if language == "sh"
    for line in block.splitlines()
    if line.strip().startswith("sightseek ")
]


CONTEXT = click.Context(main)
COMMANDS = {name: main.get_command(CONTEXT, name) for name in main.list_commands(CONTEXT)}


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_has_help_and_stands_in_readme(name: str) -> None:
    result = CliRunner().invoke(main, [name, "--help"])
    assert result.exit_code == 0
    assert COMMANDS[name].help
    assert f"sightseek {name}" in README
    options = [each for each in COMMANDS[name].params if isinstance(each, click.Option)]
    assert all(option.help for option in options)


@pytest.mark.parametrize("line", SHELL_LINES)
def test_a_command_line_in_readme_parses(line: str) -> None:
    name, *words = shlex.split(line.partition(" | ")[0], comments=True)[1:]
    command = COMMANDS[name]
    command.make_context(name, words)  # raises a usage error for an option that is not there


def test_every_command_takes_a_library_and_quiet() -> None:
    for command in COMMANDS.values():
        names = {name for param in command.params for name in param.opts}
        assert {"--library", "--quiet"} <= names


def test_the_python_example_of_readme_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from indexer.sample import sample_folder

    code = next(block for language, block in BLOCKS if language == "python")
    assert len(code.strip().splitlines()) < 10
    monkeypatch.chdir(tmp_path)
    (tmp_path / "photos").symlink_to(sample_folder())
    exec(compile(code, "README.md", "exec"), {})
    assert (tmp_path / "my-library" / "catalog.sqlite").is_file()
