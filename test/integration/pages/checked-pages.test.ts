import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, it } from 'node:test';
import type { Browser } from 'playwright-core';
import { generateKeyPair, loadPrivateKey } from '#lib/trust/keys/key';
import { keySigner } from '#lib/trust/sign/key-signer';
import { describePeers } from '#test/peers/require';
import { assertForAllReaders } from '#test/support/browser/accessibility';
import { startBrowser } from '#test/support/browser/browser';
import { openPage } from '#test/support/browser/watched-page';
import { CheckedSite } from '#test/support/pages/checked-site';
import { hostileTexts } from '#test/support/pages/hostile-profiles';
import { publish } from '#test/support/pages/published';

const example = (name: string): string =>
  readFileSync(new URL(`../../../examples/${name}.json`, import.meta.url), 'utf8');
const nginx = example('nginx');
const profiles = '/profiles/registry.example.com';
/** As much of a hostile text as an annotation may hold. */
const summary = hostileTexts.map((text) => text.slice(0, 40)).join(' ');
/** Names of calls and of errors that would be markup. */
const hostileContent = JSON.stringify({
  defaultAction: 'SCMP_ACT_ERRNO',
  syscalls: [{ names: hostileTexts.map((text) => text.replaceAll('\0', '').slice(0, 60)), action: 'SCMP_ACT_ALLOW' }],
});
const hostilePaths = JSON.stringify({
  filesystem: {
    readOnlyPaths: ['/<script>alert(1)</script>/**', "/a'onload=x"],
    writeOnlyPaths: [],
    readWritePaths: [],
  },
});

describePeers(['chromium'], 'pages that check profiles, in a browser', () => {
  let site: CheckedSite;
  let browser: Browser;
  before(async () => {
    [site, browser] = await Promise.all([CheckedSite.start(), startBrowser()]);
    const signer = keySigner(await loadPrivateKey((await generateKeyPair()).privateKey));
    const require = [{ anyOf: [{ key: 'release.pub', publicKey: signer.key.publicKey }] }];
    site.allow(
      { match: 'ghcr.io/acme/**', require, unsigned: false, position: '4:5' },
      { match: 'registry.example.com/security/**', kinds: ['SELinux'], require, unsigned: false, position: '10:5' },
      { match: 'registry.example.com/security/**', require, unsigned: false, position: '14:5' },
      { match: 'localhost:5000/dev/**', require: [], unsigned: true, position: '18:5' },
    );
    const images = ['docker.io/library/nginx'];
    const annotations = { 'dev.fairlead.profile.summary': summary, 'org.opencontainers.image.version': summary };
    const entry = { images, created: '2026-11-26T09:00:00Z' };
    site.profiles = [
      await publish(site, 'security/nginx', [
        { tag: '1.27', content: nginx, signer, entry },
        { tag: '1.25', content: nginx.replace('"accept4",', '"ptrace",'), signer },
      ]),
      await publish(site, 'security/apparmor-nginx', [{ tag: '1', content: example('apparmor-nginx'), signer, entry }]),
      await publish(site, 'security/hostile', [
        { tag: '1', content: hostileContent, signer, annotations, entry: { ...entry, images: hostileTexts, summary } },
        { tag: '0', content: nginx, signer },
      ]),
      await publish(site, 'security/hostile-paths', [{ tag: '1', content: hostilePaths, signer, annotations }]),
      await publish(site, 'security/unsigned', [{ tag: '1', content: nginx, entry: { summary } }]),
    ];
  });
  after(() => Promise.all([browser?.close(), site?.close()]));

  const views: Readonly<Record<string, string>> = {
    'a profile': `${profiles}/security/nginx:1.27`,
    'an AppArmor profile': `${profiles}/security/apparmor-nginx:1`,
    'a profile with hostile texts': `${profiles}/security/hostile:1?from=1&to=0`,
    'a profile with hostile paths': `${profiles}/security/hostile-paths:1`,
    'a refused profile': `${profiles}/security/unsigned:1`,
    'an image': '/images/docker.io/library/nginx:1.27',
    'a refusal': '/why?reference=registry.example.com/security/unsigned:1',
    'a decision that allows': '/why?reference=registry.example.com/security/nginx:1.27',
  };
  /** These have all components, and are looked at in all combinations. */
  const whole: ReadonlySet<string> = new Set(['a profile', 'a refusal']);

  for (const [name, url] of Object.entries(views)) {
    it(`show ${name} to all readers, in both themes, from 320 px on`, async () => {
      const { page, faults } = await openPage(browser, site.origin, { viewport: { width: 1280, height: 900 } });
      const answer = await page.goto(`${site.origin}${url}`);
      assert.equal(answer?.status(), 200);
      assert.equal(await page.locator('script, img, iframe, object, style, [style], [onload], [onerror]').count(), 0);
      await assertForAllReaders(page, whole.has(name) ? 'all' : 'two');
      const links = await page.evaluate<string[]>(`[...document.querySelectorAll('main a')].map(({ href }) => href)`);
      const strange = links.filter(
        (link) => !link.startsWith(`${site.origin}/`) && !link.startsWith('https://man7.org/linux/man-pages/man2/'),
      );
      assert.deepEqual(strange, []);
      assert.deepEqual(faults, []);
      await page.close();
    });
  }

  it('are used with the keyboard alone, and without script', async () => {
    const { page } = await openPage(browser, site.origin, { javaScriptEnabled: false });
    await page.goto(`${site.origin}${views['a profile']}`);
    await page.locator('details.group summary').first().focus();
    await page.keyboard.press('Enter');
    assert.ok(
      await page
        .locator('details.group')
        .first()
        .locator('code', { hasText: /^openat$/ })
        .isVisible(),
    );
    await page.selectOption('[name=from]', 'RuntimeDefault');
    await page.locator('#versions button').focus();
    await page.keyboard.press('Enter');
    await page.waitForURL(/from=RuntimeDefault&to=1\.27/);
    assert.match(await page.locator('#versions .diff').innerText(), /Tightened/);
    await page.goto(`${site.origin}/why`);
    await page.fill('[name=reference]', 'other.example.com/a:1');
    await page.keyboard.press('Enter');
    await page.waitForURL(/reference=other/);
    assert.match(await page.locator('.outcome').innerText(), /no rule matches/);
  });
});
