import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { parseRuntimeIdentity, type RuntimeName, runtimeNames } from '../runtime-identity.ts';
import { loadRuntimeDefaults, loadTables } from './load-tables.ts';
import { describeReleases, describeTables, selectTables, tablesLike } from './select-tables.ts';
import type { RuntimeDefaultTable } from './table.ts';

const runtimes: readonly (readonly [RuntimeName, readonly RuntimeDefaultTable[]])[] = await Promise.all(
  runtimeNames.map(async (name) => [name, await loadTables(name)] as const),
);
const allTables = runtimes.flatMap(([, tables]) => tables);

function firstReleases(tables: readonly RuntimeDefaultTable[]): readonly string[] {
  return tables.map(({ versions: [span] }) => span?.[0] ?? '').sort();
}

/**
 * Returns the first releases of the tables that are chosen for what a runtime reports, and whether
 * it is sure.
 */
async function chosen(name: string, version: string): Promise<readonly [tables: string, isSure: boolean]> {
  const { tables, assumption } = await loadRuntimeDefaults(parseRuntimeIdentity(name, version));
  return [firstReleases(tables).join(' '), assumption === undefined];
}

describe('the tables for a runtime', () => {
  it('are the one of its release', async () => {
    for (const [name, version, table] of [
      ['containerd', '1.6.0', '1.6.0'],
      ['containerd', 'v1.6.20', '1.6.16'],
      ['containerd', '1.7.31', '1.7.13'],
      ['containerd', 'v1.7.32', '1.7.32'],
      ['containerd', '2.1.9+unknown', '2.1.0'],
      ['containerd', '2.1.4-k3s1', '2.1.0'],
      ['containerd', '2.2.3', '2.2.0'],
      ['containerd', '2.3.0', '2.2.0'],
      ['containerd', '2.3.1', '2.2.4'],
      // A snapshot on the way to a patch release lies between two releases that have the same
      // table.
      ['containerd', '1.7.20-dev', '1.7.13'],
      ['containerd', '2.1.4.el9', '2.1.0'],
      ['cri-o', '1.29.8', '1.29.0'],
      ['cri-o', '1.30.6', '1.29.9'],
      ['cri-o', '1.35.0', '1.33.0'],
      ['cri-o', '1.37.0', '1.35.1'],
      ['CRI-O', ' 1.33.5 ', '1.33.0'],
      ['docker', '25.0.3', '25.0.3'],
      ['docker', '28.1.1', '25.0.3'],
      ['docker', '26.1.5+dfsg1', '25.0.3'],
      ['docker', '29.4.1', '28.2.0'],
      ['docker', '29.4.2', '29.4.2'],
      ['docker', '29.7.2', '29.4.3'],
    ] as const) {
      assert.deepEqual(await chosen(name, version), [table, true], `${name} ${version}`);
    }
  });

  it('are also the later ones of its minor version for a build of a distribution', async () => {
    assert.deepEqual(await chosen('containerd', '1.6.20~ds1'), ['1.6.16 1.6.22 1.6.28', false]);
    assert.deepEqual(await chosen('containerd', '1.7.24-0ubuntu1'), ['1.7.13 1.7.32', false]);
    assert.deepEqual(await chosen('containerd', '1.7.32-0ubuntu1'), ['1.7.32', true]);
    assert.deepEqual(await chosen('cri-o', '1.29.5-5.rhaos4.16.git7032128.el9'), ['1.29.0 1.29.9', false]);
  });

  it('are those around an unknown release, and the newest ones, which patch releases follow', async () => {
    assert.deepEqual(await chosen('containerd', '2.1.10'), ['2.1.0 2.2.0 2.2.4', false]);
    assert.deepEqual(await chosen('containerd', '1.7.35'), ['1.7.32 2.0.0 2.2.0 2.2.4', false]);
    assert.deepEqual(await chosen('containerd', '2.3.5'), ['2.2.0 2.2.4', false]);
    assert.deepEqual(await chosen('containerd', '2.5.0'), ['2.2.0 2.2.4', false]);
    assert.deepEqual(await chosen('containerd', '10.0.0'), ['2.2.0 2.2.4', false]);
    assert.deepEqual(await chosen('cri-o', '1.34.12'), ['1.33.0 1.35.1', false]);
    assert.deepEqual(await chosen('cri-o', '1.38.0'), ['1.35.1', false]);
    assert.deepEqual(await chosen('docker', '29.8.0'), ['29.4.3', false]);
    assert.deepEqual(await chosen('docker', '25.0.18'), ['25.0.3 29.4.3', false]);
  });

  it('are those before and after a pre-release', async () => {
    assert.deepEqual(await chosen('containerd', '2.3.0-rc.1'), ['2.2.0 2.2.4', false]);
    assert.deepEqual(await chosen('containerd', '2.3.1-rc.0'), ['2.2.0 2.2.4', false]);
    assert.deepEqual(await chosen('containerd', '1.7.0~rc1'), ['1.6.28 1.7.0 2.2.0 2.2.4', false]);
    assert.deepEqual(await chosen('cri-o', '1.37.0-dev'), ['1.35.1', false]);
    assert.deepEqual(await chosen('cri-o', '1.31.0-beta.2-17-gabcdef0'), ['1.29.9 1.31.0 1.35.1', false]);
    // Not a pre-release: the name of a distribution may begin like one.
    assert.deepEqual(await chosen('containerd', '2.3.0-rchos1'), ['2.2.0 2.2.4', false]);
    assert.deepEqual(await chosen('docker', '29.4.2-desktop.1'), ['29.4.2 29.4.3', false]);
  });

  it('are all of a runtime whose release is older than all, or cannot be read', async () => {
    for (const [name, tables] of runtimes) {
      const all = firstReleases(tables).join(' ');
      for (const version of [
        '0.9.0',
        '1.5.18',
        '1',
        '',
        'unknown',
        '2.1.x',
        '2.1',
        'v',
        '1.2.3.4',
        `1.2.${'9'.repeat(400)}`,
      ]) {
        assert.deepEqual(await chosen(name, version), [all, false], `${name} ${version}`);
      }
    }
    assert.deepEqual(await chosen('containerd', '1.6.0-rc.1'), [
      firstReleases(runtimes[0]?.[1] ?? []).join(' '),
      false,
    ]);
  });

  it('are all there are for a runtime that is not known', async () => {
    for (const name of ['', 'podman', 'containerd2', 'cri', 'frakti']) {
      assert.equal(parseRuntimeIdentity(name, '2.1.9'), undefined);
    }
    const { tables, assumption } = await loadRuntimeDefaults(undefined);
    assert.deepEqual(tables, allTables);
    assert.match(
      assumption ?? '',
      /^the runtime is not known: .*the intersection of those of containerd 1\.6\.0 to 1\.6\.6; /,
    );
  });

  it('hold for every release from the first to the last of their spans, whatever the other tables', () => {
    const release = fc.tuple(fc.nat({ max: 40 }), fc.nat({ max: 40 }), fc.nat({ max: 40 }));
    fc.assert(
      fc.property(
        fc.constantFrom(...runtimes),
        release,
        fc.constantFrom('', 'v'),
        ([name, tables], numbers, prefix) => {
          const isIn = ([first, last]: readonly [string, string]) => {
            const [from, to] = [first, last].map((text) => text.split('.').map(Number));
            const value = (list: readonly number[], rest: number) =>
              [0, 1, 2].reduce((sum, at) => sum * 1000 + (list[at] ?? rest), 0);
            return value(from ?? [], 0) <= value(numbers, 0) && value(numbers, 0) <= value(to ?? [], 999);
          };
          const expected = tables.filter(({ versions }) => versions.some(isIn));
          assert.ok(expected.length <= 1, 'spans do not overlap');
          const choice = selectTables(tables, { name, version: `${prefix}${numbers.join('.')}` });
          if (expected.length === 0) assert.ok(choice.assumption !== undefined && choice.tables.length > 0);
          else assert.deepEqual(choice, { tables: expected });
        },
      ),
      { numRuns: 2_000 },
    );
  });

  it('never lose one by a suffix: what a distribution adds to a release makes it stricter only', () => {
    const release = fc.constantFrom(
      ...runtimes.flatMap(([name, tables]) =>
        tables.flatMap(({ versions }) => versions.map(([first]) => ({ name, tables, version: first }))),
      ),
    );
    fc.assert(
      fc.property(
        release,
        fc.constantFrom('-1', '+unknown', '~ds1', '-0ubuntu1~22.04.1', '.el9', '-k3s2'),
        (known, suffix) => {
          const { name, tables, version } = known;
          const [plain] = selectTables(tables, { name, version }).tables;
          const choice = selectTables(tables, { name, version: `${version}${suffix}` });
          assert.ok(plain !== undefined && choice.tables.includes(plain), `${version}${suffix}`);
        },
      ),
    );
  });
});

