// What a reader does with a report, and what must then be so. Each check gets a fresh page.

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';

import { figures, inRun, isRounded, shownMilliseconds } from './reading.mjs';

const DESKTOP = { viewport: { width: 1280, height: 900 } };
const PHONE = { viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true };

const NO_SCRIPTS = { ...DESKTOP, javaScriptEnabled: false };

/** Numbers of every level that the page must show. */
const SHOWN_FOR_EVERY_LEVEL = ['users', 'ttft_ms.p95', 'total_ms.p95', 'gap_ms.p99'];

/** A number that is written and read again may differ in its last binary digit. */
const EXACT = 1e-12;

export const checks = [
  { name: 'the verdict stands first, and its rule with it', settings: DESKTOP, check: verdict },
  { name: 'every number is that of run.json', settings: DESKTOP, check: numbers },
  { name: 'every time is shown as it is, rounded', settings: DESKTOP, check: roundedTimes },
  { name: 'every level shows its key numbers', settings: DESKTOP, check: levels },
  { name: 'the run can be saved from the page', settings: DESKTOP, check: save },
  { name: 'the theme can be changed and changed back', settings: DESKTOP, check: theme },
  { name: 'a dark system gets a dark page', settings: { ...DESKTOP, colorScheme: 'dark' }, check: dark },
  { name: 'a level can be chosen', settings: DESKTOP, check: chooseLevel },
  { name: 'the level table can be sorted', settings: DESKTOP, check: sort },
  { name: 'every chart has its numbers behind it', settings: DESKTOP, check: details },
  { name: 'a chart tells its values under the pointer', settings: DESKTOP, check: hover },
  { name: 'a scroll hides what a chart tells, and only a scroll', settings: DESKTOP, check: scrolled },
  { name: 'a chart tells its values to the keyboard', settings: DESKTOP, check: keyboard },
  { name: 'terms are explained in place', settings: DESKTOP, check: terms },
  { name: 'the command can be copied', settings: DESKTOP, check: copy },
  { name: 'a phone does not scroll sideways', settings: PHONE, check: phone },
  { name: 'without scripts everything can be read', settings: NO_SCRIPTS, check: withoutScripts },
];

async function verdict(page, run) {
  const word = await page.textContent('h1 [data-verdict]');
  assert.ok(['MET', 'NOT MET', 'NOT TRUSTED'].includes(word.trim()), word);
  assert.ok((await page.title()).includes(run.name), await page.title());
  const [head, levels] = await tops(page, ['h1', '#levels-table']);
  assert.ok(head < levels, 'the verdict stands above the levels');
  const rule = await page.textContent('.rule');
  for (const { predicate } of run.slo) {
    assert.ok(rule.includes(predicate), `the rule is ${rule}, without ${predicate}`);
  }
}

async function numbers(page, run) {
  let compared = 0;
  for (const figure of await figures(page)) {
    if (figure.metric.startsWith('derived.')) continue;
    const expected = inRun(run, figure);
    const where = `${figure.metric} of level ${figure.level}`;
    if (figure.value === null) {
      if (figure.text !== null) assert.match(figure.text, /^(?:! )?–/u, where);
      continue;
    }
    assert.equal(typeof expected, 'number', `${where} is not in run.json`);
    assert.ok(
      Math.abs(figure.value - expected) <= Math.abs(expected) * EXACT,
      `${where}: the page says ${figure.value}, run.json ${expected}`,
    );
    compared += 1;
  }
  assert.ok(compared >= 40 * run.levels.length, `only ${compared} numbers name their source`);
}

