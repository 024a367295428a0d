import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import {
  newestTag,
  parseRange,
  parseVersion,
  tagBefore,
  tagOfVersion,
  versionOfTag,
  versionTags,
} from './version-tags.ts';

describe('versions and tags', () => {
  it('writes the + of a version as _, and reads it back', () => {
    assert.equal(tagOfVersion(parseVersion('1.4.2+build.7')), '1.4.2_build.7');
    assert.equal(tagOfVersion(parseVersion('v1.4.2-rc.1')), '1.4.2-rc.1');
    assert.deepEqual(versionOfTag('1.4.2_build.7')?.build, ['build', '7']);
    assert.equal(versionOfTag('1.4'), undefined);
    assert.equal(versionOfTag('1.4.3 '), undefined);
    assert.equal(versionOfTag('latest'), undefined);
    assert.equal(versionOfTag('1.4.2_a_b'), undefined);
  });

  it('is the identity over a tag', () => {
    const part = fc.nat({ max: 99 });
    const identifiers = fc.array(fc.stringMatching(/^[a-z][a-z0-9-]{0,5}$/), { maxLength: 3 });
    fc.assert(
      fc.property(fc.tuple(part, part, part), identifiers, identifiers, (numbers, prerelease, build) => {
        const text = `${numbers.join('.')}${prerelease.length ? `-${prerelease.join('.')}` : ''}${build.length ? `+${build.join('.')}` : ''}`;
        const version = parseVersion(text);
        const read = versionOfTag(tagOfVersion(version));
        assert.equal(read?.version, version.version);
        assert.deepEqual(read?.build, version.build);
      }),
    );
  });

  for (const text of ['', '1.4', '01.2.3', '1.2.3.4', 'latest', `1.2.3-${'a'.repeat(130)}`, '1.2.3_a']) {
    it(`refuses ${JSON.stringify(text.slice(0, 20))} as a version`, () => {
      assert.throws(() => parseVersion(text), { kind: 'InvalidInput' });
    });
  }
});

describe('newestTag', () => {
  const tags = ['1.4.2', '1.4.10', '1.5.0-rc.1', '1.4', '1', 'latest', 'v1.4.10', '2.0.0', '0.3.1', '1.4.10_b1'];
  const cases: readonly (readonly [range: string, tag: string | undefined])[] = [
    ['^1.4', '1.4.10_b1'],
    ['~1.4.2', '1.4.10_b1'],
    ['1.4.2', '1.4.2'],
    ['>=1.5.0-rc.0 <2', '1.5.0-rc.1'],
    ['*', '2.0.0'],
    ['^0.3', '0.3.1'],
    ['^3', undefined],
  ];
  for (const [range, tag] of cases) {
    it(`finds ${tag ?? 'none'} for ${range}`, () => assert.equal(newestTag(tags, parseRange(range)), tag));
  }

  it('prefers the tag without v', () => {
    assert.equal(newestTag(['v1.0.0', '1.0.0'], parseRange('1')), '1.0.0');
    assert.equal(newestTag(['1.0.0', 'v1.0.0'], parseRange('1')), '1.0.0');
  });

  it('refuses an invalid range', () => {
    assert.throws(() => parseRange('^one'), { kind: 'InvalidInput' });
  });
});

describe('tagBefore', () => {
  it('finds the newest release before a version', () => {
    const tags = ['1.4.2', '1.4.10', '1.5.0-rc.1', '2.0.0', '1'];
    const of = (version: string) => tagBefore(tags, parseVersion(version));
    assert.deepEqual(['1.5.0', '2.0.0', '2.0.1', '1.4.10', '1.4.2'].map(of), [
      '1.4.10',
      '1.4.10',
      '2.0.0',
      '1.4.2',
      undefined,
    ]);
  });
});

describe('versionTags', () => {
  const of = (version: string, existing: readonly string[], latest = true) =>
    versionTags(parseVersion(version), { latest, existing });

  it('moves the shorter tags', () => {
    assert.deepEqual(of('1.4.2', []), [{ tag: '1.4.2' }, { tag: '1.4' }, { tag: '1' }, { tag: 'latest' }]);
    assert.deepEqual(of('1.4.2', [], false), [{ tag: '1.4.2' }, { tag: '1.4' }, { tag: '1' }]);
  });

  it('keeps those of newer versions', () => {
    assert.deepEqual(of('1.4.3', ['1.4.2', '1.5.0', '2.0.0', '1.4', '1']), [
      { tag: '1.4.3' },
      { tag: '1.4' },
      { tag: '1', newer: '1.5.0' },
      { tag: 'latest', newer: '2.0.0' },
    ]);
  });

  it('does not count pre-releases, and moves none for them', () => {
    assert.deepEqual(of('1.4.3', ['1.5.0-rc.1']), [{ tag: '1.4.3' }, { tag: '1.4' }, { tag: '1' }, { tag: 'latest' }]);
    assert.deepEqual(of('1.5.0-rc.1', []), [{ tag: '1.5.0-rc.1' }]);
  });

  it('has no tag for the major number 0', () => {
    assert.deepEqual(of('0.3.1', ['0.4.0'], false), [{ tag: '0.3.1' }, { tag: '0.3' }]);
  });

  it('moves no tag backwards, whatever the order of publishing', () => {
    const version = fc
      .tuple(fc.integer({ min: 1, max: 3 }), fc.nat({ max: 2 }), fc.nat({ max: 3 }))
      .map((n) => n.join('.'));
    fc.assert(
      fc.property(fc.array(version, { minLength: 1, maxLength: 12 }), (versions) => {
        const registry = new Map<string, string>();
        for (const each of versions) {
          for (const { tag, newer } of of(each, [...registry.keys()])) if (newer === undefined) registry.set(tag, each);
        }
        const best = (matching: RegExp): string | undefined =>
          versions
            .filter((each) => matching.test(each))
            .sort((a, b) => a.localeCompare(b, 'en', { numeric: true }))
            .at(-1);
        assert.equal(registry.get('latest'), best(/./));
        for (const major of ['1', '2', '3']) assert.equal(registry.get(major), best(new RegExp(`^${major}\\.`)));
      }),
    );
  });
});
