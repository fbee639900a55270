// Checks that the official Node client accepts the simulator's media: `node media.mjs BASE_URL`.
// Prints one line per check and exits with 1 when one of them fails. What is in the files is checked by
// media.py, with real decoders.

import assert from "node:assert/strict";
import { createHash } from "node:crypto";

import OpenAI, { toFile } from "openai";

const base = process.argv[2].replace(/\/$/, "");
const openai = new OpenAI({
  baseURL: `${base}/v1`,
  apiKey: "none",
  defaultHeaders: { "x-weir-profile": "instant" },
  timeout: 60_000,
});
const text = "The river is deep, and nobody knows how deep it is.";

const fault = (expression) => ({ headers: { "x-weir-fault": expression } });
const bytes = async (response) => Buffer.from(await (await response).arrayBuffer());
const startsWith = (data, mark) => assert.equal(data.subarray(0, mark.length).toString("latin1"), mark);
const png = "\x89PNG\r\n\x1a\n";

async function all(stream) {
  const events = [];
  for await (const event of await stream) events.push(event);
  return events;
}

async function picture() {
  const answer = await openai.images.generate({ prompt: "a", size: "64x64" });
  return Buffer.from(answer.data[0].b64_json, "base64");
}

const speak = (format) =>
  bytes(openai.audio.speech.create({ model: "tts", input: text, voice: "alloy", response_format: format }));

const checks = {
  async videos() {
    const created = await openai.videos.create(
      {
        prompt: "a river",
        seconds: "4",
        size: "1280x720",
        input_reference: await toFile(await picture(), "frame.png", { type: "image/png" }),
      },
      fault("slow-job=200ms"),
    );
    assert.equal(created.object, "video");
    let video = created;
    while (video.status === "queued" || video.status === "in_progress") {
      await new Promise((resolve) => setTimeout(resolve, 20));
      video = await openai.videos.retrieve(created.id);
    }
    assert.equal(video.status, "completed");
    startsWith((await bytes(openai.videos.downloadContent(video.id))).subarray(4), "ftyp");
    startsWith(await bytes(openai.videos.downloadContent(video.id, { variant: "thumbnail" })), "RIFF");
    const remix = await openai.videos.remix(video.id, { prompt: "at night" });
    assert.equal(remix.remixed_from_video_id, video.id);
    const ids = (await all(openai.videos.list({ limit: 1 }))).map((each) => each.id);
    assert.deepEqual(ids.slice(0, 2), [remix.id, video.id]);
    assert.equal((await openai.videos.delete(video.id)).deleted, true);
    await assert.rejects(openai.videos.retrieve(video.id), OpenAI.NotFoundError);
  },

  async video_of_exact_length() {
    const data = await bytes(openai.videos.downloadContent("vid_weir~bytes=7691516"));
    assert.equal(data.length, 7_691_516);
    const stats = await (await fetch(`${base}/weir/stats`)).json();
    const video = stats.media.videos.find((each) => each.id === "vid_weir~bytes=7691516");
    assert.equal(video.sha256, createHash("sha256").update(data).digest("hex"));
    assert.equal(video.md5, createHash("md5").update(data).digest("hex"));
  },

  async video_downloads_that_break() {
    const content = (expression) =>
      bytes(openai.videos.downloadContent("vid_weir~bytes=200000", {}, fault(expression)));
    assert.equal((await content("status=503;retry-after=0;tries=1")).length, 200_000);
    await assert.rejects(content("cut@100000"));
    assert.equal((await content("end@100000")).length, 100_000);
  },

  async images() {
    startsWith(await picture(), png);
    const image = [await toFile(await picture(), "a.png", { type: "image/png" })];
    const edited = await openai.images.edit({ image, prompt: "a", size: "64x64" });
    startsWith(Buffer.from(edited.data[0].b64_json, "base64"), png);
    const request = { prompt: "a", size: "64x64", stream: true, partial_images: 2 };
    const events = await all(openai.images.generate(request));
    assert.deepEqual(
      events.map((event) => event.type),
      ["image_generation.partial_image", "image_generation.partial_image", "image_generation.completed"],
    );
  },

  async responses_with_a_picture() {
    const tools = [{ type: "image_generation", size: "64x64" }];
    const started = await openai.responses.create({ model: "m", input: "draw", tools, background: true });
    const response = await openai.responses.retrieve(started.id);
    assert.equal(response.status, "completed");
    startsWith(Buffer.from(response.output[0].result, "base64"), png);
    const stream = openai.responses.stream({ model: "m", input: "draw", tools });
    const events = await all(stream);
    assert.ok(events.some((event) => event.type === "response.image_generation_call.completed"));
    assert.equal((await stream.finalResponse()).output[0].type, "image_generation_call");
  },

  async files() {
    const file = await openai.files.create({
      file: await toFile(Buffer.from("hello"), "a.txt"),
      purpose: "user_data",
    });
    assert.equal((await bytes(openai.files.content(file.id))).toString(), "hello");
    assert.ok((await all(openai.files.list())).some((each) => each.id === file.id));
    assert.equal((await openai.files.delete(file.id)).deleted, true);
  },

  async speech_and_transcriptions() {
    const wav = await speak("wav");
    startsWith(wav, "RIFF");
    const mp3 = await speak("mp3");
    startsWith(mp3, "ID3");
    const transcribe = async (name, data, more = {}) =>
      openai.audio.transcriptions.create({ model: "whisper-1", file: await toFile(data, name), ...more });
    assert.equal((await transcribe("a.wav", wav)).text, text);
    assert.equal((await transcribe("a.mp3", mp3)).text, text);
    const verbose = await transcribe("a.mp3", mp3, { response_format: "verbose_json" });
    assert.equal(verbose.segments.map((segment) => segment.text).join(""), text);
    const events = await all(transcribe("a.mp3", mp3, { stream: true }));
    assert.equal(events.at(-1).text, text);
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
