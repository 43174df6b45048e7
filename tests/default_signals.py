"""Imported by tests that end what they started by a signal: a shell's background job and nohup leave SIGINT
and SIGHUP ignored, and a program started here would ignore them too."""

import signal

for number, handler in (
    (signal.SIGINT, signal.default_int_handler),
    (signal.SIGHUP, signal.SIG_DFL),
    (signal.SIGTERM, signal.SIG_DFL),
):
    if signal.getsignal(number) == signal.SIG_IGN:
        signal.signal(number, handler)
