import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { anyProfile, enforcedProfile, operationOn } from '#test/oracle/apparmor-arbitrary';
import type { Operation } from '#test/oracle/apparmor-evaluate';
import { permits, rulesPermit } from '#test/oracle/apparmor-evaluate';
import { diffAppArmor, equalsAppArmor } from './diff.ts';
import { intersectAppArmor } from './intersect.ts';
import type { AppArmorProfile } from './model.ts';
import { unionAppArmor } from './union.ts';

const runs = { numRuns: 500 };
const pair = fc.tuple(anyProfile, anyProfile);
const enforcedPair = fc.tuple(enforcedProfile, enforcedProfile);
const triple = fc.tuple(enforcedProfile, enforcedProfile, enforcedProfile);

function withOperations<P extends AppArmorProfile[]>(profiles: fc.Arbitrary<P>): fc.Arbitrary<[P, Operation[]]> {
  return profiles.chain((list) =>
    fc.tuple(fc.constant(list), fc.array(operationOn(list), { minLength: 12, maxLength: 12 })),
  );
}

function told(profile: AppArmorProfile, operation: Operation): string {
  return `${JSON.stringify(profile)} ${JSON.stringify(operation)}`;
}

function files(profile: Partial<NonNullable<AppArmorProfile['filesystem']>>): AppArmorProfile {
  return { mode: 'Enforce', filesystem: { readOnlyPaths: [], writeOnlyPaths: [], readWritePaths: [], ...profile } };
}