async function roundedTimes(page) {
  let compared = 0;
  for (const { metric, value, text } of await figures(page)) {
    const isTime = !metric.startsWith('derived.') && /_ms(\.(mean|p\d+|max))?$/u.test(metric);
    if (!isTime || value === null || text === null) continue;
    const shown = shownMilliseconds(text);
    assert.notEqual(shown, null, `${metric}: ${text} is no time`);
    // A column has one unit, so that its smallest numbers may have fewer digits.
    const places = (text.split('.')[1] ?? '').match(/^\d*/u)[0].length;
    const unit = shownMilliseconds(text.replace(/[\d\s.]+/u, '1 '));
    const half = (0.5 * unit) / 10 ** places;
    assert.ok(
      isRounded(shown, value) || Math.abs(shown - value) <= half * 1.000001,
      `${metric}: ${value} ms is shown as ${text}`,
    );
    compared += 1;
  }
  assert.ok(compared > 20, `only ${compared} times are shown`);
}

async function levels(page, run) {
  const shown = await figures(page);
  for (const [index] of run.levels.entries()) {
    for (const metric of SHOWN_FOR_EVERY_LEVEL) {
      const found = shown.some((it) => it.metric === metric && it.level === index);
      assert.ok(found, `level ${index} does not show ${metric}`);
    }
  }
}

async function save(page, run) {
  const [download] = await Promise.all([page.waitForEvent('download'), page.click('#save')]);
  assert.equal(download.suggestedFilename(), 'run.json');
  const saved = JSON.parse(await readFile(await download.path(), 'utf8'));
  assert.deepEqual(saved, run);
}

async function theme(page) {
  const before = await background(page);
  assert.ok(brightness(before) > 200, `a light page is bright: ${before}`);
  await page.click('#theme');
  const changed = await background(page);
  assert.ok(brightness(changed) < 80, `a dark page is dark: ${changed}`);
  await page.click('#theme');
  assert.equal(await background(page), before);
}

async function dark(page) {
  const colour = await background(page);
  assert.ok(brightness(colour) < 80, `a dark page is dark: ${colour}`);
}

async function chooseLevel(page, run) {
  const panels = page.locator('.per-level .panel');
  assert.equal(await panels.count(), run.levels.length);
  const visible = async () => {
    const shown = await panels.evaluateAll((all) =>
      all.filter((panel) => panel.checkVisibility()).map((panel) => Number(panel.dataset.level)),
    );
    return shown;
  };
  assert.equal((await visible()).length, 1, 'one level at a time');
  for (const [index] of run.levels.entries()) {
    await page.click(`label[for="pick-${index}"]`);
    assert.deepEqual(await visible(), [index], 'by its button');
    const marked = page.locator(`#levels-table tbody tr[data-level="${index}"]`);
    assert.match((await marked.getAttribute('class')) ?? '', /\bon\b/u, 'its row is marked');
  }
  await page.click('#levels-table tbody tr[data-level="0"]');
  assert.deepEqual(await visible(), [0], 'by its row');
}

async function sort(page, run) {
  const head = page.locator('#levels-table .heads th').first();
  const order = () =>
    page.$$eval('#levels-table tbody tr', (rows) => rows.map((row) => Number(row.dataset.level)));
  const original = run.levels.map((_, index) => index);
  const ascending = [...original].sort((a, b) => run.levels[a].users - run.levels[b].users);
  assert.deepEqual(await order(), original);
  await head.locator('button').click();
  assert.deepEqual(await order(), ascending);
  assert.equal(await head.getAttribute('aria-sort'), 'ascending');
  await head.locator('button').click();
  assert.deepEqual(await order(), [...ascending].reverse());
  await head.locator('button').click();
  assert.deepEqual(await order(), original);
}

async function details(page) {
  const folds = page.locator('figure details');
  const count = await folds.count();
  assert.ok(count >= 5, `only ${count} charts have their numbers behind them`);
  for (let index = 0; index < count; index += 1) {
    const fold = folds.nth(index);
    const table = fold.locator('table');
    assert.equal(await table.isVisible(), false);
    await fold.locator('summary').click();
    assert.equal(await table.isVisible(), true);
    assert.ok((await table.locator('tbody tr').count()) > 0);
  }
}

