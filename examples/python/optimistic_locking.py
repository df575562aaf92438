"""Optimistic locking with WATCH: move money between accounts without ever overdrawing one.

Nobody waits for a lock. Who finds that an account changed since it was read starts again.
"""

import os
from concurrent.futures import ThreadPoolExecutor

import redis

client = redis.Redis(port=int(os.environ.get("PORT", 6379)), decode_responses=True)
conflicts = []


def account(name: str) -> str:
    return f"example:purse:{name}"


def transfer(source: str, target: str, amount: int) -> bool:
    """Whether there was enough to transfer."""
    with client.pipeline() as pipeline:
        while True:
            try:
                pipeline.watch(account(source), account(target))
                balance, other = map(int, pipeline.mget(account(source), account(target)))
                if balance < amount:
                    return False
                pipeline.multi()
                pipeline.set(account(source), balance - amount)
                pipeline.set(account(target), other + amount)
                pipeline.execute()
                return True
            except redis.WatchError:
                conflicts.append((source, target))


names = ["ann", "bob", "cem"]
client.mset({account(name): 100 for name in names})


def work(worker: int) -> int:
    made = 0
    for i in range(60):
        source = names[(worker + i) % 3]
        target = names[(worker + i + 1 + i % 2) % 3]
        made += transfer(source, target, 10 + i % 50)
    return made


with ThreadPoolExecutor(8) as threads:
    transfers = list(threads.map(work, range(8)))

balances = [int(balance) for balance in client.mget(*map(account, names))]
assert sum(balances) == 300, f"no money made or lost: {balances}"
assert min(balances) >= 0, f"no account overdrawn: {balances}"
assert all(made > 0 for made in transfers), transfers
assert conflicts, "eight workers on three accounts get into each other's way"

# Exactly how a conflict looks: EXEC is refused and nothing was done.
with client.pipeline() as pipeline:
    pipeline.watch(account("ann"))
    client.set(account("ann"), 1)
    pipeline.multi()
    pipeline.set(account("ann"), 2)
    try:
        pipeline.execute()
        raise AssertionError("the conflict went unnoticed")
    except redis.WatchError:
        pass
assert client.get(account("ann")) == "1"

print(f"{sum(transfers)} transfers, {len(conflicts)} conflicts")
