"""browser.py -- headless Chromium for the tests of the page, through chromedriver's HTTP interface:
standard library only.

find() says what is missing. A Browser is a context manager that leaves no process behind."""

import base64
import glob
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request

FLAGS = [
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--hide-scrollbars",
    "--force-device-scale-factor=1",
    "--disable-background-networking",
    "--disable-component-update",
    "--no-first-run",
]


def find():
    """(chromium, chromedriver, None), or (None, None, why not)."""
    chromium = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    driver = shutil.which("chromedriver")
    if not chromium:
        return None, None, "no Chromium here (package chromium)"
    return (
        (chromium, driver, None) if driver else (None, None, "no chromedriver here (package chromium-driver)")
    )


def axe_source():
    """The text of axe.min.js from a Python package that ships it, newest kind first;
    None where none is installed."""
    roots = list(sys.path) + os.environ.get("IRONROOF_AXE", "").split(os.pathsep)
    for package in (
        "axe_playwright_python",
        "axe_core_python",
        "axe_selenium_python/node_modules/axe-core",
        "",
    ):
        for root in filter(None, roots):
            for path in glob.glob(os.path.join(root, package, "axe.min.js")):
                with open(path, encoding="utf-8") as f:
                    return f.read()
    return None


class Browser:
    def __enter__(self):
        chromium, driver, why = find()
        if why:
            raise RuntimeError(why)
        with socket.socket() as s:
            s.bind(("127.0.0.1", 0))
            self.port = s.getsockname()[1]
        self.folder = tempfile.TemporaryDirectory()
        self.driver = subprocess.Popen(
            [driver, "--port=%d" % self.port],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        self.session = None
        try:
            self._wait()
            options = {"binary": chromium, "args": FLAGS + ["--user-data-dir=" + self.folder.name]}
            prefs = {"goog:chromeOptions": options, "goog:loggingPrefs": {"browser": "ALL"}}
            self.session = self._call("POST", "/session", {"capabilities": {"alwaysMatch": prefs}})[
                "sessionId"
            ]
            self._do("timeouts", {"script": 170000, "pageLoad": 170000})
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        try:
            if self.session:
                self._call("DELETE", "/session/" + self.session)
        except (OSError, RuntimeError):
            pass
        try:
            os.killpg(self.driver.pid, signal.SIGTERM)
            self.driver.wait(10)
        except (ProcessLookupError, subprocess.TimeoutExpired):
            self.driver.kill()
        self.folder.cleanup()

    def _call(self, method, path, body=None):
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(
            "http://127.0.0.1:%d%s" % (self.port, path),
            data,
            {"Content-Type": "application/json"},
            method=method,
        )
        try:
            with urllib.request.urlopen(request, timeout=180) as r:
                return json.load(r)["value"]
        except urllib.error.HTTPError as e:
            raise RuntimeError("%s: %s" % (path, json.load(e)["value"].get("message", "")[:600])) from None

    def _wait(self):
        for _ in range(300):
            try:
                if self._call("GET", "/status")["ready"]:
                    return
            except OSError:
                time.sleep(0.1)
        raise RuntimeError("chromedriver does not answer")

    def _do(self, what, body):
        return self._call("POST", "/session/%s/%s" % (self.session, what), body)

    def cdp(self, command, **params):
        return self._do("goog/cdp/execute", {"cmd": command, "params": params})

    def shape(self, width, height=900, dark=False, media=""):
        """The window's size, the colour scheme, and media "print" or "" for the screen."""
        self.cdp(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=False,
        )
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.cdp("Emulation.setEmulatedMedia", media=media, features=[scheme])

    def open(self, path):
        self._do("url", {"url": "file://" + os.path.abspath(path)})

    def run(self, script, *args):
        return self._do("execute/sync", {"script": script, "args": list(args)})

    def wait(self, script, what="a condition"):
        """Until the script returns something true; generous, because a busy machine is slow."""
        for _ in range(600):
            value = self.run(script)
            if value:
                return value
            time.sleep(0.05)
        raise RuntimeError("never: " + what)

    def run_async(self, script, *args):
        """The script calls its last argument with the result."""
        return self._do("execute/async", {"script": script, "args": list(args)})

    def mouse(self, kind, x, y, buttons=0):
        self.cdp(
            "Input.dispatchMouseEvent",
            type=kind,
            x=x,
            y=y,
            button="left" if buttons or kind == "mouseReleased" else "none",
            buttons=buttons,
            clickCount=1,
        )

    def drag(self, x0, y0, x1, y1):
        self.mouse("mouseMoved", x0, y0)
        self.mouse("mousePressed", x0, y0, 1)
        for share in (0.3, 0.6, 1):
            self.mouse("mouseMoved", x0 + (x1 - x0) * share, y0 + (y1 - y0) * share, 1)
        self.mouse("mouseReleased", x1, y1)

    def key(self, name):
        codes = {"Tab": 9, "ArrowRight": 39, "ArrowDown": 40, "Enter": 13, "End": 35}
        for kind in ("rawKeyDown", "keyUp"):
            self.cdp(
                "Input.dispatchKeyEvent", type=kind, key=name, code=name, windowsVirtualKeyCode=codes[name]
            )

    def picture(self, path, whole=True):
        shot = self.cdp(
            "Page.captureScreenshot",
            format="png",
            captureBeyondViewport=whole,
            **({"clip": self._whole()} if whole else {})
        )
        with open(path, "wb") as f:
            f.write(base64.b64decode(shot["data"]))

    def _whole(self):
        w, h = self.run(
            "return [document.documentElement.clientWidth, document.documentElement.scrollHeight]"
        )
        return {"x": 0, "y": 0, "width": w, "height": h, "scale": 1}

    def pdf(self):
        return base64.b64decode(self.cdp("Page.printToPDF", printBackground=False)["data"])

    def errors(self):
        """What the page said went wrong since the last call."""
        return [
            e["message"] for e in self._do("se/log", {"type": "browser"}) if e["level"] in ("SEVERE", "ERROR")
        ]
