"""redis-py's Lock: taken with SET NX, given back, extended and reacquired by its scripts."""

import os
import threading
import time

import redis
from redis.exceptions import LockError, LockNotOwnedError

client = redis.Redis(port=int(os.environ.get("PORT", 6379)))
NAME = "example:lock"
client.delete(NAME)

# Eight threads change a number that is read and written in two steps: never two at the same time.
number = 0


def work() -> None:
    global number
    for _ in range(10):
        with client.lock(NAME, timeout=10, sleep=0.002):
            read = number
            time.sleep(0.001)
            number = read + 1


threads = [threading.Thread(target=work) for _ in range(8)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
assert number == 80, number
assert not client.exists(NAME)

# Its end is put off, set anew, and comes.
lock = client.lock(NAME, timeout=5)
assert lock.acquire(blocking=False)
assert not client.lock(NAME, timeout=5).acquire(blocking=False)
assert lock.extend(10) and 14_000 < client.pttl(NAME) <= 15_000
assert lock.extend(20, replace_ttl=True) and 19_000 < client.pttl(NAME) <= 20_000
assert lock.reacquire() and 4_000 < client.pttl(NAME) <= 5_000
assert lock.owned() and lock.locked()
lock.release()
assert not lock.locked()

# What another has now is not given back, nor extended.
short = client.lock(NAME, timeout=0.05)
assert short.acquire()
time.sleep(0.1)
other = client.lock(NAME, timeout=5)
assert other.acquire(blocking=False)
for refused in (short.release, lambda: short.extend(1)):
    try:
        refused()
        raise AssertionError("it was not its own any more")
    except (LockNotOwnedError, LockError):
        pass
assert other.owned()
other.release()
