import assert from 'node:assert/strict';
import axe, { type AxeResults } from 'axe-core';
import type { Page } from 'playwright-core';

/** Returns what axe finds wrong with a page, a line for each rule, with the first elements. */
async function accessibilityFaults(page: Page): Promise<string[]> {
  // Evaluated by the debugger: the policy of the page forbids scripts.
  if (!(await page.evaluate<boolean>(`'axe' in globalThis`))) await page.evaluate(axe.source);
  const { violations } = await page.evaluate<AxeResults>(`axe.run({ resultTypes: ['violations'] })`);
  return violations.map(({ id, nodes }) => {
    const elements = nodes
      .slice(0, 3)
      .map(({ html, failureSummary = '' }) => `${html.slice(0, 200)} ${failureSummary}`);
    return `${id}: ${elements.join('; ')}`;
  });
}

const appearances = [
  [1280, 'light'],
  [390, 'dark'],
  [390, 'light'],
  [1280, 'dark'],
] as const;

/**
 * Verifies that axe finds no fault in a page in both themes and at both widths, or in two of the
 * four combinations, and that it does not scroll sideways at 320 px.
 */
export async function assertForAllReaders(page: Page, combinations: 'all' | 'two'): Promise<void> {
  assert.equal(await page.locator('h1').count(), 1);
  for (const [width, colorScheme] of combinations === 'all' ? appearances : appearances.slice(0, 2)) {
    await page.setViewportSize({ width, height: 900 });
    await page.emulateMedia({ colorScheme });
    assert.deepEqual(await accessibilityFaults(page), [], `${width} px, ${colorScheme}`);
  }
  await page.setViewportSize({ width: 320, height: 900 });
  assert.equal(await page.evaluate('document.documentElement.scrollWidth'), 320);
}
