import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { catalogProfile, releaseKey, workflow } from '#test/support/pages/profiles';
import { catalogRow } from './catalog-row.ts';

const keyNames = new Map([['key' in releaseKey ? releaseKey.key : '', 'release.pub']]);

describe('catalogRow', () => {
  it('shows the signer that the catalog states, and a check mark only for a verification by this site', () => {
    const profile = catalogProfile('security/nginx', '1.27', { signers: [releaseKey, workflow] });
    const stated = catalogRow(profile, undefined, keyNames).toString();
    assert.match(stated, /<span><bdi>key release\.pub<\/bdi> and 1 more<\/span>/);
    assert.doesNotMatch(stated, /verified|class="icon"/);
    const time = new Date('2026-11-28T23:47:00Z');
    const verified = catalogRow(profile, { signer: 'key release.pub', time }, keyNames).toString();
    assert.match(verified, /class="icon".*key release\.pub<\/bdi>, verified <time [^>]*>28 Nov 2026<\/time>/s);
  });

  it('states what a profile asks for beyond RuntimeDefault, and leaves out what is not known', () => {
    const asking = catalogRow(catalogProfile('a', '1', { allowed: 236, asked: 4 }), undefined, keyNames).toString();
    assert.match(asking, /<b>236<\/b> of 352.*class="more" x="170".*asks for 4 more/s);
    const plain = catalogProfile('a', '1', { kind: 'AppArmor', tags: [], architectures: [], signers: [] });
    const [{ created: _, calls: __, ...version }] = plain.versions;
    const row = catalogRow({ ...plain, versions: [version] }, undefined, keyNames).toString();
    assert.doesNotMatch(row, /<small>|class="bar"|<time|undefined/);
    assert.match(row, /no known signer/);
  });

  it('links to the page of the profile, with an address that no name can leave', () => {
    const row = catalogRow(catalogProfile('a?b=c#d/e f"g', '1', {}, 'localhost:5000'), undefined, keyNames).toString();
    assert.match(row, /href="\/profiles\/localhost:5000\/a%3Fb%3Dc%23d\/e%20f%22g"/);
  });
});
