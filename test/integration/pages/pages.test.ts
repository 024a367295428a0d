import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, it } from 'node:test';
import type { Browser, Page } from 'playwright-core';
import { describePeers } from '#test/peers/require';
import { assertForAllReaders } from '#test/support/browser/accessibility';
import { startBrowser } from '#test/support/browser/browser';
import { openPage } from '#test/support/browser/watched-page';
import { hostileProfiles } from '#test/support/pages/hostile-profiles';
import { PagesSite } from '#test/support/pages/pages-site';
import { manyProfiles, someProfiles } from '#test/support/pages/profiles';

const example = readFileSync(new URL('../../../examples/nginx.json', import.meta.url), 'utf8');
const many = manyProfiles(10_000);

/** The pages that have most components: these are checked in all combinations. */
const whole: ReadonlySet<string> = new Set(['the catalog', 'the playground']);

describePeers(['chromium'], 'web pages in a browser', () => {
  let site: PagesSite;
  let browser: Browser;
  before(async () => {
    [site, browser] = await Promise.all([PagesSite.start(), startBrowser()]);
  });
  after(() => Promise.all([browser?.close(), site?.close()]));

  /** The pages by what they show. */
  const views: Readonly<Record<string, (page: Page) => Promise<unknown>>> = {
    'the catalog': (page) => show(page, '/', someProfiles),
    'one profile': (page) => show(page, '/', someProfiles.slice(0, 1)),
    'an empty catalog': (page) => show(page, '/', []),
    '10,000 profiles': async (page) => {
      await show(page, '/?kind=Seccomp', many);
      await page.click('.rail a:text-is("N")');
    },
    'a search without result': (page) => show(page, '/?q=nothing&kind=AppArmor&arch=amd64', someProfiles),
    'all signers': (page) => show(page, '/filters/signer', many),
    'hostile texts': (page) => show(page, '/?sort=updated', hostileProfiles),
    images: (page) => show(page, '/images', someProfiles),
    'an error': (page) => show(page, '/nowhere', someProfiles),
    'the API': (page) => show(page, '/api', someProfiles),
    'the playground': async (page) => {
      await show(page, '/playground', someProfiles);
      await page.fill('[name=profile]', example.replace('"accept4"', '"acept4"'));
      await page.click('.other summary');
      await page.fill('[name=other]', example);
      await page.click('main form button');
    },
  };
  const show = (page: Page, path: string, profiles: typeof someProfiles) => {
    site.show(profiles);
    return page.goto(`${site.origin}${path}`);
  };

  for (const [name, open] of Object.entries(views)) {
    it(`shows ${name} to all readers, in both themes, from 320 px on`, async () => {
      const { page, faults } = await openPage(browser, site.origin, { viewport: { width: 1280, height: 900 } });
      await page.emulateMedia({ colorScheme: 'light' });
      await open(page);
      assert.equal(await layoutShift(page), 0);
      await assertForAllReaders(page, whole.has(name) ? 'all' : 'two');
      assert.deepEqual(faults, []);
      await page.close();
    });
  }

  it('runs nothing of a hostile text, and shows it as text', async () => {
    const { page, faults } = await openPage(browser, site.origin);
    await show(page, '/', hostileProfiles);
    assert.equal(await page.title(), 'Security profiles · Fairlead');
    assert.equal(await page.locator('script, img, iframe, object, style, [style], [onload], [onerror]').count(), 0);
    assert.match(
      await page
        .locator('.row')
        .allInnerTexts()
        .then((rows) => rows.join()),
      /<script>document\.title=/,
    );
    const links = await page.evaluate<string[]>(`[...document.querySelectorAll('main a')].map(({ href }) => href)`);
    assert.deepEqual(
      links.filter((link) => !link.startsWith(`${site.origin}/`)),
      [],
    );
    assert.deepEqual(faults, []);
    await page.close();
  });

  it('finds, filters and turns pages without JavaScript', async () => {
    const { page, faults } = await openPage(browser, site.origin, { javaScriptEnabled: false });
    await show(page, '/', many);
    const names = () => page.locator('.row h3 a').allInnerTexts();
    await page.click('.pager [rel=next]');
    const second = await names();
    assert.match(await page.innerText('.pager'), /51–100 of 10,000, by name/);
    await page.click('.rail a:text-is("N")');
    assert.match((await names())[0] ?? '', /^n/);
    assert.notDeepEqual(await names(), second);
    await page.click('.filter a:has-text("no known signer")');
    await page.fill('.search input[name=q]', 'redis canary');
    await page.press('.search input[name=q]', 'Enter');
    assert.deepEqual(await page.locator('.tokens a').allInnerTexts(), [
      'Remove\nSearch: redis canary\n×',
      'Remove\nSigner: no known signer\n×',
    ]);
    for (const name of await names()) assert.match(name, /^redis-canary/);
    await page.click('.heads a:has-text("Updated")');
    assert.match(page.url(), /q=redis\+canary&signer=none&sort=updated$/);
    await page.click('.tokens a >> nth=0');
    await page.click('.tokens a');
    assert.equal(page.url(), `${site.origin}/?sort=updated`);
    assert.deepEqual(faults, []);
    await page.close();
  });

  it('opens the filters of a narrow window without JavaScript', async () => {
    const { page } = await openPage(browser, site.origin, {
      javaScriptEnabled: false,
      viewport: { width: 390, height: 800 },
    });
    await show(page, '/', someProfiles);
    assert.equal(await page.locator('.filter a').first().isVisible(), false);
    await page.click('.filters summary');
    await page.click('.filter a:has-text("AppArmor")');
    assert.equal(await page.innerText('.filters summary'), 'Filters\n1 set');
    await page.setViewportSize({ width: 1280, height: 800 });
    assert.equal(await page.locator('.filters summary').isVisible(), false);
    assert.equal(await page.locator('.filter a[aria-current]').isVisible(), true);
    await page.close();
  });

  it('leads the keyboard past the header, and shows where it is', async () => {
    const { page } = await openPage(browser, site.origin);
    await show(page, '/', someProfiles);
    await page.keyboard.press('Tab');
    assert.equal(await page.evaluate(`document.querySelector('.skip').getBoundingClientRect().top >= 0`), true);
    await page.keyboard.press('Enter');
    await page.keyboard.press('Tab');
    assert.equal(await page.evaluate('document.activeElement.id'), 'q');
    const outlines: string[] = [];
    for (let step = 0; step < 8; step++) {
      outlines.push(await page.evaluate(`getComputedStyle(document.activeElement).outline`));
      await page.keyboard.press('Tab');
    }
    for (const outline of outlines) assert.match(outline, /2px/);
    await page.close();
  });

  it('prints what is folded, and keeps its marks where the reader forces colours', async () => {
    const { page } = await openPage(browser, site.origin);
    await show(page, '/api', someProfiles);
    const folded = page.locator('.named-schema .members').first();
    const height = () =>
      page.evaluate<number>(`document.querySelector('.named-schema .members').getBoundingClientRect().height`);
    assert.equal(await folded.isVisible(), false);
    await page.emulateMedia({ media: 'print' });
    assert.ok((await height()) > 0);
    await page.emulateMedia({ media: 'screen', forcedColors: 'active' });
    await show(page, '/', someProfiles);
    const fills = await page.evaluate<string[]>(
      `['.bar .allow', '.bar .more'].map((part) => getComputedStyle(document.querySelector(part)).fill)`,
    );
    const background = await page.evaluate('getComputedStyle(document.body).backgroundColor');
    assert.ok(
      fills.every((fill) => fill !== background),
      fills.join(),
    );
    assert.notEqual(fills[0], fills[1]);
    await page.close();
  });
});

/** Returns how much the layout has shifted since the page was opened (Layout Instability API). */
function layoutShift(page: Page): Promise<number> {
  return page.evaluate<number>(`new Promise((resolve) => {
    let sum = 0;
    new PerformanceObserver((list) => { for (const { value } of list.getEntries()) sum += value; })
      .observe({ type: 'layout-shift', buffered: true });
    requestAnimationFrame(() => requestAnimationFrame(() => resolve(sum)));
  })`);
}
