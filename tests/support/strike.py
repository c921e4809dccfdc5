"""Runs a program through a socket of its own and kills it at its Nth statement.

strike.py N WHEN HOLD COMMAND..

WHEN is "before" (the server never gets the Nth statement) or "behind" (it gets it, and nobody waits
for the answer). The sessions of the killed one stay open for HOLD seconds more, as behind a network
that has not told the server yet. COMMAND is a process group; PGHOST and PGPORT lead to the server.
Ends with 137 after the blow, prints the statement; with 124 where COMMAND does not end by itself;
else with the status of COMMAND.
"""
import os
import selectors
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time

RUNS = b"QE"  # Query, Execute
INTEGER = struct.Struct("!i")
PATIENCE = 120  # seconds


class Way:
    """One session: what the client sends is cut into messages."""

    def __init__(self, client, server):
        self.client, self.server = client, server
        self.pending = b""
        self.begun = False
        self.parsed = b""

    def messages(self, data):
        self.pending += data
        while True:
            head = 1 if self.begun else 0
            if len(self.pending) < head + 4:
                return
            length = head + INTEGER.unpack_from(self.pending, head)[0]
            if len(self.pending) < length:
                return
            message, self.pending = self.pending[:length], self.pending[length:]
            kind = message[:1] if self.begun else b""
            if not self.begun:  # requests for encryption are answered, then comes the real start
                self.begun = INTEGER.unpack_from(message, 4)[0] >> 16 == 3
            if kind == b"P":
                self.parsed = message[5:].split(b"\0")[1]
            elif kind == b"Q":
                self.parsed = message[5:-1]
            yield kind, message


def main():
    number, when, hold, command = int(sys.argv[1]), sys.argv[2], float(sys.argv[3]), sys.argv[4:]
    name = ".s.PGSQL." + os.environ["PGPORT"]
    upstream = os.path.join(os.environ["PGHOST"], name)
    with tempfile.TemporaryDirectory() as folder:
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(os.path.join(folder, name))
        listener.listen(64)
        child = subprocess.Popen(command, env={**os.environ, "PGHOST": folder}, start_new_session=True)
        return serve(listener, upstream, child, number, when, hold)


def receive(end):
    try:
        return end.recv(65536)
    except ConnectionError:  # it has left before it had read all
        return b""


def send(end, data):
    try:
        end.sendall(data)
    except ConnectionError:  # its own end is read next, and says so
        pass


def serve(listener, upstream, child, number, when, hold):
    selector = selectors.DefaultSelector()
    selector.register(listener, selectors.EVENT_READ, None)
    count = 0
    end_of_patience = time.monotonic() + PATIENCE

    def kill():
        os.killpg(child.pid, signal.SIGKILL)
        child.wait()

    def strike(way):
        kill()
        print("%s statement %d: %s" % (when, number, way.parsed.decode(errors="replace")[:200]))
        sys.stdout.flush()
        time.sleep(hold)
        return 137

    while True:
        for key, _ in selector.select(0.05):
            if key.fileobj is listener:
                client = listener.accept()[0]
                server = socket.socket(socket.AF_UNIX)
                server.connect(upstream)
                way = Way(client, server)
                selector.register(client, selectors.EVENT_READ, way)
                selector.register(server, selectors.EVENT_READ, way)
                continue
            way = key.data
            data = receive(key.fileobj)
            if not data:
                for end in (way.client, way.server):
                    selector.unregister(end)
                    end.close()
                break  # the other events of this turn may be of the same session
            if key.fileobj is way.server:
                send(way.client, data)
                continue
            for kind, message in way.messages(data):
                counts = kind and kind in RUNS
                count += bool(counts)
                if counts and count == number and when == "before":
                    return strike(way)
                send(way.server, message)
                if counts and count == number:
                    if kind == b"E":
                        send(way.server, b"S\0\0\0\4")
                    return strike(way)
        if time.monotonic() > end_of_patience:
            kill()
            print("did not end within %d s, behind %d statements" % (PATIENCE, count))
            return 124
        if child.poll() is not None:
            print("ended after %d statements" % count)
            return child.returncode


sys.exit(main())
