#!/usr/bin/env python3
"""Writes how the reference server packs values into blocks.txt and lists.txt, beside this file.

    valkey-server --port 7441 --extended-redis-compatibility yes --save '' --rdbcompression no --enable-debug-command yes &
    python3 judge.py 7441

The server is Valkey 8.1. The blocks are what DUMP holds. An element is written as its hex digits, or as `a*300` for 300
letters a.

blocks.txt, a line each: `listpack` or `intset`, the elements in the order of pushing, `=`, the block in hex, or if that
is long, `#` and its FNV-1a hash.

lists.txt: `new <list-max-listpack-size> <packed threshold>` begins a list. The lines behind it are commands on it, and
after every few of them `= <number of nodes> <hash>`: hashed are, for each node, P or L (plain) and its bytes.
"""

import pathlib
import random
import socket
import sys

random.seed(31)


class Connection:
    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.file = self.socket.makefile("rb")

    def call(self, *arguments):
        arguments = [a if isinstance(a, bytes) else str(a).encode() for a in arguments]
        parts = [b"*%d\r\n" % len(arguments)]
        parts += [b"$%d\r\n%s\r\n" % (len(a), a) for a in arguments]
        self.socket.sendall(b"".join(parts))
        return self.read()

    def read(self):
        line = self.file.readline()[:-2]
        kind, rest = line[:1], line[1:]
        if kind == b"+":
            return rest
        if kind == b":":
            return int(rest)
        if kind == b"$":
            return self.file.read(int(rest) + 2)[:-2] if int(rest) >= 0 else None
        if kind == b"*":
            return [self.read() for _ in range(int(rest))] if int(rest) >= 0 else None
        raise ValueError(line)


class Payload:
    """What DUMP answers, as far as it is needed here: uncompressed strings of type 18 and 11."""

    def __init__(self, payload):
        self.type, self.rest = payload[0], payload[1:-10]

    def length(self):
        first = self.rest[0]
        if first >> 6 == 0:
            size, value = 1, first
        elif first >> 6 == 1:
            size, value = 2, (first & 0x3F) << 8 | self.rest[1]
        else:
            assert first == 0x80, "no integer and no compressed string"
            size, value = 5, int.from_bytes(self.rest[1:5], "big")
        self.rest = self.rest[size:]
        return value

    def string(self):
        length = self.length()
        string, self.rest = self.rest[:length], self.rest[length:]
        return string

    def nodes(self):
        assert self.type == 18
        return [("?LP"[self.length()], self.string()) for _ in range(self.length())]


def fnv(block):
    hash = 0xCBF29CE484222325
    for byte in block:
        hash = (hash ^ byte) * 0x100000001B3 % 2**64
    return hash


def write_block(block):
    return block.hex() if len(block) <= 300 else f"#{fnv(block):x}"


def write(text):
    if len(text) > 20 and text == text[:1] * len(text):
        return f"{text[:1].decode()}*{len(text)}"
    return text.hex() or "-"


def blocks(connection):
    connection.call("CONFIG", "SET", "list-max-listpack-size", "-5")
    edges = [0, 1, 9, 10, 99, 100, 126, 127, 128, 129, 4094, 4095, 4096, 4097]
    for bits in [15, 16, 23, 24, 31, 32, 63]:
        edges += [2**bits + more for more in range(-2, 3)]
    ints = [str(sign * edge) for edge in edges for sign in [1, -1]]
    near = ["", "-", "+1", "-0", "00", "01", "1.0", " 1", "1 ", "1e3", "0x10", "18446744073709551615"]
    lengths = [1, 2, 62, 63, 64, 65, 124, 125, 126, 127, 128, 129, 4093, 4094, 4095, 4096, 4097, 16375, 16381, 16382, 16383]
    cases = [[text.encode()] for text in ints + near] + [[b"x" * length] for length in lengths]
    cases += [[text.encode() for text in ints + near], [b"x" * length for length in lengths[:-5]]]
    for _ in range(20):
        everything = [text.encode() for text in ints + near] + [b"y" * length for length in lengths[:13]]
        cases.append([random.choice(everything) for _ in range(random.randrange(1, 30))])
    for case in cases:
        connection.call("DEL", "k")
        connection.call("RPUSH", "k", *case)
        [(kind, block)] = Payload(connection.call("DUMP", "k")).nodes()
        assert kind == "P"
        yield f"listpack {' '.join(map(write, case))} = {write_block(block)}"
    for _ in range(40):
        widths = random.choice([[4], [4, 15], [15], [15, 31], [31], [4, 31, 63], [63]])
        case = [random.randrange(-(2**bits), 2**bits) for bits in random.choices(widths, k=random.randrange(1, 20))]
        connection.call("DEL", "k")
        connection.call("SADD", "k", *case)
        payload = Payload(connection.call("DUMP", "k"))
        assert payload.type == 11
        yield f"intset {' '.join(write(str(value).encode()) for value in case)} = {payload.string().hex()}"


