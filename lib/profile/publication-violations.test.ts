import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { diffProfiles } from './diff-profiles.ts';
import { intersectProfiles } from './merge-profiles.ts';
import { defaultPublicationLimits } from './publication-limits.ts';
import { publicationViolations, validatePublication } from './publication-violations.ts';
import { readProfile } from './read-profile.ts';

/**
 * Returns `pointer message` of what publishing refuses in a profile, which may have numbers beyond
 * 2^53 as bigint.
 */
function refused(profile: object): readonly string[] {
  const text = JSON.stringify(profile, (_, value) => (typeof value === 'bigint' ? `#${value}#` : value)).replace(
    /"#(\d+)#"/g,
    '$1',
  );
  const read = readProfile(new TextEncoder().encode(text));
  return publicationViolations(read, defaultPublicationLimits).map(({ pointer, message }) => `${pointer} ${message}`);
}

function allow(...syscalls: readonly object[]): object {
  return { defaultAction: 'SCMP_ACT_ERRNO', syscalls };
}

function entry(action: string, args: readonly object[] = [], more: object = {}): object {
  return { names: ['socket'], action: `SCMP_ACT_${action}`, args, ...more };
}

const when = (index: number, op: string, value: number | bigint, valueTwo = 0) => ({
  index,
  op: `SCMP_CMP_${op}`,
  value,
  valueTwo,
});

const many = (count: number, index: (at: number) => number = () => 0) =>
  Array.from({ length: count }, (_, at) => when(index(at), 'EQ', at));
const named = (count: number) => Array.from({ length: count }, (_, at) => `call_${at}`);

