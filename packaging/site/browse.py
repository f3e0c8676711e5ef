"""Opens every page of the site in headless Chromium: python browse.py SITE SCREENS.

Fails where a page says something on the console, asks for something that is not there or that lies elsewhere, is wider than a
telephone, has no language or not one title, and where the search does not find what is asked for. SCREENS gets pictures of some
pages: on a desk, on a telephone, in the dark and on paper.
"""

import http.server
import functools
import os
import sys
import threading
from pathlib import Path

from playwright.sync_api import sync_playwright

# What people type, and the page that is to be among the first results.
SEARCHES = {
    "exclude internal users": "questions",
    "mature": "numbers",
    "unknown-column": "reference/errors",
    "at_least_of": "reference/milestone",
    "date_trunc": "reference/functions",
    "MILEPOST_TARGET": "reference/commands",
    "--fail-fast": "reference/commands",
    "--as-of": "numbers",
    "--select": "reference/commands",
    "--output": "reference/commands",
    "--project-dir": "reference/commands",
    "--exclude": "reference/commands",
    "as_of": "numbers",
    "exit codes": "reference/artifacts",
    "immature": "numbers",
    "maximum_bytes_billed": "reference/target",
    "closes_at": "reference/relations",
    "retry": "scheduling",
}
PICTURED = [
    "index.html",
    "start.html",
    "numbers.html",
    "reference/milestone.html",
    "reference/errors.html",
    "reference/commands.html",
]
DESK = {"width": 1280, "height": 900}
PHONE = {"width": 390, "height": 844}


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


def serve(site):
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=str(site)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return f"http://127.0.0.1:{server.server_port}/"


def watched(context, faults, home):
    page = context.new_page()
    page.on("console", lambda message: message.type in ("error", "warning") and faults.append(f"{page.url}: console: {message.text}"))
    page.on("pageerror", lambda error: faults.append(f"{page.url}: {error}"))
    page.on("response", lambda response: response.status >= 400 and faults.append(f"{page.url}: {response.status} {response.url}"))
    page.on("request", lambda request: request.url.startswith((home, "data:", "blob:", "file:")) or faults.append(f"{page.url}: asks {request.url}"))
    return page


def results(page, words):
    """Types words into the search, as people do, and returns where the first results lead."""
    page.keyboard.press("Escape")
    page.keyboard.press("s")
    field = page.locator("[data-md-component=search-query]")
    field.fill("")
    field.press_sequentially(words, delay=5)
    page.wait_for_function("/matching/.test(document.querySelector('.md-search-result__meta').textContent)", timeout=15000)
    # What was typed first is answered first: until the answers stay the same.
    before, same = None, 0
    while same < 4:
        page.wait_for_timeout(250)
        links = page.eval_on_selector_all(
            ".md-search-result__item > a.md-search-result__link", "links => links.slice(0, 5).map(link => link.href)"
        )
        before, same = links, same + 1 if links == before else 0
    return links


def main(site, screens):
    screens.mkdir(parents=True, exist_ok=True)
    home = serve(site)
    faults = []
    names = sorted(path.relative_to(site).as_posix() for path in site.rglob("*.html"))
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=os.environ.get("CHROMIUM"))
        for kind, size, scheme in (("desk", DESK, "light"), ("phone", PHONE, "light"), ("dark", DESK, "dark")):
            context = browser.new_context(viewport=size, color_scheme=scheme)
            page = watched(context, faults, home)
            for name in names:
                if kind == "dark" and name not in PICTURED:
                    continue
                page.goto(home + name, wait_until="networkidle")
                wide = page.evaluate("document.documentElement.scrollWidth - innerWidth")
                if wide > 0:
                    faults.append(f"{name}: {wide} pixels wider than a {kind}")
                if page.locator("html[lang]").count() != 1 or page.locator("h1").count() != 1:
                    faults.append(f"{name}: has no language, or not one title")
                if name in PICTURED:
                    page.screenshot(path=screens / f"{kind}-{name.replace('/', '-')}.png")
                if kind == "dark" and page.evaluate("document.body.dataset.mdColorScheme") != "slate":
                    faults.append(f"{name}: is light in the dark")
            context.close()
        context = browser.new_context(viewport=DESK)
        page = watched(context, faults, home)
        page.goto(home + "index.html", wait_until="networkidle")
        for words, wanted in SEARCHES.items():
            found = results(page, words)
            print(f"{words}: {[link.split('?')[0].removeprefix(home) for link in found]}")
            if not any(wanted in link for link in found):
                faults.append(f"search `{words}`: {wanted} is not among {found}")
        page.screenshot(path=screens / "search.png")
        page.goto(home + "reference/errors.html", wait_until="networkidle")
        page.pdf(path=screens / "errors.pdf")
        page.goto((site / "index.html").as_uri(), wait_until="networkidle")
        for words, wanted in (("mature", "numbers"), ("--project-dir", "reference/commands")):
            if not any(wanted in link for link in results(page, words)):
                faults.append(f"search in files: `{words}` is not found")
            if "*" in page.locator(".md-search-result__list").inner_text():
                faults.append(f"search in files: `{words}` shows how it was asked for")
        browser.close()
    print("\n".join(dict.fromkeys(faults)) or f"{len(names)} pages, nothing is wrong; pictures are in {screens}")
    return bool(faults)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]).resolve(), Path(sys.argv[2]).resolve()))