def text(lengths):
    if random.random() < 0.2:
        return str(random.randrange(-300, 300)).encode()
    return random.choice(b"abcdef").to_bytes() * random.choice(lengths)


def lists(connection):
    for fill, threshold, lengths in [
        (-1, 0, [3, 16, 100, 700, 5000]),
        (-1, 0, [3, 400, 1000, 1300, 2000]),
        (-1, 0, [30, 300, 4075, 4080, 4081, 4082, 4083, 4088, 4096, 4097]),
        (-2, 0, [3, 16, 700, 2000, 9000]),
        (-3, 0, [3, 3000, 5000, 16384, 16385]),
        (-5, 0, [16, 9000, 20000, 65536, 65537]),
        (1, 0, [3, 16, 100]),
        (3, 0, [3, 16, 100, 8192, 8193]),
        (8, 0, [3, 2000, 4000]),
        (128, 0, [3, 16, 500]),
        (-1, 200, [3, 16, 199, 200, 201, 600]),
        (4, 100, [3, 99, 100, 101]),
    ]:
        for _ in range(3):
            connection.call("DEL", "k")
            connection.call("CONFIG", "SET", "list-max-listpack-size", fill)
            connection.call("DEBUG", "QUICKLIST-PACKED-THRESHOLD", f"{threshold}B")
            yield f"new {fill} {threshold}"
            for step in range(160):
                command = call(connection, lengths)
                connection.call(*command)
                yield " ".join(part if isinstance(part, str) else write(part) for part in command if part != "k")
                if step % 4 == 3:
                    payload = connection.call("DUMP", "k")
                    nodes = Payload(payload).nodes() if payload else []
                    yield f"= {len(nodes)} {fnv(b''.join(kind.encode() + block for kind, block in nodes)):x}"


def call(connection, lengths):
    size = connection.call("LLEN", "k")
    kinds = {"RPUSH": 6, "LPUSH": 6, "LPOP": 3, "RPOP": 3, "LSET": 6, "LINSERT": 6, "LREM": 2, "LTRIM": 0.3}
    kind = random.choices(list(kinds), kinds.values())[0] if size else "RPUSH"
    at = lambda: str(random.randrange(-size, size))
    match kind:
        case "RPUSH" | "LPUSH":
            return [kind, "k"] + [text(lengths) for _ in range(random.choice([1, 1, 2, 10]))]
        case "LPOP" | "RPOP":
            return [kind, "k", random.choice("112")]
        case "LSET":
            return [kind, "k", at(), text(lengths)]
        case "LINSERT":
            pivot = connection.call("LINDEX", "k", at())
            return [kind, "k", random.choice(["BEFORE", "AFTER"]), pivot, text(lengths)]
        case "LREM":
            pivot = connection.call("LINDEX", "k", at())
            return [kind, "k", str(random.choice([-2, -1, 1, 2])), pivot]
        case "LTRIM":
            return [kind, "k", str(random.randrange(size // 4 + 1)), str(-1 - random.randrange(size // 4 + 1))]


def main():
    connection = Connection(int(sys.argv[1]))
    folder = pathlib.Path(__file__).parent
    for file, lines in [("blocks.txt", blocks), ("lists.txt", lists)]:
        (folder / file).write_text("".join(line + "\n" for line in lines(connection)))
    connection.call("DEL", "k")


main()
