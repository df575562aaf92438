#!/usr/bin/env python3
"""Writes what the reference server answers to COMMAND INFO and COMMAND DOCS into judge_command_info.json, beside this file.

    valkey-server --port 7441 --extended-redis-compatibility yes --save '' &
    python3 judge_command_info.py 7441

The server is Valkey 8.1. One line per command, in RESP3: a bulk string is a string, a status {"status": s}, a set
{"set": [...]}, a map {"map": [[k, v], ...]}; subcommands are sorted by name, because the server has no order for them.
"""

import json
import pathlib
import socket
import sys


class Connection:
    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.file = self.socket.makefile("rb")

    def call(self, *arguments):
        parts = [b"*%d\r\n" % len(arguments)]
        parts += [b"$%d\r\n%s\r\n" % (len(a), a.encode()) for a in arguments]
        self.socket.sendall(b"".join(parts))
        return self.read()

    def read(self):
        line = self.file.readline()[:-2]
        kind, rest = line[:1], line[1:]
        if kind == b"+":
            return {"status": rest.decode()}
        if kind == b":":
            return int(rest)
        if kind == b"$":
            return self.file.read(int(rest) + 2)[:-2].decode()
        if kind == b"*":
            return [self.read() for _ in range(int(rest))]
        if kind == b"~":
            return {"set": [self.read() for _ in range(int(rest))]}
        if kind == b"%":
            return {"map": [[self.read(), self.read()] for _ in range(int(rest))]}
        if kind == b"_":
            return None
        raise ValueError(line)


def sort_subcommands(info, docs):
    if isinstance(info[9], list):
        info[9].sort(key=lambda subcommand: subcommand[0])
    for field in docs["map"]:
        if field[0] == "subcommands":
            field[1]["map"].sort()


def main():
    connection = Connection(int(sys.argv[1]))
    connection.call("HELLO", "3")
    docs = dict(connection.call("COMMAND", "DOCS")["map"])
    lines = []
    for info in sorted(connection.call("COMMAND", "INFO"), key=lambda info: info[0]):
        sort_subcommands(info, docs[info[0]])
        pair = json.dumps({"info": info, "docs": docs[info[0]]}, ensure_ascii=False, separators=(",", ":"))
        lines.append(f"{json.dumps(info[0])}:{pair}")
    path = pathlib.Path(__file__).with_suffix(".json")
    path.write_text("{\n" + ",\n".join(lines) + "\n}\n")


main()
