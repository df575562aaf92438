"""A cache with expiry in front of something slow."""

import json
import os
import time
from collections.abc import Callable

import redis

client = redis.Redis(port=int(os.environ.get("PORT", 6379)), decode_responses=True)


def cached(key: str, milliseconds: int, compute: Callable[[], dict]) -> dict:
    hit = client.get(key)
    if hit is not None:
        return json.loads(hit)
    value = compute()
    client.set(key, json.dumps(value), px=milliseconds)
    return value


computed = 0
key = "example:cache:user:9"


def slow() -> dict:
    global computed
    computed += 1
    return {"id": 9, "name": "Zoë", "visit": computed}


def user() -> dict:
    return cached(key, 1000, slow)


client.delete(key)
assert user() == {"id": 9, "name": "Zoë", "visit": 1}
assert user() == {"id": 9, "name": "Zoë", "visit": 1}, "the second time from the cache"
assert 0 < client.pttl(key) <= 1000
time.sleep(1.05)
assert client.exists(key) == 0, "expired"
assert user()["visit"] == 2, "computed anew"

# A write through the cache keeps the lifetime; reading may prolong it; persist makes it stay.
client.set(key, '{"visit":99}', ex=100)
client.set(key, '{"visit":100}', keepttl=True)
assert client.ttl(key) == 100
assert client.getex(key, ex=200) == '{"visit":100}'
assert client.ttl(key) == 200
assert client.persist(key)
assert client.ttl(key) == -1
assert client.getdel(key) == '{"visit":100}'
assert client.ttl(key) == -2
