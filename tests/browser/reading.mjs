// The numbers of a page: what they say, in what unit, and where they come from.

/** Digits that people see are rounded to three; half a unit of the last is at most 0.5 %. */
const SHOWN_TOLERANCE = 0.006;

/** What a shown unit is worth in the unit of run.json. */
const MILLISECONDS = { 'µs': 0.001, ms: 1, s: 1000, min: 60_000, h: 3_600_000 };

/**
 * All numbers that name their source: elements with `data-metric`, the level of the nearest
 * `data-level`, the raw value (null where a dash stands), and the text with its unit, which a table
 * cell has in its column's head. Marks of charts have no text.
 */
export function figures(page) {
  return page.$$eval('[data-metric]', (elements) =>
    elements.map((element) => {
      const level = element.closest('[data-level]')?.dataset.level;
      const table = element.closest('table');
      const head = table?.querySelectorAll('.heads th')[element.cellIndex];
      const unit = head?.querySelector('.unit')?.textContent;
      return {
        metric: element.dataset.metric,
        level: level === undefined ? null : Number(level),
        value: element.dataset.value === undefined ? null : Number(element.dataset.value),
        text: element.closest('svg') ? null : element.textContent.trim() + (unit ? ` ${unit}` : ''),
      };
    }),
  );
}

/** The value of a figure in the run; undefined where its path leads nowhere. */
export function inRun(run, { metric, level }) {
  const base = level === null ? run : run.levels[level];
  return metric.split('.').reduce((inner, key) => inner?.[key], base);
}

/** A shown time in milliseconds, such as of `1.27 s`; null for anything else. */
export function shownMilliseconds(text) {
  const [, digits, unit] = /^(?:! )?([\d\s.]+?)\s*(µs|ms|s|min|h)$/u.exec(text) ?? [];
  return unit ? Number(digits.replace(/\s/gu, '')) * MILLISECONDS[unit] : null;
}

/** Whether a shown number is what rounding to three digits makes of the true one. */
export function isRounded(shown, value) {
  return Math.abs(shown - value) <= Math.abs(value) * SHOWN_TOLERANCE;
}
