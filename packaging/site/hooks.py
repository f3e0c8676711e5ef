"""Puts pages into the navigation that are written elsewhere, and reads their TOML with Python's own reader.

Pages that are written elsewhere are the recipes, and any page that nobody has listed.

A recipe is `docs/recipes/<name>/README.md` or `docs/recipes/<name>.md`, known by its first heading; `index.md` or `README.md` of
the folder itself is what they begin with. Without recipes there is no part of that name.
"""

import re
from pathlib import Path

from mkdocs.exceptions import PluginError
from mkdocs.utils import get_relative_url

try:
    import tomllib
except ImportError:  # Before Python 3.11 there is none; tests/it/pages.rs reads the blocks all the same.
    tomllib = None

BEFORE = "Reference"

# What the search puts first, and what last: flags are named on many pages, and explained on one; what is planned is not to be had yet.
BOOST = {"reference/commands.md": 4, "reference/relations.md": 2, "language.md": 0.5}


def title(path: Path) -> str:
    for line in path.read_text(encoding="utf-8").splitlines():
        if line.startswith("# "):
            return line[2:].strip()
    return path.parent.name if path.name == "README.md" else path.stem


def recipes(docs: Path) -> list:
    folder = docs / "recipes"
    first = [page for page in (folder / "index.md", folder / "README.md") if page.exists()][:1]
    pages = sorted(set(folder.glob("*.md")) | set(folder.glob("*/README.md")) | set(folder.glob("*/index.md")))
    rest = [page for page in pages if page not in first and page.name != "README.md" or page.parent != folder]
    named = sorted(({title(page): page.relative_to(docs).as_posix()} for page in rest), key=lambda entry: list(entry)[0])
    return [page.relative_to(docs).as_posix() for page in first] + named


def listed(nav) -> set:
    if isinstance(nav, str):
        return {nav}
    parts = nav.values() if isinstance(nav, dict) else nav
    return set().union(*map(listed, parts)) if parts else set()


def on_config(config):
    docs = Path(config["docs_dir"])
    nav = config["nav"]
    place = next(at for at, entry in enumerate(nav) if BEFORE in entry)
    found = recipes(docs)
    if found:
        nav.insert(place, {"Recipes": found})
    known = listed(nav) | {"README.md"}
    pages = [page for page in sorted(docs.glob("*.md")) if page.relative_to(docs).as_posix() not in known]
    for page in pages:
        nav.insert(place, {title(page): page.relative_to(docs).as_posix()})
    return config


BLOCK = re.compile(r"^( *)```toml\b[^\n]*\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)


def on_page_markdown(markdown, page, config, files):
    """Fails where a block of TOML is none, or a list is read as text; says what the search puts first."""
    if page.file.src_uri in BOOST:
        page.meta["search"] = {"boost": BOOST[page.file.src_uri]}
    before, fenced = "", False
    for line, text in enumerate(markdown.splitlines(), 1):
        fenced ^= text.lstrip().startswith("```")
        # On GitHub it is a list, and here it is not.
        if not fenced and text.startswith("* ") and before and not before.startswith(("* ", " ", "#")):
            raise PluginError(f"{page.file.src_path}: the list on line {line} needs an empty line before it")
        before = text
    for block in BLOCK.finditer(markdown) if tomllib else ():
        text = re.sub(f"^{block[1]}", "", block[2], flags=re.MULTILINE)
        try:
            tomllib.loads(text)
        except tomllib.TOMLDecodeError as error:
            line = markdown.count("\n", 0, block.start()) + 2
            raise PluginError(f"{page.file.src_path}: the block on line {line}: {error}") from error
    return markdown


SHIM = "https://unpkg.com/iframe-worker/shim"


def on_post_page(output, page, config):
    """Has the offline search load its one script from here, and not from somebody else's server."""
    return output.replace(SHIM, get_relative_url("assets/iframe-worker.js", page.url))


def on_post_template(output_content, template_name, config):
    """The same for the page that says that there is no such page."""
    return output_content.replace(SHIM, "/assets/iframe-worker.js") if template_name == "404.html" else output_content
