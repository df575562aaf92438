"""A chat: rooms are channels, a log listens to all of them by a pattern, and messages that a script sends arrive in the
order of the numbers that it gives them. Expiring sessions are noticed by keyspace events."""

import os
from concurrent.futures import ThreadPoolExecutor

import redis

ROOM = "example:chat.py:room:1"
COUNTER = "example:chat.py:count:1"
client = redis.Redis(port=int(os.environ.get("PORT", 6379)), decode_responses=True)
client.delete(COUNTER)


def listen(**subscriptions: str) -> redis.client.PubSub:
    listener = client.pubsub(ignore_subscribe_messages=True)
    if "room" in subscriptions:
        listener.subscribe(subscriptions["room"])
    else:
        listener.psubscribe(subscriptions["pattern"])
    # the notice, which is not shown
    assert listener.get_message(timeout=5) is None
    return listener


def messages(listener: redis.client.PubSub, count: int) -> list[str]:
    got: list[str] = []
    while len(got) < count:
        message = listener.get_message(timeout=5)
        assert message is not None, f"{len(got)} of {count} messages"
        got.append(message["data"])
    return got


listeners = [listen(room=ROOM), listen(room=ROOM), listen(pattern="example:chat.py:room:*")]
assert client.pubsub_numsub(ROOM) == [(ROOM, 2)]

# Number and message in one step: all see the messages in the order of their numbers.
say = client.register_script(
    """
    local n = redis.call('incr', KEYS[1])
    redis.call('publish', ARGV[1], n .. ' ' .. ARGV[2])
    return n
    """
)
with ThreadPoolExecutor(8) as threads:
    numbers = list(threads.map(lambda i: say([COUNTER], [ROOM, f"hello {i}"]), range(400)))
assert sorted(numbers) == list(range(1, 401))
heard = [messages(listener, 400) for listener in listeners]
assert [int(text.split()[0]) for text in heard[0]] == list(range(1, 401))
assert heard[1] == heard[0] and heard[2] == heard[0]

# What a transaction publishes comes together, and not at all if it is not executed.
with client.pipeline(transaction=True) as transaction:
    transaction.publish(ROOM, "one").publish(ROOM, "two")
    assert transaction.execute() == [3, 3]
with client.pipeline(transaction=True) as transaction:
    transaction.watch(COUNTER)
    client.incr(COUNTER)
    transaction.multi()
    transaction.publish(ROOM, "never")
    try:
        transaction.execute()
        raise AssertionError("a watched key has changed")
    except redis.WatchError:
        pass
client.publish(ROOM, "three")
assert messages(listeners[0], 3) == ["one", "two", "three"]

# A session that expires is an event.
client.config_set("notify-keyspace-events", "Ex")
events = listen(room="__keyevent@0__:expired")
client.set("example:chat.py:session:ann", "online", px=50)
assert messages(events, 1) == ["example:chat.py:session:ann"]
client.config_set("notify-keyspace-events", "")