async function hover(page, run) {
  const last = run.levels.length - 1;
  const area = page.locator(`#chart-ttft .hit[data-for="${last}"] .area`);
  await area.hover();
  await checkTip(page, run.levels[last].ttft_ms);
}

/** A scroll's event may be delivered after the tip is shown; only a page that moved hides it. */
async function scrolled(page, run) {
  const last = run.levels.length - 1;
  await page.locator(`#chart-ttft .hit[data-for="${last}"] .area`).hover();
  await page.waitForSelector('#tip', { state: 'visible' });
  await page.evaluate(() => dispatchEvent(new Event('scroll')));
  await checkTip(page, run.levels[last].ttft_ms);
  await page.evaluate(() => scrollBy({ top: 40, behavior: 'instant' }));
  await page.waitForSelector('#tip', { state: 'hidden' });
}

async function keyboard(page, run) {
  const drawing = page.locator('#chart-ttft .drawing');
  await drawing.focus();
  await drawing.press('ArrowRight');
  await page.waitForSelector('#tip', { state: 'visible' });
  const tip = await page.textContent('#tip');
  const level = run.levels.find(({ users }) => users === Number(/^[\d\s]+/u.exec(tip)[0].replace(/\s/gu, '')));
  await checkTip(page, level.ttft_ms);
}

/** The tip stands there and tells the percentiles of this summary, as far as it has samples for them. */
async function checkTip(page, summary) {
  await page.waitForSelector('#tip', { state: 'visible' });
  const tip = await page.textContent('#tip');
  const told = [...tip.matchAll(/(p\d+): (.+)/gu)].filter(([, , text]) => text !== '–');
  assert.ok(told.length > 0, tip);
  for (const [, name, text] of told) {
    const shown = shownMilliseconds(text);
    assert.ok(shown !== null && isRounded(shown, summary[name]), `${name}: ${text}, ${summary[name]}`);
  }
}

async function terms(page) {
  const term = page.locator('#levels-table .term').first();
  await term.hover();
  await page.waitForSelector('#tip', { state: 'visible' });
  assert.ok((await page.textContent('#tip')).length > 20);
  const target = await term.getAttribute('href');
  assert.equal(await page.locator(target).count(), 1, `${target} is explained in the glossary`);
}

async function copy(page) {
  const button = page.locator('[data-copy]').first();
  await button.click();
  await button.filter({ hasText: /Copied|Selected/u }).waitFor();
}

async function phone(page) {
  const [content, window] = await page.evaluate(() => [
    document.documentElement.scrollWidth,
    document.documentElement.clientWidth,
  ]);
  assert.ok(content <= window, `the page is ${content} pixels wide in a window of ${window}`);
  assert.equal(await page.locator('h1').isVisible(), true);
}

async function withoutScripts(page, run) {
  assert.equal(await page.locator('h1').isVisible(), true);
  assert.equal(await page.locator('#levels-table tbody tr').count(), run.levels.length);
  assert.ok(await page.locator('#chart-ttft svg').isVisible());
  await page.click('label[for="pick-0"]');
  assert.ok(await page.locator('.per-level .panel[data-level="0"]').isVisible());
}

/** Distances of these elements from the page's top. */
function tops(page, selectors) {
  return page.evaluate(
    (all) => all.map((selector) => document.querySelector(selector).getBoundingClientRect().top),
    selectors,
  );
}

function background(page) {
  return page.evaluate(() => {
    const colours = [document.body, document.documentElement].map(
      (element) => getComputedStyle(element).backgroundColor,
    );
    return colours.find((colour) => colour !== 'rgba(0, 0, 0, 0)') ?? 'rgb(255, 255, 255)';
  });
}

/** Mean of the three channels of `rgb(r, g, b)`. */
function brightness(colour) {
  const channels = colour.match(/\d+/gu).slice(0, 3).map(Number);
  return channels.reduce((sum, channel) => sum + channel, 0) / 3;
}
