"""A reliable queue: a worker may die in the middle of a job, and no job is lost, nor does any have its effect twice.

A worker takes a job with BLMOVE, which puts it into the worker's own list in the same step, so it is always in one list
or the other. A worker that lives renews its lease. Who has none is dead, or as good as dead: the reaper gives what is in
its list back to the queue, and another worker starts from the beginning. So a job may be *attempted* twice, which no
queue can avoid (who was killed cannot say how far it came). But its effect, its entry among what is done and its
removal from the worker's list are one script, and the script counts each job once.

Here one worker is killed in the middle of a job (SIGKILL), and another is stopped for longer than its lease (SIGSTOP)
and then goes on, to finish a job that has long been done by somebody else.
"""

import json
import os
import signal
import subprocess
import sys
import threading
import time

import redis

QUEUE = "example:jobs:queue"
DONE = "example:jobs:done"
TOTALS = "example:jobs:totals"
ATTEMPTS = "example:jobs:attempts"
CLOSED = "example:jobs:closed"
LEASE_MS = 2000

client = redis.Redis(port=int(os.environ.get("PORT", 6379)), decode_responses=True)


def in_hand(worker: str) -> str:
    """The list of what a worker has taken."""
    return f"example:jobs:in-hand:{worker}"


def lease(worker: str) -> str:
    return f"example:jobs:lease:{worker}"


# The job leaves the worker's list, and has its effect unless it had it already. Returns whether it had it now.
complete = client.register_script("""
    local job = cjson.decode(ARGV[1])
    redis.call('LREM', KEYS[1], 1, ARGV[1])
    if redis.call('HSETNX', KEYS[2], job.id, ARGV[2]) == 0 then
      return 0
    end
    redis.call('HINCRBY', KEYS[3], job.account, job.amount)
    return 1
""")

# Everything that a worker without a lease has in hand goes back to the end that is taken next. Returns how much.
give_back = client.register_script("""
    local count = 0
    if redis.call('EXISTS', KEYS[2]) == 0 then
      while redis.call('LMOVE', KEYS[1], KEYS[3], 'LEFT', 'RIGHT') do
        count = count + 1
      end
    end
    return count
""")


def work(name: str, seconds_per_job: float) -> None:
    """What a worker's process does until the queue is closed."""

    def keep_alive() -> None:
        while True:
            client.set(lease(name), os.getpid(), px=LEASE_MS)
            time.sleep(LEASE_MS / 1000 / 5)

    threading.Thread(target=keep_alive, daemon=True).start()
    completed, refused = 0, 0
    while not client.exists(CLOSED):
        job = client.blmove(QUEUE, in_hand(name), 0.1, "RIGHT", "LEFT")
        if job is None:
            continue
        client.hincrby(ATTEMPTS, json.loads(job)["id"], 1)
        time.sleep(seconds_per_job)
        if complete(keys=[in_hand(name), DONE, TOTALS], args=[job, name]):
            completed += 1
        else:
            refused += 1
    print(json.dumps({"completed": completed, "refused": refused}))


def until(what: str, is_so) -> None:
    deadline = time.monotonic() + 30
    while not is_so():
        assert time.monotonic() < deadline, f"not {what} after 30 s"
        time.sleep(0.01)


def main() -> None:
    names = ["ann", "bob", "cem", "mortal", "sleepy"]
    client.delete(QUEUE, DONE, TOTALS, ATTEMPTS, CLOSED, *map(in_hand, names), *map(lease, names))
    processes: dict[str, subprocess.Popen] = {}

    def start(name: str, seconds_per_job: float) -> None:
        # the lease comes before the worker can take anything
        client.set(lease(name), "starting", px=5000)
        command = [sys.executable, __file__, "worker", name, str(seconds_per_job)]
        processes[name] = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)

    def reap() -> int:
        """A worker's name is never forgotten: its last BLMOVE may be served after the worker has died."""
        return sum(give_back(keys=[in_hand(name), lease(name), QUEUE]) for name in names)

    jobs = [{"id": f"job-{n}", "account": f"account-{n % 7}", "amount": n} for n in range(300)]
    try:
        # Two workers have a job in hand, and are in the middle of it, when the others have not even started.
        start("mortal", seconds_per_job=60)
        start("sleepy", seconds_per_job=2)
        client.lpush(QUEUE, *(json.dumps(job) for job in jobs[:2]))
        until("both at work", lambda: client.hlen(ATTEMPTS) == 2 and client.llen(QUEUE) == 0)
        processes["sleepy"].send_signal(signal.SIGSTOP)
        processes["mortal"].send_signal(signal.SIGKILL)
        assert processes["mortal"].wait() == -signal.SIGKILL
        assert client.llen(in_hand("mortal")) == 1, "the job outlives the worker"
        assert client.llen(in_hand("sleepy")) == 1
        assert reap() == 0, "until their leases end they may still be at work"

        for name in ["ann", "bob", "cem"]:
            start(name, seconds_per_job=0.001)
        client.lpush(QUEUE, *(json.dumps(job) for job in jobs[2:]))
        given_back = 0

        def all_done() -> bool:
            nonlocal given_back
            given_back += reap()
            return client.hlen(DONE) == len(jobs)

        until("all done", all_done)
        assert given_back >= 2

        # The sleeper wakes up, and finishes what is finished.
        processes["sleepy"].send_signal(signal.SIGCONT)
        client.set(CLOSED, 1)
        reports = {}
        for name, process in processes.items():
            output, _ = process.communicate(timeout=30)
            if name != "mortal":
                assert process.returncode == 0, name
                reports[name] = json.loads(output)
    finally:
        for process in processes.values():
            process.kill()

    # Nothing is lost: every job is done, and no list holds one. Nothing has had its effect twice: the totals say so.
    assert set(client.hkeys(DONE)) == {job["id"] for job in jobs}
    assert client.exists(QUEUE, *map(in_hand, names)) == 0
    totals = {f"account-{n}": str(sum(range(n, len(jobs), 7))) for n in range(7)}
    assert client.hgetall(TOTALS) == totals, client.hgetall(TOTALS)
    assert sum(report["completed"] for report in reports.values()) == len(jobs)
    # Attempted twice, done once: the two that were interrupted.
    attempts = {job: int(count) for job, count in client.hgetall(ATTEMPTS).items()}
    assert attempts["job-0"] >= 2 and attempts["job-1"] >= 2, attempts
    assert reports["sleepy"] == {"completed": 0, "refused": 1}, reports
    assert client.hget(DONE, "job-0") != "mortal" and client.hget(DONE, "job-1") != "sleepy"
    print(f"{len(jobs)} jobs done in {sum(attempts.values())} attempts, {given_back} given back")


if sys.argv[1:2] == ["worker"]:
    work(sys.argv[2], float(sys.argv[3]))
else:
    main()