describe('what publishing refuses of seccomp profiles', () => {
  const cases: readonly (readonly [what: string, refusedOne: object, expected: RegExp, accepted: object])[] = [
    [
      'an architecture twice',
      { ...allow(), architectures: ['SCMP_ARCH_X86_64', 'SCMP_ARCH_X86', 'SCMP_ARCH_X86_64'] },
      /^\/architectures\/2 SCMP_ARCH_X86_64 is listed twice$/,
      { ...allow(), architectures: ['SCMP_ARCH_X86_64', 'SCMP_ARCH_X86'] },
    ],
    [
      'a flag twice',
      { ...allow(), flags: ['SECCOMP_FILTER_FLAG_LOG', 'SECCOMP_FILTER_FLAG_LOG'] },
      /^\/flags\/1 SECCOMP_FILTER_FLAG_LOG is listed twice$/,
      { ...allow(), flags: ['SECCOMP_FILTER_FLAG_LOG', 'SECCOMP_FILTER_FLAG_SPEC_ALLOW'] },
    ],
    [
      'an error number that an action does not return',
      allow(entry('ALLOW', [], { errnoRet: 1 })),
      /^\/syscalls\/0\/errnoRet SCMP_ACT_ALLOW returns no error number/,
      allow(entry('TRACE', [], { errnoRet: 1 })),
    ],
    [
      'a default error number that the action does not return',
      { defaultAction: 'SCMP_ACT_KILL_PROCESS', defaultErrnoRet: 1 },
      /^\/defaultErrnoRet SCMP_ACT_KILL_PROCESS returns no error number/,
      { defaultAction: 'SCMP_ACT_ERRNO', defaultErrnoRet: 1 },
    ],
    [
      'an error number that libseccomp does not load, though the kernel has it',
      { defaultAction: 'SCMP_ACT_ALLOW', syscalls: [entry('ERRNO', [], { errnoRet: 4095 })] },
      /^\/syscalls\/0\/errnoRet 4095 is above 4094, the highest that libseccomp accepts: no container starts$/,
      { defaultAction: 'SCMP_ACT_ALLOW', syscalls: [entry('ERRNO', [], { errnoRet: 4094 })] },
    ],
    [
      'the same for the default',
      { defaultAction: 'SCMP_ACT_ERRNO', defaultErrnoRet: 4095 },
      /^\/defaultErrnoRet 4095 is above 4094/,
      { defaultAction: 'SCMP_ACT_TRACE', defaultErrnoRet: 4095 },
    ],
    [
      'results of which none has precedence',
      allow(entry('ALLOW', [when(0, 'GE', 4)]), entry('LOG', [when(0, 'EQ', 5)])),
      /^\/syscalls\/1 conflicts with \/syscalls\/0, which has another result for socket/,
      allow(entry('ALLOW', [when(0, 'GE', 4)]), entry('LOG', [when(0, 'LT', 4)])),
    ],
    [
      'two results without conditions',
      allow(entry('ALLOW'), entry('LOG')),
      /^\/syscalls\/1 conflicts with \/syscalls\/0/,
      allow(entry('ALLOW'), entry('ALLOW')),
    ],
    [
      'results that differ in the error number alone',
      {
        defaultAction: 'SCMP_ACT_ALLOW',
        syscalls: [entry('ERRNO', [], { errnoRet: 1 }), entry('ERRNO', [when(0, 'EQ', 1)], { errnoRet: 2 })],
      },
      /^\/syscalls\/1 conflicts with \/syscalls\/0/,
      {
        defaultAction: 'SCMP_ACT_ALLOW',
        syscalls: [entry('ERRNO'), entry('ERRNO', [when(0, 'EQ', 1)], { errnoRet: 1 })],
      },
    ],
    [
      'values that 32-bit machines do not tell apart',
      allow(entry('ALLOW', [when(0, 'EQ', 1)]), entry('LOG', [when(0, 'EQ', 2n ** 32n + 1n)])),
      /^\/syscalls\/1 conflicts with \/syscalls\/0/,
      allow(entry('ALLOW', [when(0, 'EQ', 1)]), entry('LOG', [when(0, 'EQ', 2n ** 32n + 2n)])),
    ],
    [
      'different results on different arguments',
      allow(entry('ALLOW', [when(0, 'EQ', 1)]), entry('LOG', [when(1, 'EQ', 2)])),
      /^\/syscalls\/1 conflicts with \/syscalls\/0/,
      allow(entry('ALLOW', [when(0, 'EQ', 1)]), entry('ALLOW', [when(1, 'EQ', 2)])),
    ],
    [
      'more than 256 conditions on one argument',
      allow(entry('ALLOW', many(257))),
      /^\/syscalls\/0 257 rules for socket, one for each alternative, are more than 256$/,
      allow(entry('ALLOW', many(256))),
    ],
    [
      'as many in several entries',
      allow(
        entry('ALLOW', many(200)),
        entry(
          'ALLOW',
          many(57, (at) => at % 2),
        ),
      ),
      /^\/syscalls\/1 257 rules for socket/,
      allow(
        entry('ALLOW', many(200)),
        entry(
          'ALLOW',
          many(56, (at) => at % 2),
        ),
        entry('ERRNO', many(9)),
      ),
    ],
    [
      'more than 1,024 names in an entry',
      allow({ names: named(1025), action: 'SCMP_ACT_ALLOW' }),
      /^\/syscalls\/0\/names 1025 names are more than 1024$/,
      allow({ names: named(1024), action: 'SCMP_ACT_ALLOW' }),
    ],
    [
      'more than 16,384 rules',
      allow({ names: named(1024), action: 'SCMP_ACT_ALLOW', args: many(17) }),
      /^\/syscalls 17408 rules, one for each name and alternative, are more than 16384$/,
      allow({ names: named(1024), action: 'SCMP_ACT_ALLOW', args: many(16) }),
    ],
    [
      'a value above 32 bits with a 32-bit architecture',
      { ...allow(entry('ALLOW', [when(0, 'NE', 2n ** 32n)])), architectures: ['SCMP_ARCH_X86_64', 'SCMP_ARCH_X86'] },
      /^\/syscalls\/0\/args\/0 a value above 32 bits, of which SCMP_ARCH_X86, which is listed, compares only the low half$/,
      { ...allow(entry('ALLOW', [when(0, 'NE', 2n ** 32n)])), architectures: ['SCMP_ARCH_X86_64'] },
    ],
    [
      'a control character in a name',
      allow({ names: ['read\n'], action: 'SCMP_ACT_ALLOW' }),
      /^\/syscalls\/0\/names\/0 the name has a control character$/,
      allow({ names: ['read'], action: 'SCMP_ACT_ALLOW' }),
    ],
  ];
  for (const [what, profile, expected, accepted] of cases) {
    it(`is ${what}`, () => {
      const [first = '', ...others] = refused(profile).filter((line) => !/ conditions, those of /.test(line));
      assert.match(first, expected);
      assert.deepEqual(others, []);
      assert.deepEqual(refused(accepted), []);
    });
  }

  it('is a member that is repeated, in whatever letter case', () => {
    for (const text of [
      '{"defaultAction": "SCMP_ACT_ERRNO", "DefaultAction": "SCMP_ACT_ALLOW"}',
      '{"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [{"names": ["read"], "action": "SCMP_ACT_ALLOW", "NAMES": []}]}',
      '{"filesystem": {"readOnlyPaths": ["/a"], "ReadOnlyPaths": ["/b"]}}',
    ]) {
      assert.throws(() => readProfile(new TextEncoder().encode(text)), { kind: 'ProfileInvalid' }, text);
    }
  });

  it('is told with every place, and what to do', () => {
    const profile = readProfile(
      new TextEncoder().encode(
        JSON.stringify({
          ...allow(entry('ALLOW', [], { errnoRet: 1 })),
          flags: Array(3).fill('SECCOMP_FILTER_FLAG_LOG'),
        }),
      ),
    );
    assert.throws(() => validatePublication(profile, defaultPublicationLimits, 'p'), {
      kind: 'ProfileInvalid',
      message: /refuse this profile: at \/flags\/1: .*; at \/flags\/2: .*; at \/syscalls\/0\/errnoRet: /,
      hint: /fairlead lint FILE/,
    });
  });
});

