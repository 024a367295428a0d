import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { readJson } from '../../json/read-json.ts';
import { parseSeccomp } from './parse.ts';

const parse = (profile: object) => {
  const bytes = new TextEncoder().encode(JSON.stringify(profile));
  return parseSeccomp(readJson(bytes, 'p.json', { bytes: 2 ** 24, depth: 16, values: 1_000_000 }));
};
const naming = (count: number) => ({
  defaultAction: 'SCMP_ACT_ERRNO',
  syscalls: [{ names: Array.from({ length: count }, (_, index) => `n${index}`), action: 'SCMP_ACT_ALLOW' }],
});

describe('parseSeccomp', () => {
  it('refuses more different syscalls than any kernel has, not more mentions of the same', () => {
    const { syscalls } = naming(4_096);
    assert.equal(parse({ ...naming(1), syscalls: [...syscalls, ...syscalls] }).profile.syscalls?.length, 2);
    assert.throws(() => parse(naming(4_097)), /syscalls\[0\]\.names: more than 4096 different syscalls/);
  });

  it('says where it is after lists and optional fields that it left', () => {
    const syscalls = [
      { names: ['a', 'b'], action: 'SCMP_ACT_LOG', errnoRet: null, args: [{ index: 0, value: 1, op: 'SCMP_CMP_EQ' }] },
      {
        names: ['c'],
        action: 'SCMP_ACT_LOG',
        args: [{ index: 0, value: 1, op: 'SCMP_CMP_EQ', 'x/~': 1 }, { index: 6 }],
      },
    ];
    assert.throws(
      () => parse({ defaultAction: 'SCMP_ACT_LOG', flags: [], syscalls }),
      (error: { message: string; pointer?: string }) => {
        assert.match(
          error.message,
          /^p\.json:1:\d+: syscalls\[1\]\.args\[1\]\.index: must be a whole number from 0 to 5/,
        );
        assert.equal(error.pointer, '/syscalls/1/args/1/index');
        return true;
      },
    );
    const [unknown] = parse({ defaultAction: 'SCMP_ACT_LOG', syscalls: [{ ...syscalls[0], 'x/~': 1 }] }).unknownFields;
    assert.equal(unknown?.pointer, '/syscalls/0/x~1~0');
  });

  it('refuses a NUL in a name, at which runtimes end it', () => {
    const named = (name: string) => ({
      defaultAction: 'SCMP_ACT_ALLOW',
      syscalls: [{ names: ['read', name], action: 'SCMP_ACT_LOG' }],
    });
    for (const name of ['clone\0', 'clone\0x', '\0clone', '\0']) {
      assert.throws(
        () => parse(named(name)),
        /syscalls\[0\]\.names\[1\]: must not contain a NUL/,
        JSON.stringify(name),
      );
    }
    assert.deepEqual(parse(named('clone 3')).profile.syscalls?.[0]?.names, ['read', 'clone 3']);
  });
});
