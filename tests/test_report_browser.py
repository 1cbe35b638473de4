# SPDX-License-Identifier: GPL-2.0-or-later
"""The HTML page in a real browser: keys, links, narrow and dark screens, the content security policy.

Needs selenium, chromium and chromedriver (Debian: chromium chromium-driver). QERRLINT_SCREENSHOTS names a
folder that gets a picture of each look, as docs/pictures has them.
"""

from __future__ import annotations

import base64
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from commandline import DEMO, TREE, run

webdriver: Any = pytest.importorskip("selenium.webdriver")
PROGRAMS = {name: shutil.which(name) for name in ("chromium", "chromedriver")}
pytestmark = [
    pytest.mark.skipif(None in PROGRAMS.values(), reason="no chromium or no chromedriver"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    options = webdriver.ChromeOptions()
    options.binary_location = PROGRAMS["chromium"]
    for argument in ("--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars"):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    service = webdriver.ChromeService(executable_path=PROGRAMS["chromedriver"])
    driver = webdriver.Chrome(options=options, service=service)
    try:
        yield driver
    finally:
        driver.quit()


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> str:
    file = tmp_path_factory.mktemp("page") / "review.html"
    ran = run("patch", DEMO, "--tree", TREE, "--status", "introduced,fixed", "--format", f"html:{file}")
    assert ran.code == 1
    return file.as_uri()


def show(browser: Any, address: str, width: int, height: int, scheme: str = "light") -> None:
    metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    feature = {"name": "prefers-color-scheme", "value": scheme}
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [feature]})
    browser.get("about:blank")
    browser.get(address)


def picture(browser: Any, name: str) -> None:
    folder = os.environ.get("QERRLINT_SCREENSHOTS")
    if folder:
        data = browser.execute_cdp_cmd("Page.captureScreenshot", {"format": "png"})["data"]
        (Path(folder) / f"{name}.png").write_bytes(base64.b64decode(data))


def press(browser: Any, key: str) -> str:
    browser.find_element("tag name", "body").send_keys(key)
    found = browser.execute_script("return location.hash")
    assert isinstance(found, str)
    return found


def test_keys_and_links_go_from_finding_to_finding(browser: Any, address: str) -> None:
    show(browser, address, 1200, 900)
    listed = [
        element.get_attribute("hash") for element in browser.find_elements("css selector", "#findings a")
    ]
    assert len(listed) > 2
    assert [press(browser, key) for key in "njn"] == listed[:3]
    assert [press(browser, key) for key in "pk"] == [listed[1], listed[0]]
    assert press(browser, "p") == listed[0], "there is none before the first"
    assert press(browser, "x") == listed[0]
    box = browser.find_element("css selector", listed[0])
    top, height = browser.execute_script(
        "return [arguments[0].getBoundingClientRect().top, innerHeight]", box
    )
    assert 0 <= top < height, "the box is in sight"
    box.find_element("css selector", "a[rel=next]").click()
    assert browser.execute_script("return location.hash") == listed[1]
    picture(browser, "review")


def test_nothing_is_wider_than_a_phone(browser: Any, address: str) -> None:
    show(browser, address, 390, 844)
    assert browser.execute_script("return document.documentElement.scrollWidth <= innerWidth")
    for box in browser.find_elements("css selector", ".finding"):
        left, right = browser.execute_script(
            "const r = arguments[0].getBoundingClientRect(); return [r.left, r.right]", box
        )
        assert 0 <= left < right <= 390
    press(browser, "n")
    press(browser, "n")
    picture(browser, "review-narrow")


def test_the_dark_look(browser: Any, address: str) -> None:
    show(browser, address, 1200, 900, "dark")
    ground = "return getComputedStyle(document.body).backgroundColor"
    assert browser.execute_script(ground) == "rgb(13, 17, 23)"
    press(browser, "n")
    press(browser, "n")
    picture(browser, "review-dark")
    show(browser, address, 1200, 900)
    assert browser.execute_script(ground) == "rgb(255, 255, 255)"


def test_the_policy_lets_no_other_script_run(browser: Any, address: str, tmp_path: Path) -> None:
    text = Path(address.removeprefix("file://")).read_text("utf-8")
    changed = tmp_path / "changed.html"
    changed.write_text(
        text.replace("</body>", "<script>document.title = 'taken over'</script></body>"), "utf-8"
    )
    show(browser, address, 1200, 900)
    assert [entry for entry in browser.get_log("browser") if entry["level"] == "SEVERE"] == []
    show(browser, changed.as_uri(), 1200, 900)
    assert browser.title != "taken over"
    assert any("Content Security Policy" in entry["message"] for entry in browser.get_log("browser"))
