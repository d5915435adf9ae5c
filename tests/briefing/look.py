"""Opens every page of a folder in Chromium; see tests/briefing/look."""

import subprocess
import sys
from pathlib import Path

from playwright.sync_api import sync_playwright

WIDTHS = {"desk": 1200, "phone": 390}

# Texts that lie on top of each other, cells that are cut off, and anything that is wider than the window.
MEASURE = """() => {
  const wrong = [];
  const root = document.documentElement;
  if (root.scrollWidth > root.clientWidth) wrong.push(`the page is ${root.scrollWidth} wide in ${root.clientWidth}`);
  const box = (node) => { const range = document.createRange(); range.selectNodeContents(node); return [...range.getClientRects()]; };
  const texts = [];
  const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walk.nextNode()) {
    const node = walk.currentNode, parent = node.parentElement;
    if (!node.data.trim() || parent.closest('.sr, title, desc, thead') && getComputedStyle(parent.closest('.sr, title, desc, thead')).position === 'absolute') continue;
    if (parent.closest('title, desc')) continue;
    for (const rect of box(node)) if (rect.width > 1 && rect.height > 1) texts.push([node.data.trim(), rect]);
  }
  for (const [text, rect] of texts)
    if (rect.left < -1 || rect.right > root.clientWidth + 1) wrong.push(`cut off: ${text}`);
  for (let i = 0; i < texts.length; i++) for (let j = i + 1; j < texts.length; j++) {
    const [a, b] = [texts[i][1], texts[j][1]];
    const x = Math.min(a.right, b.right) - Math.max(a.left, b.left), y = Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top);
    if (x > 2 && y > 6) wrong.push(`overlap: ${texts[i][0]} | ${texts[j][0]}`);
  }
  return wrong;
}"""


def main() -> int:
    folder, chromium = Path(sys.argv[1]), sys.argv[2]
    wrong = []
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        for page_file in sorted(folder.glob("*.html")):
            for name, width in WIDTHS.items():
                page = browser.new_page(viewport={"width": width, "height": 900})
                asked, said = [], []
                page.on("request", lambda request: asked.append(request.url))
                page.on("console", lambda message: said.append(message.text))
                page.on("pageerror", lambda error: said.append(str(error)))
                page.on("dialog", lambda dialog: (said.append("a dialog: " + dialog.message), dialog.dismiss()))
                url = page_file.resolve().as_uri()
                page.goto(url)
                page.wait_for_timeout(100)
                found = [f"asked for {other}" for other in asked if other != url]
                found += [f"said {text}" for text in said] + page.evaluate(MEASURE)
                wrong += [f"{page_file.stem} {name}: {what}" for what in found]
                page.screenshot(path=folder / f"{page_file.stem}-{name}.png", full_page=True)
                print(f"{page_file.stem:<18} {name:<6} {len(asked)} request, {len(said)} messages, {len(found)} faults")
                if name == "desk":
                    page.pdf(path=folder / f"{page_file.stem}.pdf", prefer_css_page_size=True)
                page.close()
            pdf = folder / page_file.stem
            subprocess.run(["pdftoppm", "-r", "70", "-png", f"{pdf}.pdf", f"{pdf}-print"], check=True)
        browser.close()
    print("\n".join(wrong))
    return 1 if wrong else 0


sys.exit(main())
