// Opens a gateway's live page in Chromium and holds what it shows against what is going on.
//
//     node tests/browser/live.mjs URL
//
// URL is the base of a gateway before a simulator. One stream is held open, then left.

import assert from 'node:assert/strict';

import { launch } from './chromium.mjs';

const base = process.argv[2]?.replace(/\/$/, '');
if (!base) {
  console.error('usage: node tests/browser/live.mjs URL');
  process.exit(2);
}

/** The page is told once a second; a busy machine may be slow on top. */
const PATIENCE_MS = 15_000;

const browser = await launch();
try {
  const page = await (await browser.newContext()).newPage();
  page.setDefaultTimeout(PATIENCE_MS);
  const complaints = [];
  page.on('console', (message) => {
    if (['error', 'warning'].includes(message.type())) complaints.push(message.text());
  });
  page.on('pageerror', (error) => complaints.push(String(error)));
  page.on('request', (request) => {
    if (!request.url().startsWith(base)) complaints.push(`asked for ${request.url()}`);
  });
  await page.goto(`${base}/`);
  const shows = (selector, text) =>
    page.waitForFunction(([where, what]) => document.querySelector(where)?.textContent.includes(what), [selector, text]);
  await shows('#state', 'live');
  await shows('#open', '0 of ');
  await shows('#upstreams', 'well');

  const leave = new AbortController();
  const answer = await fetch(`${base}/v1/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'x-weir-fault': 'stall@3=60s' },
    body: JSON.stringify({ model: 'm', stream: true, messages: [{ role: 'user', content: 'hi' }] }),
    signal: leave.signal,
  });
  assert.equal(answer.status, 200);
  await shows('#open', '1 of ');
  await shows('#ttft', 'ms');
  leave.abort();
  await shows('#open', '0 of ');
  const left = await page.$eval('#outcomes', (body) =>
    [...body.rows].find((row) => row.cells[0].textContent === 'client left')?.cells[1].textContent);
  assert.equal(left, '1');
  const points = await page.$eval('#line', (line) => line.getAttribute('points').split(' ').length);
  assert.ok(points >= 2, `${points} points`);

  // Nothing is cut off on a telephone, and dark rooms are respected.
  await page.setViewportSize({ width: 360, height: 740 });
  const wide = await page.evaluate(() => document.documentElement.scrollWidth);
  assert.ok(wide <= 360, `${wide} pixels wide`);
  await page.emulateMedia({ colorScheme: 'dark' });
  const paper = await page.evaluate(() => getComputedStyle(document.body).backgroundColor);
  assert.notEqual(paper, 'rgb(255, 255, 255)');
  assert.deepEqual(complaints, []);
  console.log('ok   live page');
} finally {
  await browser.close();
}
