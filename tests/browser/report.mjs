// Opens the report of a real run in Chromium, uses it as a reader would, and reads its numbers back
// against run.json.
//
//     node tests/browser/report.mjs DIR [--screenshot FILE]
//
// DIR is what `weir stress streams --out DIR` wrote. With --screenshot the picture of the report's head
// is taken and nothing else. The browser is $CHROMIUM, or the first of its usual names in PATH.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';

import { checks } from './checks.mjs';
import { launch } from './chromium.mjs';

/** How long a page that loads nothing may take for anything, on a busy machine. */
const PATIENCE_MS = 10_000;

/** The picture of the README: wide enough for every column, down to the charts beside the levels. */
const PICTURE = { width: 1280, height: 1000 };
const PICTURE_END = '#levels-overview';

const { values: options, positionals } = parseArgs({
  options: { screenshot: { type: 'string' } },
  allowPositionals: true,
});
if (positionals.length !== 1) {
  console.error('usage: node tests/browser/report.mjs DIR [--screenshot FILE]');
  process.exit(2);
}
const folder = resolve(positionals[0]);
const report = pathToFileURL(join(folder, 'report.html')).href;
const run = JSON.parse(readFileSync(join(folder, 'run.json'), 'utf8'));

const browser = await launch();
try {
  if (options.screenshot) {
    await screenshot(options.screenshot);
  } else {
    process.exitCode = (await checkAll()) ? 0 : 1;
  }
} finally {
  await browser.close();
}

/** Opens the report in a page of its own; every request but the report's own file is a failure. */
async function open(settings) {
  const context = await browser.newContext({ offline: true, ...settings });
  const page = await context.newPage();
  page.setDefaultTimeout(PATIENCE_MS);
  const complaints = [];
  page.on('console', (message) => {
    if (['error', 'warning'].includes(message.type())) complaints.push(message.text());
  });
  page.on('pageerror', (error) => complaints.push(`exception: ${error.message}`));
  page.on('request', (request) => {
    const url = request.url();
    if (url !== report && !/^(data|blob):/.test(url)) complaints.push(`asked for ${url}`);
  });
  await page.goto(report);
  return { page, complaints, close: () => context.close() };
}

async function screenshot(file) {
  const { page, close } = await open({ viewport: PICTURE, deviceScaleFactor: 2 });
  const end = await page.locator(PICTURE_END).boundingBox();
  const clip = { x: 0, y: 0, width: PICTURE.width, height: Math.ceil(end.y + end.height) };
  await page.screenshot({ path: file, fullPage: true, clip });
  await close();
  console.log(`ok    picture in ${file}`);
}

/** Runs every check on a fresh page, and says what came of it. */
async function checkAll() {
  let failed = 0;
  for (const { name, settings, check } of checks) {
    const { page, complaints, close } = await open(settings);
    try {
      await check(page, run);
      assert.deepEqual(complaints, [], 'the page must be silent and ask for nothing');
      console.log(`ok    ${name}`);
    } catch (error) {
      failed += 1;
      console.log(`FAIL  ${name}\n      ${String(error.message).replaceAll('\n', '\n      ')}`);
    }
    await close();
  }
  console.log(`${checks.length - failed} of ${checks.length} browser checks passed`);
  return failed === 0;
}