describe('the tables that a person asks for', () => {
  const like = (name: RuntimeName, version: string | undefined) => {
    const tables = runtimes.find(([runtime]) => runtime === name)?.[1] ?? [];
    const choice = tablesLike(tables, { name, version });
    return choice && firstReleases(choice.tables).join(' ');
  };

  it('are those of the newest release that is meant', () => {
    assert.equal(like('containerd', undefined), '2.2.4');
    assert.equal(like('containerd', '2'), '2.2.4');
    assert.equal(like('containerd', '1'), '1.7.32');
    assert.equal(like('containerd', '2.1'), '2.1.0');
    assert.equal(like('containerd', 'v2.3'), '2.2.4');
    assert.equal(like('containerd', '1.6'), '1.6.28');
    assert.equal(like('cri-o', undefined), '1.35.1');
    assert.equal(like('cri-o', '1.35'), '1.35.1');
    assert.equal(like('cri-o', '1.34'), '1.33.0');
    assert.equal(like('docker', '27'), '25.0.3');
    assert.equal(like('docker', '26.1'), '25.0.3');
    assert.equal(like('docker', '28.4'), '28.2.0');
    assert.equal(like('docker', '29'), '29.4.3');
    assert.equal(like('docker', '29.5'), '29.4.3');
  });

  it('are those of a release as the runtime reports it', () => {
    assert.equal(like('containerd', '2.1.9+unknown'), '2.1.0');
    assert.equal(like('containerd', '1.7.24-0ubuntu1'), '1.7.13 1.7.32');
  });

  it('do not exist for an unknown release', () => {
    for (const version of ['', '2.1.10', '2.4', '3', '0', '2.', '.1', 'x', '2.1.9.1', '1.6.0-rc.1', '2.1 ']) {
      assert.equal(like('containerd', version), undefined, version);
    }
    assert.equal(like('docker', '28.5.3'), undefined);
  });
});

describe('the names of tables', () => {
  it('are their runtime and releases', () => {
    const [first, second] = allTables;
    assert.equal(
      describeTables([first, second].filter((table) => table !== undefined)),
      'containerd 1.6.0 to 1.6.6; containerd 1.6.7 to 1.6.8',
    );
  });

  it('join releases that follow one another', () => {
    const [containerd, criO, docker] = runtimes.map(([, tables]) => describeReleases(tables));
    assert.equal(
      containerd,
      '1.6.0 to 1.6.39, 1.7.0 to 1.7.34, 2.0.0 to 2.0.11, 2.1.0 to 2.1.9, 2.2.0 to 2.2.7, 2.3.0 to 2.3.4',
    );
    assert.match(
      criO ?? '',
      /^1\.29\.0 to 1\.29\.13, 1\.30\.0 to 1\.30\.14, .*, 1\.35\.0 to 1\.35\.6, 1\.36\.0 to 1\.36\.3, 1\.37\.0$/,
    );
    assert.equal(
      docker,
      '25.0.3 to 25.0.17, 26.0.0 to 26.1, 27.0.0 to 27.5, 28.0.0 to 28.1, 28.2.0 to 28.5.2, 29.0.0 to 29.7.2',
    );
  });
});
