// Checks that the official Node clients accept a server: `node acceptance.mjs BASE_URL`.
// With `--gateway` the server is a gateway before the simulator: see acceptance.py.
// Prints one line per check and exits with 1 when one of them fails.

import assert from "node:assert/strict";
import { crc32 } from "node:zlib";

import Anthropic from "@anthropic-ai/sdk";
import OpenAI from "openai";

const base = process.argv[2].replace(/\/$/, "");
const gateway = process.argv.includes("--gateway");
const messages = [{ role: "user", content: "How deep is the river?" }];
const options = {
  apiKey: "none",
  defaultHeaders: { "x-weir-profile": "instant" },
  timeout: 30_000,
};
const openai = new OpenAI({ baseURL: `${base}/v1`, ...options });
const anthropic = new Anthropic({ baseURL: base, ...options });

const schema = {
  type: "object",
  properties: { city: { type: "string" }, unit: { enum: ["C", "F"] } },
  required: ["city", "unit"],
  additionalProperties: false,
};
const chatTool = { type: "function", function: { name: "weather", parameters: schema } };
const responsesTool = { type: "function", name: "weather", parameters: schema, strict: true };
const anthropicTool = { name: "weather", input_schema: schema };

/** Fails unless the text's last word is the CRC-32 of all before it. */
function verified(text) {
  assert.match(text, /^weir\/1 /);
  assert.equal(text.slice(-8), crc(text.slice(0, -8)).toString(16).padStart(8, "0"));
}

/** CRC-32 (ISO-HDLC); `node:zlib` has it since Node 20.15. */
function crc(text) {
  return crc32(Buffer.from(text, "utf8"));
}

function fitsSchema(value) {
  assert.deepEqual(Object.keys(value).sort(), ["city", "unit"]);
  assert.ok(["C", "F"].includes(value.unit) && value.city.length > 0);
}

function fault(expression) {
  return { headers: { "x-weir-fault": expression } };
}

async function all(stream) {
  const events = [];
  for await (const event of await stream) events.push(event);
  return events;
}

const chat = (more = {}, request = {}) =>
  openai.chat.completions.create({ model: "any-model", messages, ...more }, request);
const message = (more = {}, request = {}) =>
  anthropic.messages.create({ model: "any-model", max_tokens: 1000, messages, ...more }, request);

