"""What axe finds on a page: `python -m tests.performance.accessible AXE_JS PAGE…`.

AXE_JS is `axe.min.js` of the npm package axe-core (`npm install axe-core`). Each page is opened in
headless Chromium, light and dark; prints a line a finding, and exits with 1 where one is serious.
"""

import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

_CHROMIUM = ("chromium", "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run")
_RUN = """
document.querySelectorAll("details").forEach(each => each.open = true);
axe.run().then(found => { const held = document.createElement("pre"); held.id = "axe-found";
held.textContent = btoa(JSON.stringify(found.violations.map(each => ({id: each.id,
impact: each.impact, help: each.help, nodes: each.nodes.map(node => node.target.join(" "))}))));
document.body.append(held); });
"""


def findings(page: Path, axe: Path, *, dark: bool) -> list[dict[str, Any]]:
    """Return axe's violations on a page."""
    import base64

    scripts = f"<script>{axe.read_text()}</script><script>{_RUN}</script></body>"
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "page.html"
        head, _, tail = page.read_text(encoding="utf-8").rpartition("</body>")
        copy.write_text(head + scripts + tail, encoding="utf-8")
        scheme = [f"--blink-settings=preferredColorScheme={0 if dark else 1}"]
        words = [*_CHROMIUM, *scheme, f"--user-data-dir={folder}/profile"]
        done = subprocess.run(
            [*words, "--virtual-time-budget=60000", "--dump-dom", copy.as_uri()],
            capture_output=True, text=True, timeout=300, check=True,
        )  # fmt: skip
    held = re.search(r'<pre id="axe-found">([^<]*)</pre>', done.stdout)
    if held is None:
        raise SystemExit(f"axe did not come to an end on {page}")
    found: list[dict[str, Any]] = json.loads(base64.b64decode(held[1]))
    return found


def main(axe: str, *pages: str) -> int:
    """Print the findings of every page; return 1 where one is serious."""
    grave = 0
    for name in pages:
        for dark in (False, True):
            found = findings(Path(name), Path(axe), dark=dark)
            print(f"{name} ({'dark' if dark else 'light'}): {len(found)} findings")
            for each in found:
                grave += each["impact"] in ("serious", "critical")
                nodes = "; ".join(each["nodes"][:5])
                print(f"  {each['impact']}: {each['id']}: {each['help']}: {nodes}")
    return int(grave > 0)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
