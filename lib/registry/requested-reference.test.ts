import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { memoryRepository } from './memory.ts';
import { parseReference } from './reference.ts';
import { formatRequested, parseRequested } from './requested-reference.ts';
import { settleVersion } from './settle-version.ts';
import type { TagLister } from './target.ts';

const digest = `sha256:${'0'.repeat(64)}`;
const ghcr = { registry: 'ghcr.io', repository: 'acme/nginx' };

describe('a requested reference', () => {
  const ranges = [
    '^1.4',
    '~1.4.2',
    '>=1.4 <3',
    '1.x',
    '1.4',
    '1.4.2',
    'x',
    '*',
    '1.2 - 1.4',
    '^1 || ^3',
    'v1',
    '=1.4.2',
  ];
  for (const range of ranges) {
    it(`has the range ${range}`, () => {
      const text = `ghcr.io/acme/nginx@${range}`;
      assert.deepEqual(parseRequested(text), { ...ghcr, range });
      assert.equal(formatRequested(parseRequested(text)), text);
      // Everything that changes a registry takes one version.
      assert.throws(() => parseReference(text), {
        kind: 'InvalidInput',
        message: /a version range is not supported here/,
      });
    });
  }

  for (const text of ['ghcr.io/acme/nginx', 'ghcr.io/acme/nginx:1.4', `ghcr.io/acme/nginx:1.4@${digest}`]) {
    it(`without a range is a reference: ${text.slice(0, 40)}`, () => {
      assert.deepEqual(parseRequested(text), parseReference(text));
      assert.equal(formatRequested(parseRequested(text)), text);
    });
  }

  const invalid: readonly (readonly [text: string, message: RegExp])[] = [
    ['ghcr.io/acme/nginx:1@^1', /both a tag and a version range/],
    [`ghcr.io/acme/nginx@^${'1'.repeat(300)}`, /longer than 256 characters/],
    ['nginx@^1', /it names no registry/],
    ['ghcr.io/Acme@^1', /invalid repository/],
    ['ghcr.io/acme/nginx@latest', /invalid digest "latest"/],
    ['ghcr.io/acme/nginx@', /invalid digest ""/],
    ['ghcr.io/acme/nginx@sha256:1', /invalid digest "sha256:1"/],
    ['ghcr.io/acme/nginx@^1:2', /invalid digest/],
  ];
  for (const [text, message] of invalid) {
    it(`is refused: ${text.slice(0, 40)}`, () => {
      assert.throws(() => parseRequested(text), { kind: 'InvalidInput', message });
    });
  }
});

describe('the version of a requested reference', () => {
  const listing = (...tags: string[]): TagLister & { asked: number } => ({
    asked: 0,
    async *tags() {
      this.asked++;
      yield* tags;
    },
  });

  it('is the newest in the range, as a tag', async () => {
    const lister = listing('1.4.1', 'latest', '2.0.0', '1.4.10', '1.5.0-rc.1', `sha256-${'0'.repeat(64)}`);
    assert.deepEqual(await settleVersion(parseRequested('ghcr.io/acme/nginx@^1.4'), lister), {
      ...ghcr,
      tag: '1.4.10',
    });
    assert.equal(lister.asked, 1);
  });

  it('is not looked up for a tag or a digest', async () => {
    const lister = listing();
    for (const text of ['ghcr.io/acme/nginx:1', `ghcr.io/acme/nginx@${digest}`]) {
      assert.deepEqual(await settleVersion(parseRequested(text), lister), parseReference(text));
    }
    assert.equal(lister.asked, 0);
  });

  it('that does not exist is an error with those that do', async () => {
    const lister = listing('1.4.1', '2.0.0-rc.1', '1.4.10', 'latest', '1.3.0', '0.9.0', '0.8.0');
    await assert.rejects(settleVersion(parseRequested('ghcr.io/acme/nginx@^2'), lister), {
      kind: 'NotFound',
      message: 'ghcr.io/acme/nginx@^2 names no version: no tag of the repository is in the range',
      hint: /newest versions are 2\.0\.0-rc\.1, 1\.4\.10, 1\.4\.1, 1\.3\.0, 0\.9\.0\./,
    });
    await assert.rejects(settleVersion(parseRequested('ghcr.io/acme/nginx@^2'), listing('latest', '1')), {
      kind: 'NotFound',
      message: /no tag of the repository is a version/,
    });
    await assert.rejects(settleVersion(parseRequested('ghcr.io/acme/nginx@^2'), memoryRepository()), {
      kind: 'NotFound',
    });
  });

  it('of an invalid range is refused before the registry is asked', async () => {
    const lister = listing('1.0.0');
    await assert.rejects(settleVersion(parseRequested('ghcr.io/acme/nginx@^1.4;rm'), lister), {
      kind: 'InvalidInput',
      message: /invalid version range "\^1\.4;rm"/,
    });
    assert.equal(lister.asked, 0);
  });
});