describe('intersectAppArmor', () => {
  it('is never looser than an input', () => {
    fc.assert(
      fc.property(withOperations(pair), ([[a, b], operations]) => {
        const { profile } = intersectAppArmor([a, b]);
        for (const operation of operations) {
          if (!permits(profile, operation)) continue;
          assert.ok(permits(a, operation) && permits(b, operation), told(profile, operation));
        }
      }),
      runs,
    );
  });

  it('permits what all inputs permit, except for the shortfalls that it reports', () => {
    let exact = 0;
    fc.assert(
      fc.property(withOperations(triple), ([inputs, operations]) => {
        const { profile, shortfalls } = intersectAppArmor(inputs);
        if (shortfalls.length > 0) return;
        exact += 1;
        for (const operation of operations) {
          const expected = inputs.every((input) => permits(input, operation));
          assert.equal(permits(profile, operation), expected, told(profile, operation));
        }
      }),
      runs,
    );
    assert.ok(exact > runs.numRuns / 2, `${exact} of ${runs.numRuns} were exact`);
  });

  it('is exact where each input lists what may be executed, or says nothing of files', () => {
    const complete = fc
      .tuple(enforcedProfile, enforcedProfile)
      .filter((inputs) => inputs.every(({ executable, filesystem }) => executable !== undefined || !filesystem));
    const all = fc.sample(complete, runs.numRuns);
    const exact = all.filter((inputs) => intersectAppArmor(inputs).shortfalls.length === 0);
    // The others have too many overlapping globs to list them all.
    assert.ok(exact.length > all.length * 0.99, `${exact.length} of ${all.length}`);
  });

  it('means the same in any order and grouping, and of one profile with itself', () => {
    fc.assert(
      fc.property(triple, ([a, b, c]) => {
        const all = intersectAppArmor([a, b, c]);
        const inner = intersectAppArmor([b, c]);
        const others = [intersectAppArmor([c, a, b]), intersectAppArmor([a, inner.profile])];
        if ([all, inner, ...others].some(({ shortfalls }) => shortfalls.length > 0)) return;
        for (const other of others) assert.deepEqual(diffAppArmor(all.profile, other.profile), []);
        assert.deepEqual(diffAppArmor(intersectAppArmor([a, a]).profile, a), []);
      }),
      { numRuns: 200 },
    );
  });

  it('lets an input in complain mode constrain nothing as long as another one enforces', () => {
    const strict = files({ readOnlyPaths: ['/etc/**'] });
    const logging: AppArmorProfile = { ...files({}), mode: 'Complain' };
    assert.ok(equalsAppArmor(intersectAppArmor([strict, logging]).profile, strict));
    assert.equal(intersectAppArmor([logging, logging]).profile.mode, 'Complain');
  });

  it('works out what overlapping globs have in common', () => {
    const a = files({ readOnlyPaths: ['/etc/**', '/srv/*/data'], readWritePaths: ['/var/log/nginx/*'] });
    const b = files({ readOnlyPaths: ['/var/**', '/srv/a*/**'], readWritePaths: ['/etc/*.conf'] });
    assert.deepEqual(intersectAppArmor([a, b]).profile.filesystem, {
      readOnlyPaths: ['/etc/*.conf', '/srv/a*/data', '/var/log/nginx/*'],
      writeOnlyPaths: [],
      readWritePaths: [],
    });
  });

  it('takes the stricter access where one path is an executable here and a library there', () => {
    const run: AppArmorProfile = {
      mode: 'Enforce',
      executable: { allowedExecutables: ['/usr/bin/x'], allowedLibraries: [] },
    };
    const load: AppArmorProfile = {
      mode: 'Enforce',
      executable: { allowedExecutables: [], allowedLibraries: ['/usr/**'] },
    };
    assert.deepEqual(intersectAppArmor([run, load]).profile.executable, {
      allowedExecutables: [],
      allowedLibraries: ['/usr/bin/x'],
    });
  });

  it('does not let executables be read that the other input keeps from reading, and tells so', () => {
    const reading = files({ readOnlyPaths: ['/usr/**'] });
    const running: AppArmorProfile = {
      mode: 'Enforce',
      executable: { allowedExecutables: ['/usr/bin/x', '/opt/y'], allowedLibraries: [] },
    };
    const { profile, shortfalls } = intersectAppArmor([reading, running]);
    assert.deepEqual(profile.executable?.allowedExecutables, ['/usr/bin/x']);
    assert.deepEqual(shortfalls, [
      { kind: 'execute', path: '/opt/y' },
      { kind: 'map', path: '/opt/y' },
    ]);
  });

  it('ends in bounded time, stricter and told, for lists made to be hard', () => {
    const list = (count: number, path: (index: number) => string) => Array.from({ length: count }, (_, at) => path(at));
    const hard: Readonly<Record<string, readonly [readonly string[], readonly string[]]>> = {
      classes: [
        list(40, (index) => `/**x${'?*'.repeat(index % 9)}b**`),
        list(40, (index) => `/**y${'?*'.repeat(index % 9)}b**`),
      ],
      'beginning anywhere': [list(1000, (index) => `/**x${index}**`), list(1000, (index) => `/**y${index}**`)],
      groups: [
        list(80, (index) => `/${'{a,b}'.repeat(60)}${index}`),
        list(80, (index) => `/${'{a,b}'.repeat(59)}?${index}`),
      ],
      'groups of nothing': [
        list(80, (index) => `/${'{,a}'.repeat(100)}${index}`),
        list(80, (index) => `/${'{,a}'.repeat(99)}*${index}`),
      ],
      'stars over directories': [
        list(80, (index) => `/${'**/'.repeat(60)}${index}`),
        list(80, (index) => `/${'**/'.repeat(61)}${index}`),
      ],
      'stars within one': [
        list(80, (index) => `/${'*a'.repeat(60)}${index}*`),
        list(80, (index) => `/${'*b'.repeat(60)}${index}*`),
      ],
      'stars in each': [
        list(400, (index) => `/${'?*/'.repeat(60)}*${index}`),
        list(400, (index) => `/${'*?/'.repeat(60)}${index}*`),
      ],
    };
    for (const [name, [left, right]] of Object.entries(hard)) {
      const [a, b] = [files({ readWritePaths: left }), files({ readWritePaths: right })];
      const before = process.cpuUsage();
      const { profile, shortfalls } = intersectAppArmor([a, b]);
      const union = unionAppArmor([a, b]);
      diffAppArmor(a, b);
      const { user, system } = process.cpuUsage(before);
      assert.ok(user + system < 10_000_000, `${name}: ${user + system} us`);
      assert.ok(shortfalls.length <= 2 * left.length, `${name}: ${shortfalls.length} shortfalls`);
      // The oracle tries every way to match: too many for most of these.
      if (name !== 'classes' && name !== 'beginning anywhere') continue;
      for (const path of ['/xyab', '/yxab', '/xb', '/yb', '/ax1ay2', '/y3x4']) {
        const operation = { kind: 'read', path } as const;
        const [inA, inB] = [permits(a, operation), permits(b, operation)];
        if (permits(profile, operation)) assert.ok(inA && inB, `${name}: ${path}`);
        assert.equal(permits(union, operation), inA || inB, `${name}: ${path}`);
      }
    }
  });
});

