// k6, as its documentation shows a load test: every user asks once, and the status is checked.
//
//     URL=… USERS=100 FAULT=cut@10 k6 run peers/testers/k6.js

import http from "k6/http";
import { check } from "k6";

const users = Number(__ENV.USERS);

export const options = {
  scenarios: { once: { executor: "per-vu-iterations", vus: users, iterations: 1, maxDuration: "2m" } },
  summaryTrendStats: ["p(50)", "p(99)"],
};

export default function () {
  const headers = { "content-type": "application/json" };
  if (__ENV.FAULT) headers["x-weir-fault"] = __ENV.FAULT;
  const body = { model: "m", stream: true, messages: [{ role: "user", content: "Hello" }] };
  const response = http.post(__ENV.URL, JSON.stringify(body), { headers, timeout: "60s" });
  check(response, { "status is 200": (it) => it.status === 200 && !it.error });
}

export function handleSummary(data) {
  const { checks, http_req_waiting: waiting } = data.metrics;
  const result = {
    first_p50_ms: waiting.values["p(50)"],
    first_p99_ms: waiting.values["p(99)"],
    failed: checks.values.fails,
  };
  return { stdout: JSON.stringify(result) };
}
