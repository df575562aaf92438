"""An import that never ends, and is stopped without a trace.

In Redis a script that has written cannot be stopped: it would leave half of what it does, so there is only SHUTDOWN
NOSAVE. Here what it wrote is taken back. It may have a limit of time of its own, or be stopped by SCRIPT KILL; and
while it runs, everybody who does not need its keys is served.
"""

import os
import threading
import time

import redis

PORT = int(os.environ.get("PORT", 6379))
client = redis.Redis(port=PORT, decode_responses=True)

ROWS = "example:import:rows"
TOTAL = "example:import:total"

# Reads rows until there is no more of them. Somebody forgot what happens to a row that cannot be read.
BODY = """
    redis.call('DEL', KEYS[2])
    local row = redis.call('LPOP', KEYS[1])
    while row do
      local amount = tonumber(row)
      if amount then
        redis.call('INCRBY', KEYS[2], amount)
        row = redis.call('LPOP', KEYS[1])
      end
    end
    return redis.call('GET', KEYS[2])
"""

patient = client.register_script(BODY)
limited = client.register_script("#!lua flags=time-limit=50\n" + BODY)


def rows() -> list[str]:
    return client.lrange(ROWS, 0, -1)


client.delete(ROWS)
client.rpush(ROWS, 1, 2, 3)
assert limited(keys=[ROWS, TOTAL]) == "6" and not rows()

# With a row that it chokes on it runs for ever, or would.
table = [str(number) for number in range(500)] + ["?"] + ["1"] * 500
client.rpush(ROWS, *table)
started = time.monotonic()
try:
    limited(keys=[ROWS, TOTAL])
    raise AssertionError("it ended")
except redis.ResponseError as error:
    assert "ran longer than it may" in str(error), error
assert time.monotonic() - started < 10
assert rows() == table, "every row is there again, in its place"
assert client.get(TOTAL) == "6", "and what it had deleted at the beginning as well"

# Without a limit somebody has to stop it. He is heard, and others are served meanwhile.
outcome: list[str] = []


def run() -> None:
    try:
        redis.Redis(port=PORT).evalsha(patient.sha, 2, ROWS, TOTAL)
    except redis.ResponseError as error:
        outcome.append(str(error))


client.script_load(BODY)
runaway = threading.Thread(target=run)
runaway.start()
served = 0
while runaway.is_alive():
    client.incr("example:import:others")
    served += 1
    try:
        client.script_kill()
    except redis.ResponseError as error:
        assert "NOTBUSY" in str(error), error
        time.sleep(0.01)
runaway.join()
assert "killed by user" in outcome[0], outcome
assert served > 1
assert rows() == table and client.get(TOTAL) == "6"

# The row is taken out, and the import runs.
client.lrem(ROWS, 0, "?")
assert patient(keys=[ROWS, TOTAL]) == str(sum(range(500)) + 500)
assert not rows()

print(f"stopped twice without a trace; {served} other commands served meanwhile")
