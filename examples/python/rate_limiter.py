"""A rate limiter per IP address: so many requests per window, and who is refused learns for how long.

INCR and EXPIRE in one script: a counter can never be left behind without an end.
"""

import os
import time
from concurrent.futures import ThreadPoolExecutor

import redis

client = redis.Redis(port=int(os.environ.get("PORT", 6379)))

take = client.register_script("""
    local count = redis.call('INCR', KEYS[1])
    if count == 1 then
      redis.call('EXPIRE', KEYS[1], ARGV[2])
    end
    if count > tonumber(ARGV[1]) then
      return {0, redis.call('TTL', KEYS[1])}
    end
    return {1, tonumber(ARGV[1]) - count}
""")


def request(ip: str, limit: int, window: int) -> tuple[bool, int]:
    """Whether the request may pass, and how many more may, or after how many seconds to come again."""
    allowed, number = take(keys=[f"example:rate:{ip}"], args=[limit, window])
    return bool(allowed), number


client.delete(*(f"example:rate:10.2.0.{i}" for i in (1, 2, 3)))

# Fifty requests from eight threads: exactly the limit passes, and the others learn when to come back.
with ThreadPoolExecutor(8) as threads:
    answers = list(threads.map(lambda _: request("10.2.0.1", limit=10, window=60), range(50)))
assert sorted(left for allowed, left in answers if allowed) == list(range(10)), answers
assert all(58 <= seconds <= 60 for allowed, seconds in answers if not allowed), answers

# Another address is not affected.
assert request("10.2.0.2", limit=10, window=60) == (True, 9)

# When the window ends, the address may come again.
assert request("10.2.0.3", limit=1, window=2)[0]
assert not request("10.2.0.3", limit=1, window=2)[0]
time.sleep(2.1)
assert request("10.2.0.3", limit=1, window=2)[0]
