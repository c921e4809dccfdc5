#!/usr/bin/env python3
"""A snapshot with another manifest, and all else as a writer would have made it.

forge.py IN OUT STATEMENTS: the Python statements change `m`, the manifest as a dict.
"""
import hashlib
import json
import sys

BLOCK = 512


def header(name, size):
    block = bytearray(BLOCK)

    def put(at, text):
        block[at:at + len(text)] = text

    put(0, name.encode())
    put(100, b"0000600\0")
    put(108, b"0000000\0")
    put(116, b"0000000\0")
    put(124, b"%011o\0" % size)
    put(136, b"00000000000\0")
    put(148, b"        ")
    put(156, b"0")
    put(257, b"ustar\00000")
    put(329, b"0000000\0")
    put(337, b"0000000\0")
    put(148, b"%06o\0 " % sum(block))
    return bytes(block)


def padded(data):
    return data + b"\0" * (-len(data) % BLOCK)


def main():
    source, target, statements = sys.argv[1:]
    with open(source, "rb") as file:
        data = file.read()
    tail = data[-3 * BLOCK:].split(b"\n")
    offset, length = (int(tail[i].split()[1]) for i in (1, 2))
    manifest = json.loads(data[offset:offset + length])
    exec(statements, {"m": manifest})
    text = json.dumps(manifest).encode()
    trailer = b"mig snapshot 1\noffset %020d\nlength %020d\nsha256 %s\n" % (
        offset, len(text), hashlib.sha256(text).hexdigest().encode())
    with open(target, "wb") as file:
        file.write(data[:offset - BLOCK])
        file.write(header("manifest.json", len(text)) + padded(text))
        file.write(header("trailer", len(trailer)) + padded(trailer) + b"\0" * 2 * BLOCK)


main()
