"""dramatiq: tasks through its Redis broker, whose one script moves messages between queues."""

import logging
import os
import threading
import time

import dramatiq
from dramatiq.brokers.redis import RedisBroker
from dramatiq.results import Results
from dramatiq.results.backends.redis import RedisBackend

# the task that fails on purpose is no news
logging.getLogger("dramatiq").setLevel(logging.CRITICAL)

URL = f"redis://127.0.0.1:{int(os.environ.get('PORT', 6379))}"
broker = RedisBroker(url=URL, namespace="example-dramatiq")
broker.add_middleware(Results(backend=RedisBackend(url=URL, namespace="example-dramatiq-results")))
dramatiq.set_broker(broker)

seen: dict[int, int] = {}
lock = threading.Lock()
attempts = 0


@dramatiq.actor(store_results=True)
def square(number: int) -> int:
    with lock:
        seen[number] = seen.get(number, 0) + 1
    return number * number


@dramatiq.actor(max_retries=3, min_backoff=20, max_backoff=40, store_results=True)
def fragile() -> str:
    global attempts
    attempts += 1
    if attempts < 3:
        raise RuntimeError("not yet")
    return "at last"


broker.flush_all()
worker = dramatiq.Worker(broker, worker_threads=4, worker_timeout=50)
worker.start()
try:
    # Two hundred tasks, each done once, each with its result.
    messages = [square.send(number) for number in range(200)]
    results = [message.get_result(block=True, timeout=20_000) for message in messages]
    assert results == [number * number for number in range(200)]
    assert seen == {number: 1 for number in range(200)}, seen

    # One that fails is tried again, after a delay.
    assert fragile.send().get_result(block=True, timeout=20_000) == "at last"
    assert attempts == 3

    # One that is to run later does.
    began = time.monotonic()
    assert square.send_with_options(args=(1000,), delay=300).get_result(block=True, timeout=20_000) == 1_000_000
    assert time.monotonic() - began >= 0.3
    broker.join(square.queue_name)
finally:
    worker.stop()
    broker.flush_all()
