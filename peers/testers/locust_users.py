"""Locust as a library, as its documentation shows it: every user reads one streamed answer.

    URL=… USERS=100 FAULT=cut@10 python peers/testers/locust_users.py
"""

import json
import os
import time

from locust import HttpUser, task
from locust.env import Environment
from locust.exception import StopUser

URL = os.environ["URL"]
USERS = int(os.environ["USERS"])
HEADERS = {"x-weir-fault": os.environ["FAULT"]} if os.environ.get("FAULT") else {}
BODY = {"model": "m", "stream": True, "messages": [{"role": "user", "content": "Hello"}]}

first_ms = []
outcomes = []


class Reader(HttpUser):
    host = URL

    @task
    def read(self):
        outcomes.append(self.answer_is_good())
        raise StopUser

    def answer_is_good(self):
        start = time.perf_counter()
        how = {"headers": HEADERS, "stream": True, "timeout": 60, "catch_response": True}
        try:
            with self.client.post(URL, json=BODY, **how) as response:
                response.raise_for_status()
                first = True
                for line in response.iter_lines():
                    if first and is_content(line):
                        first_ms.append((time.perf_counter() - start) * 1000)
                        first = False
                return True
        except Exception:  # whatever went wrong, this answer is a failed one
            pass
        return False


def is_content(line):
    if not line.startswith(b"data: {"):
        return False
    return bool(json.loads(line[6:])["choices"][0]["delta"].get("content"))


def percentile(values, share):
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))] if ordered else None


environment = Environment(user_classes=[Reader])
runner = environment.create_local_runner()
runner.start(USERS, spawn_rate=USERS)
while len(outcomes) < USERS:
    time.sleep(0.1)
runner.quit()
result = {
    "first_p50_ms": percentile(first_ms, 0.5),
    "first_p99_ms": percentile(first_ms, 0.99),
    "failed": outcomes.count(False),
}
print(json.dumps(result))
