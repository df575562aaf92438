#!/usr/bin/env python3
"""Writes what the reference server answers to COMMAND INFO and COMMAND DOCS into judge_command_info.json, beside this file.

    valkey-server --port 7441 --extended-redis-compatibility yes --save '' &
    redis-server --port 7442 --save '' &
    python3 judge_command_info.py 7441 7442

The first server is Valkey 8.1, the second one Redis 8.0: the judge of the commands about the expiry of fields. One line per command, in RESP3: a bulk string is a string, a status {"status": s}, a set
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


# What only Redis 8.0 has.
ONLY_REDIS = """hexpire hexpireat hexpiretime hgetdel hgetex hpersist hpexpire hpexpireat hpexpiretime hpttl hsetex httl""".split()


def ask(port, names):
    """Name, COMMAND INFO and COMMAND DOCS of these commands, or of all."""
    connection = Connection(port)
    connection.call("HELLO", "3")
    docs = dict(connection.call("COMMAND", "DOCS", *names)["map"])
    for info in connection.call("COMMAND", "INFO", *names):
        sort_subcommands(info, docs[info[0]])
        yield info[0], info, docs[info[0]]


def main():
    valkey, redis = int(sys.argv[1]), int(sys.argv[2])
    lines = []
    for name, info, docs in sorted([*ask(valkey, []), *ask(redis, ONLY_REDIS)]):
        pair = json.dumps({"info": info, "docs": docs}, ensure_ascii=False, separators=(",", ":"))
        lines.append(f"{json.dumps(name)}:{pair}")
    path = pathlib.Path(__file__).with_suffix(".json")
    path.write_text("{\n" + ",\n".join(lines) + "\n}\n")


main()