describe('a profile that publishing refuses for its conflicts', () => {
  it('is written anew with the same meaning and without them by a merge of it alone', () => {
    // As Podman's default profile has it.
    const text = JSON.stringify({
      defaultAction: 'SCMP_ACT_ERRNO',
      defaultErrnoRet: 38,
      architectures: ['SCMP_ARCH_X86_64', 'SCMP_ARCH_X86', 'SCMP_ARCH_X32'],
      syscalls: [
        entry('ALLOW', [], { names: ['setns', 'read'] }),
        entry('ERRNO', [], { names: ['setns', 'mount'], errnoRet: 1 }),
        entry('ALLOW', [when(0, 'EQ', 1)]),
        entry('ALLOW', [when(0, 'EQ', 1)]),
      ],
    });
    const profile = readProfile(Buffer.from(text));
    assert.throws(() => validatePublication(profile, defaultPublicationLimits, 'p'), {
      message: /conflicts with \/syscalls\/0, which has another result for setns/,
      hint: /fairlead merge --intersect FILE/,
    });
    const merged = intersectProfiles([profile], 'SCMP_ARCH_X86_64');
    assert.deepEqual(merged.inexact, []);
    assert.deepEqual(diffProfiles(profile, merged.profile, 'SCMP_ARCH_X86_64').changes, []);
    validatePublication(merged.profile, defaultPublicationLimits, 'p');
  });
});

describe('what publishing refuses of AppArmor profiles', () => {
  const cases: readonly (readonly [path: string, expected: RegExp, accepted: string])[] = [
    [
      '/a b',
      /^\/filesystem\/readOnlyPaths\/0 "\/a b" has " ", which needs quotes in a policy; write "\?" for it$/,
      '/a?b',
    ],
    ['/a!', /has "!", which needs quotes/, '/a?'],
    ['/a,', /has ",", which needs quotes/, '/a\\,'],
    ['/a, b', /has ",", which needs quotes/, '/a,?b'],
    ['/{a b,c}', /has " ", which needs quotes/, '/{a?b,c}'],
    ['@{PROC}/stat', /has a variable, whose meaning only nodes know; write "\/proc\/stat"$/, '/proc/stat'],
  ];
  for (const [path, expected, accepted] of cases) {
    it(`is the path ${path}`, () => {
      const [first = '', ...others] = refused({ filesystem: { readOnlyPaths: [path] } });
      assert.match(first, expected);
      assert.deepEqual(others, []);
      for (const list of ['allowedExecutables', 'allowedLibraries']) {
        assert.match(refused({ executable: { [list]: [path] } }).join(), new RegExp(`^/executable/${list}/0 `));
      }
      assert.deepEqual(refused({ filesystem: { readOnlyPaths: [accepted] } }), []);
    });
  }

  it('is a path in two lists or twice in one, and a capability twice', () => {
    const twice = { filesystem: { readOnlyPaths: ['/a', '/a'], writeOnlyPaths: ['/b'], readWritePaths: ['/b'] } };
    assert.deepEqual(refused(twice), [
      '/filesystem/readOnlyPaths/1 "/a" is already listed at /filesystem/readOnlyPaths/0',
      '/filesystem/readWritePaths/0 "/b" is already listed at /filesystem/writeOnlyPaths/0',
    ]);
    assert.deepEqual(refused({ executable: { allowedExecutables: ['/a', '/a'] } }), []);
    assert.deepEqual(refused({ capability: { allowedCapabilities: ['chown', 'kill', 'chown'] } }), [
      '/capability/allowedCapabilities/2 chown is listed twice',
    ]);
  });

  it('are more than 1,024 paths in all lists together', () => {
    const paths = (count: number, prefix: string) => Array.from({ length: count }, (_, at) => `/${prefix}${at}`);
    const profile = (count: number) => ({
      executable: { allowedExecutables: paths(count, 'x') },
      filesystem: { readOnlyPaths: paths(1000, 'r') },
    });
    assert.deepEqual(refused(profile(25)), [' 1025 paths are more than 1024']);
    assert.deepEqual(refused(profile(24)), []);
  });
});
