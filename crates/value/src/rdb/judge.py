#!/usr/bin/env python3
"""Writes judge.txt: what DUMP of the reference says of the values that these commands make.

    judge.py <port of Valkey 8.1, started afresh> <port of Redis 8.0> > judge.txt

    HSET k f v      commands that make `k`; `rep:ab:3` is ababab, `seq:m:0:3` is m0 m1 m2
    = 10...         its payload
    ~ 04...         the same where the reference may have written the elements in another order
"""

import socket
import sys

VALKEY = [
    ["SET k hello"],
    ["SET k ''"],
    ["SET k 0"],
    ["SET k -128"],
    ["SET k 128"],
    ["SET k 32768"],
    ["SET k -2147483648"],
    ["SET k 2147483648"],
    ["SET k 9223372036854775807"],
    ["SET k 007"],
    ["SET k rep:a:20"],
    ["SET k rep:a:21"],
    ["SET k rep:abc:7"],
    ["SET k abcdefghijklmnopqrstuvwxyz0123456789"],
    ["SET k rep:abcdefghijklmnopqrstuvwxyz:30"],
    ["SET k rep:0123456789:2000"],
    ["SET k xyzabcdefghijklmnopqrstuvwxyzabcdefgh-abcdefg-abcdefghijklmnopqr"],
    ["RPUSH k a"],
    ["RPUSH k 1 -1 4096 70000 3000000000 -9223372036854775808 a rep:b:64 rep:c:5000"],
    ["RPUSH k seq:element-:0:1000"],
    ["RPUSH k a rep:large:2000 b"],
    ["RPUSH k rep:a:10000"],
    ["SADD k 1 2 3"],
    ["SADD k 1 70000 -5"],
    ["SADD k 5000000000 1"],
    ["SADD k a b 1 2"],
    ["SADD k seq::0:512"],
    ["SADD k seq:member:0:128"],
    ["SADD k seq::0:513"],
    ["SADD k seq:member:0:129"],
    ["ZADD k 1 a 2 b 2.5 c -inf d inf e 1e300 f 0.1 g"],
    ["ZADD k 1 rep:a:65"],
    ["ZADD k 1.5 a 2.5 rep:b:65 -inf 7 inf rep:c:70 -0 nil"],
    ["HSET k f v"],
    ["HSET k f 1 2 v rep:g:64 rep:h:64"],
    ["HSET k seq:f:0:100"],
    ["HSET k f rep:v:65"],
    ["HSET k f rep:v:65 1 2 g rep:w:1000"],
]

REDIS = [
    ["HSET k a 1 b 2 c 3", "HPEXPIREAT k 4102444800000 FIELDS 1 b"],
    ["HSET k a 1 b 2 c 3", "HPEXPIREAT k 4102444800000 FIELDS 2 c a", "HPEXPIREAT k 4102444800001 FIELDS 1 b"],
    ["HSET k a rep:v:65 b 1", "HPEXPIREAT k 4102444800000 FIELDS 1 b"],
    ["HSET k a rep:v:65 b 1 c 2", "HPEXPIREAT k 4102444800000 FIELDS 1 b", "HPEXPIREAT k 4102444900000 FIELDS 1 a"],
]


def arguments(line):
    for word in line.split(" "):
        if word.startswith("rep:"):
            _, text, times = word.split(":")
            yield text * int(times)
        elif word.startswith("seq:"):
            _, prefix, first, end = word.split(":")
            yield from (f"{prefix}{i}" for i in range(int(first), int(end)))
        else:
            yield "" if word == "''" else word


class Client:
    def __init__(self, port):
        self.stream = socket.create_connection(("127.0.0.1", port)).makefile("rwb")

    def call(self, words):
        self.stream.write(b"*%d\r\n" % len(words))
        for word in words:
            word = word.encode()
            self.stream.write(b"$%d\r\n%s\r\n" % (len(word), word))
        self.stream.flush()
        return self.value(self.stream.readline())

    def value(self, head):
        kind, rest = head[:1], head[1:]
        assert kind != b"-", head
        if kind == b"$":
            return self.stream.read(int(rest) + 2)[:-2]
        if kind == b"*":
            return [self.value(self.stream.readline()) for _ in range(int(rest))]
        return rest


def main():
    for port, values in zip(map(int, sys.argv[1:]), (VALKEY, REDIS)):
        client = Client(port)
        for commands in values:
            client.call(["DEL", "k"])
            for command in commands:
                print(command)
                client.call(list(arguments(command)))
            payload = client.call(["DUMP", "k"])
            # sets and hashes in tables stand there in the order of the table
            sign = "~" if payload[0] in (2, 4, 24) else "="
            print(sign, payload.hex())


main()
