"""Counters: page views, amounts, a pipeline of many, and bits for who was here today."""

import os
from concurrent.futures import ThreadPoolExecutor

import redis

client = redis.Redis(port=int(os.environ.get("PORT", 6379)), decode_responses=True)


def name(counter: object) -> str:
    return f"example:counter.py:{counter}"


client.delete(*map(name, ["views", "amount", "visitors", *range(100)]))

# Views from eight threads at once: none is lost, and every caller sees a number of its own.
with ThreadPoolExecutor(8) as threads:
    numbers = list(threads.map(lambda _: client.incr(name("views")), range(2000)))
assert sorted(numbers) == list(range(1, 2001))
assert client.decrby(name("views"), 1000) == 1000

# Amounts with a fraction.
client.incrbyfloat(name("amount"), 10.50)
assert client.incrbyfloat(name("amount"), -0.25) == 10.25

# Many counters in one round trip.
with client.pipeline(transaction=False) as pipeline:
    for i in range(100):
        pipeline.incrby(name(i), i)
    assert pipeline.execute() == list(range(100))
assert client.mget(name(5), name(99), name("none")) == ["5", "99", None]

# One bit per visitor.
for visitor in (3, 17, 3, 250):
    client.setbit(name("visitors"), visitor, 1)
assert client.bitcount(name("visitors")) == 3

# What is not a number is refused, and stays as it is.
client.set(name("views"), "many")
try:
    client.incr(name("views"))
    raise AssertionError("INCR of a word passed")
except redis.ResponseError as error:
    assert str(error) == "value is not an integer or out of range", error
assert client.get(name("views")) == "many"
