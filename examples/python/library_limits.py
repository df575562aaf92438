"""limits: fixed, moving and sliding windows, each kept by a script of the library."""

import os
import time

import limits
from limits.storage import storage_from_string

PORT = int(os.environ.get("PORT", 6379))
storage = storage_from_string(f"redis://127.0.0.1:{PORT}")
assert storage.check()

for strategy in (
    limits.strategies.FixedWindowRateLimiter,
    limits.strategies.MovingWindowRateLimiter,
    limits.strategies.SlidingWindowCounterRateLimiter,
):
    limiter = strategy(storage)
    item = limits.parse("5 per 2 second")
    who = f"address:{strategy.__name__}"
    limiter.clear(item, who)
    # a fixed window that ends between two of the calls would let more through
    time.sleep(2.02 - time.time() % 2)

    assert limiter.test(item, who)
    assert [limiter.hit(item, who) for _ in range(8)] == [True] * 5 + [False] * 3, strategy
    assert not limiter.test(item, who)
    stats = limiter.get_window_stats(item, who)
    assert stats.remaining == 0 and stats.reset_time - time.time() <= 4.1, stats

    # more than one at once, and a new window
    time.sleep(4.1)
    assert limiter.hit(item, who, cost=4), strategy
    assert limiter.hit(item, who), strategy
    assert not limiter.hit(item, who, cost=2), strategy
    limiter.clear(item, who)
    assert limiter.get_window_stats(item, who).remaining == 5
