// Express on Node: one process per core behind one port, as Node's cluster module does it.
//
//     PORT=8080 node peers/node/express.mjs

import cluster from "node:cluster";
import { availableParallelism } from "node:os";

import express from "express";

import { crc32 } from "./crc32.mjs";

const FIRST_MS = Number(process.env.FIRST_MS ?? 1100);
const GAP_MS = Number(process.env.GAP_MS ?? 140);
const CHUNKS = Number(process.env.CHUNKS ?? 40);
// More than the burst of a level: Node's own default of 511 would be the bottleneck.
const BACKLOG = 4096;

const OPENING = "weir/1 ";
const WORD = "current ";

/** The text in `count` pieces; its last word is the CRC-32 of everything before it. */
function words(count) {
  const body = [OPENING, ...Array(Math.max(0, count - 2)).fill(WORD)];
  const closing = crc32(body.join("")).toString(16).padStart(8, "0");
  return count < 2 ? [OPENING + closing] : [...body, closing];
}

/** One chunk of a chat completion as a server-sent event. */
function event(delta, finish_reason = null) {
  const chunk = {
    id: "chatcmpl-peer",
    object: "chat.completion.chunk",
    created: 1,
    model: "peer",
    choices: [{ index: 0, delta, finish_reason }],
  };
  return `data: ${JSON.stringify(chunk)}\n\n`;
}

function chat(request, response) {
  const body = request.body;
  if (!body?.messages?.length) {
    const error = { message: "messages is missing", type: "invalid_request_error" };
    response.status(400).json({ error });
    return;
  }
  const count = Math.min(CHUNKS, body.max_completion_tokens ?? body.max_tokens ?? CHUNKS);
  response.writeHead(200, {
    "content-type": "text/event-stream",
    "cache-control": "no-cache",
    "x-weir-ideal-us": String(Math.round((FIRST_MS + (count - 1) * GAP_MS) * 1000)),
  });
  response.write(event({ role: "assistant", content: "" }));
  const text = words(count);
  const start = performance.now();
  let timer;
  const wait = (index) => {
    const due = start + FIRST_MS + index * GAP_MS;
    timer = setTimeout(send, Math.max(0, due - performance.now()), index);
  };
  const send = (index) => {
    response.write(event({ content: text[index] }));
    if (index + 1 < count) {
      wait(index + 1);
    } else {
      response.end(event({}, "stop") + "data: [DONE]\n\n");
    }
  };
  response.on("close", () => clearTimeout(timer));
  wait(0);
}

if (cluster.isPrimary) {
  for (let index = 0; index < availableParallelism(); index += 1) {
    cluster.fork();
  }
  process.on("SIGTERM", () => process.exit(0));
} else {
  const application = express();
  application.disable("x-powered-by");
  application.use(express.json());
  application.post("/v1/chat/completions", chat);
  application.listen({ host: "127.0.0.1", port: Number(process.env.PORT), backlog: BACKLOG });
}
