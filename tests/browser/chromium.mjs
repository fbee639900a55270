// The browser of these tests: $CHROMIUM, or the first of its usual names in PATH.

import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';

import { chromium } from 'playwright-core';

const NAMES = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable'];

/** Chromium's own traffic is kept down; the page's is forbidden below. */
const SWITCHES = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

/** Starts it. */
export function launch() {
  return chromium.launch({ executablePath: findBrowser(), args: SWITCHES });
}

function findBrowser() {
  if (process.env.CHROMIUM) return process.env.CHROMIUM;
  const folders = (process.env.PATH ?? '').split(delimiter);
  const places = NAMES.flatMap((name) => folders.map((place) => join(place, name)));
  const found = places.find((place) => existsSync(place));
  if (!found) {
    console.error(`none of ${NAMES.join(', ')} is in PATH: run cargo xtask test, which installs it`);
    process.exit(3);
  }
  return found;
}