const checks = {
  async chat_whole() {
    const answer = await chat();
    verified(answer.choices[0].message.content);
    assert.equal(answer.choices[0].finish_reason, "stop");
    assert.equal(answer.usage.completion_tokens, 40);
    assert.match(answer._request_id, /^req_/);
  },

  async chat_limited() {
    const answer = await chat({ max_tokens: 3 });
    verified(answer.choices[0].message.content);
    assert.equal(answer.choices[0].finish_reason, "length");
  },

  async chat_stream() {
    const chunks = await all(chat({ stream: true, stream_options: { include_usage: true } }));
    const usage = chunks.pop();
    assert.deepEqual(usage.choices, []);
    assert.equal(usage.usage.completion_tokens, 40);
    verified(chunks.map((chunk) => chunk.choices[0].delta.content ?? "").join(""));
    assert.equal(chunks.at(-1).choices[0].finish_reason, "stop");
  },

  async chat_tool() {
    const answer = await chat({ tools: [chatTool], tool_choice: "required" });
    const [call] = answer.choices[0].message.tool_calls;
    assert.equal(answer.choices[0].finish_reason, "tool_calls");
    fitsSchema(JSON.parse(call.function.arguments));
  },

  async chat_tool_stream() {
    const final = await openai.chat.completions
      .stream({ model: "any-model", messages, tools: [chatTool], tool_choice: "required" })
      .finalChatCompletion();
    fitsSchema(JSON.parse(final.choices[0].message.tool_calls[0].function.arguments));
  },

  async chat_errors() {
    await assert.rejects(chat({ messages: [] }), (error) => {
      assert.ok(error instanceof OpenAI.BadRequestError);
      assert.equal(error.param, "messages");
      return true;
    });
    const noRetry = { maxRetries: 0, ...fault("status=401") };
    await assert.rejects(chat({}, noRetry), OpenAI.AuthenticationError);
    const limited = { maxRetries: 0, ...fault("status=429") };
    await assert.rejects(chat({}, limited), OpenAI.RateLimitError);
  },

  async chat_retries() {
    const started = performance.now();
    const answer = await chat({}, fault("status=429;retry-after=1;tries=1"));
    verified(answer.choices[0].message.content);
    assert.ok(performance.now() - started >= 990, "retry-after was not heeded");
    verified((await chat({}, fault("refuse;tries=1"))).choices[0].message.content);
  },

  async chat_stream_broken() {
    const broken = (expression) => all(chat({ stream: true }, fault(expression)));
    await assert.rejects(broken("error@5"), OpenAI.APIError);
    await assert.rejects(broken("cut@5"));
    await assert.rejects(broken("malformed@5"), SyntaxError);
    if (gateway) {
      await assert.rejects(broken("end@5"), OpenAI.APIError);
    } else {
      const chunks = await broken("end@5");
      assert.equal(chunks.length, 6);
      assert.equal(chunks.at(-1).choices[0].finish_reason, null);
    }
  },

  async responses_whole() {
    const answer = await openai.responses.create({ model: "any-model", input: "hi" });
    verified(answer.output_text);
    assert.equal(answer.status, "completed");
    const again = await openai.responses.retrieve(answer.id);
    assert.equal(again.output_text, answer.output_text);
    const following = await openai.responses.create({
      model: "any-model",
      input: messages,
      previous_response_id: answer.id,
    });
    assert.equal(following.previous_response_id, answer.id);
    await assert.rejects(openai.responses.retrieve("resp_unknown"), OpenAI.NotFoundError);
  },

  async responses_stream() {
    const stream = openai.responses.stream({ model: "any-model", input: "hi" });
    const events = await all(stream);
    assert.deepEqual(
      events.map((event) => event.sequence_number),
      events.map((_, index) => index),
    );
    verified((await stream.finalResponse()).output_text);
  },

  async responses_tool() {
    const answer = await openai.responses.create({
      model: "any-model",
      input: "hi",
      tools: [responsesTool],
      tool_choice: "required",
    });
    assert.equal(answer.output[0].type, "function_call");
    fitsSchema(JSON.parse(answer.output[0].arguments));
  },

  async embeddings() {
    const input = ["river", "weir"];
    const base64 = await openai.embeddings.create({ model: "any-model", input });
    const floats = await openai.embeddings.create({
      model: "any-model",
      input,
      encoding_format: "float",
    });
    assert.equal(base64.data[0].embedding.length, 1536);
    base64.data[1].embedding.forEach((number, index) => {
      assert.ok(Math.abs(number - floats.data[1].embedding[index]) < 1e-6);
    });
  },

  async openai_models() {
    const names = (await all(openai.models.list())).map((model) => model.id);
    assert.ok(names.includes("claude-sonnet-4"));
    await assert.rejects(openai.models.retrieve("no-such-model"), OpenAI.NotFoundError);
  },

  async messages_whole() {
    const answer = await message();
    verified(answer.content[0].text);
    assert.equal(answer.stop_reason, "end_turn");
    assert.equal(answer.usage.output_tokens, 40);
    assert.equal((await message({ max_tokens: 2 })).stop_reason, "max_tokens");
  },

  async messages_stream() {
    const stream = anthropic.messages.stream({ model: "any-model", max_tokens: 99, messages });
    const final = await stream.finalMessage();
    verified(final.content[0].text);
    assert.equal(final.usage.output_tokens, 40);
  },

  async messages_tool() {
    const forced = { tools: [anthropicTool], tool_choice: { type: "any" } };
    fitsSchema((await message(forced)).content[0].input);
    const stream = anthropic.messages.stream({
      model: "any-model",
      max_tokens: 99,
      messages,
      ...forced,
    });
    fitsSchema((await stream.finalMessage()).content[0].input);
  },

  async messages_errors_and_retries() {
    await assert.rejects(message({ messages: [] }), Anthropic.BadRequestError);
    await assert.rejects(
      message({}, { maxRetries: 0, ...fault("status=529") }),
      Anthropic.InternalServerError,
    );
    const answer = await message({}, fault("status=529;retry-after=0;tries=1"));
    verified(answer.content[0].text);
    await assert.rejects(all(message({ stream: true }, fault("error@5"))), Anthropic.APIError);
  },

  async count_tokens() {
    const count = await anthropic.messages.countTokens({ model: "any-model", messages });
    assert.ok(count.input_tokens > 0);
  },

  async anthropic_models() {
    const names = (await all(anthropic.models.list())).map((model) => model.id);
    assert.ok(names.includes("claude-sonnet-4"));
    await assert.rejects(anthropic.models.retrieve("no-such-model"), Anthropic.NotFoundError);
  },
};

let failed = 0;
for (const [name, check] of Object.entries(checks)) {
  try {
    await check();
    console.log(`ok   node ${name}`);
  } catch (error) {
    failed += 1;
    console.log(`FAIL node ${name}\n${error.stack}`);
  }
}
console.log(`${Object.keys(checks).length - failed} passed, ${failed} failed`);
process.exit(failed ? 1 : 0);
