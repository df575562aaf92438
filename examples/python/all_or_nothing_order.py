"""An order over several keys: all seats that somebody wants, or none.

A free seat is a key, and who takes it renames it to his own, which fails where somebody has been faster. In Redis the
other commands of the transaction would run all the same, and the customer would have half of his seats. With
CLIENT ATOMICITY (or MULTI ATOMIC) the first command that fails takes the whole transaction back. redis-py's own
pipeline is used as it is: the switch is the connection's.
"""

import os
import random
from concurrent.futures import ThreadPoolExecutor

import redis

PORT = int(os.environ.get("PORT", 6379))
SEATS = 40
CUSTOMERS = 24


def free(seat: int) -> str:
    return f"example:hall:free:{seat}"


def taken(seat: int, customer: str) -> str:
    return f"example:hall:taken:{seat}:{customer}"


def all_or_nothing(connection: redis.Connection) -> None:
    """What each new connection of a client's pool says first."""
    connection.on_connect()
    connection.send_command("CLIENT", "ATOMICITY", "TRANSACTIONS", "ALL-OR-NOTHING")
    assert connection.read_response() in ("OK", b"OK")


def connect() -> redis.Redis:
    return redis.Redis(port=PORT, decode_responses=True, redis_connect_func=all_or_nothing)


def order(client: redis.Redis, customer: str, seats: list[int]) -> bool:
    """Whether the customer has got them all. If not, he has got none, and nobody has seen that he tried."""
    with client.pipeline(transaction=True) as transaction:
        for seat in seats:
            transaction.incrby("example:hall:sold", 1)
            transaction.rename(free(seat), taken(seat, customer))
        transaction.rpush("example:hall:orders", customer)
        try:
            transaction.execute()
            return True
        except redis.exceptions.ExecAbortError as error:
            assert "'rename' failed: ERR no such key" in str(error), error
            return False


def visit(number: int) -> int:
    """How many seats a customer has in the end, who tries until he has four or has been refused ten times."""
    chance, customer, client = random.Random(number), f"customer-{number}", connect()
    for _ in range(10):
        if order(client, customer, chance.sample(range(SEATS), 4)):
            return 4
    return 0


hall = connect()
for key in hall.scan_iter("example:hall:*"):
    hall.delete(key)
hall.mset({free(seat): "a seat" for seat in range(SEATS)})

# One after the other: the second wants a seat that is gone, and gets nothing.
assert order(hall, "ann", [0, 1, 2, 3])
assert not order(hall, "bob", [4, 5, 3])
assert hall.exists(free(4), free(5)) == 2, "what he had for a moment is free"
assert hall.get("example:hall:sold") == "4"
assert hall.lrange("example:hall:orders", 0, -1) == ["ann"]

# All at once.
with ThreadPoolExecutor(CUSTOMERS) as threads:
    sold = sum(threads.map(visit, range(CUSTOMERS)))
assert sold > 0
per_customer = {}
for key in hall.scan_iter("example:hall:taken:*"):
    customer = key.rsplit(":", 1)[1]
    per_customer[customer] = per_customer.get(customer, 0) + 1
assert set(per_customer.values()) == {4}, f"all or none: {per_customer}"
assert sum(per_customer.values()) == sold + 4
assert int(hall.get("example:hall:sold")) == sold + 4
assert hall.llen("example:hall:orders") == len(per_customer)
assert sum(1 for _ in hall.scan_iter("example:hall:free:*")) == SEATS - sold - 4

print(f"{len(per_customer)} customers have four seats each, nobody has some")