describe('unionAppArmor', () => {
  it('permits exactly what some input permits', () => {
    fc.assert(
      fc.property(withOperations(pair), ([inputs, operations]) => {
        const union = unionAppArmor(inputs);
        for (const operation of operations) {
          const expected = inputs.some((input) => rulesPermit(input, operation));
          assert.equal(rulesPermit(union, operation), expected, told(union, operation));
        }
        assert.equal(union.mode, inputs.some(({ mode }) => mode === 'Complain') ? 'Complain' : 'Enforce');
      }),
      runs,
    );
  });

  it('keeps the meaning of a single profile, and writes it canonically', () => {
    fc.assert(
      fc.property(anyProfile, (profile) => {
        const canonical = unionAppArmor([profile]);
        assert.deepEqual(diffAppArmor(profile, canonical), []);
        assert.deepEqual(unionAppArmor([canonical]), canonical);
      }),
      runs,
    );
    const moving = files({ readOnlyPaths: ['/{,/a}'], writeOnlyPaths: ['/{*,/b}', '/**'] });
    const canonical = unionAppArmor([moving]);
    assert.deepEqual(unionAppArmor([canonical]), canonical);
  });
});

describe('diffAppArmor', () => {
  it('tells every operation that is new, and none where nothing is', () => {
    fc.assert(
      fc.property(withOperations(enforcedPair), ([[a, b], operations]) => {
        const changes = diffAppArmor(a, b);
        const has = (change: string) => changes.some((entry) => entry.change === change);
        for (const operation of operations) {
          const [before, after] = [rulesPermit(a, operation), rulesPermit(b, operation)];
          if (after && !before) assert.ok(has('loosened'), told(b, operation));
          if (before && !after) assert.ok(has('tightened'), told(b, operation));
        }
        const common = intersectAppArmor([a, b]).profile;
        assert.ok(diffAppArmor(a, common).every(({ change }) => change === 'tightened'));
        assert.ok(diffAppArmor(a, unionAppArmor([a, b])).every(({ change }) => change === 'loosened'));
      }),
      runs,
    );
  });

  it('says what changed, and nothing for another spelling', () => {
    const before: AppArmorProfile = {
      ...files({ readOnlyPaths: ['/etc/*', '/etc/a'], readWritePaths: ['/tmp/{a,b}'] }),
      network: { allowRaw: false, allowTcp: true, allowUdp: false },
      capability: { allowedCapabilities: ['kill'] },
    };
    const after: AppArmorProfile = {
      ...files({ readOnlyPaths: ['/etc/**'], readWritePaths: ['/tmp/[ab]'] }),
      network: { allowRaw: true, allowTcp: true, allowUdp: false },
      capability: { allowedCapabilities: ['chown'] },
    };
    assert.deepEqual(diffAppArmor(before, after), [
      { change: 'loosened', subject: 'read /etc/**' },
      { change: 'loosened', subject: 'network raw' },
      { change: 'loosened', subject: 'capability chown' },
      { change: 'tightened', subject: 'capability kill' },
    ]);
  });
});
