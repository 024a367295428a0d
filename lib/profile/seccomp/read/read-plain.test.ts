import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { FairleadError } from '#lib/errors';
import { mutate, randomFrom } from '#test/fuzz/mutate';
import { arbitraryProfile } from '#test/oracle/seccomp-arbitrary';
import { readJson } from '../../json/read-json.ts';
import type { SeccompProfile } from '../model.ts';
import { renderSeccompJson } from '../write/render-json.ts';
import { parseSeccomp } from './parse.ts';
import { readPlainSeccomp } from './read-plain.ts';

const limits = { bytes: 100_000, depth: 8, values: 2_000 };
const bytesOf = (text: string) => new TextEncoder().encode(text);
const plain = (bytes: Uint8Array) => readPlainSeccomp(bytes, limits);

/**
 * What the other readers make of the same bytes; undefined if they refuse them, or find unknown
 * members in them.
 */
function thorough(bytes: Uint8Array): SeccompProfile | undefined {
  try {
    const { profile, unknownFields } = parseSeccomp(readJson(bytes, 'p.json', limits));
    return unknownFields.length === 0 ? profile : undefined;
  } catch (error) {
    if (error instanceof FairleadError) return undefined;
    throw error;
  }
}

const rule = (text: string) => `{"defaultAction":"SCMP_ACT_ERRNO","syscalls":[${text}]}`;
const named = (text: string) => rule(`{"names":["read"],"action":"SCMP_ACT_LOG",${text}}`);
const condition = (text: string) => named(`"args":[{"index":1,"op":"SCMP_CMP_EQ",${text}}]`);

/** Accepted by both. */
const usual = [
  '{"defaultAction":"SCMP_ACT_ALLOW"}',
  '\t{ "defaultAction" :\r\n"SCMP_ACT_ERRNO" , "defaultErrnoRet":4294967295,"syscalls":[ ],"flags":[],"architectures":[]\n} \n',
  '{"syscalls":null,"flags":null,"defaultAction":"SCMP_ACT_KILL","listenerPath":"/run/a","listenerMetadata":""}',
  '{"architectures":["SCMP_ARCH_X86_64"],"flags":["SECCOMP_FILTER_FLAG_LOG"],"defaultAction":"SCMP_ACT_TRAP"}',
  named('"errnoRet":0,"args":[]'),
  rule('{"args":null,"action":"SCMP_ACT_LOG","names":["a","b"]},{"action":"SCMP_ACT_LOG","names":["a"]}'),
  condition('"value":18446744073709551615'),
  condition('"value":999999999999999,"valueTwo":1000000000000000'),
  condition('"value":9007199254740993,"valueTwo":null'),
  condition('"value":4294967296,"valueTwo":4294967295'),
];

/** Refused by both, the latter half for its unknown members. */
const refused = [
  '',
  '[]',
  '{}',
  '{"defaultAction":"SCMP_ACT_ALLOW"',
  '{"defaultAction":"SCMP_ACT_ALLOW"}}',
  '{"defaultAction":"SCMP_ACT_ALLOW",}',
  '{"defaultAction":"SCMP_ACT_ALLOW" "flags":[]}',
  '{"defaultAction":"SCMP_ACT_ALLOW","defaultAction":"SCMP_ACT_ALLOW"}',
  '{"defaultAction":null}',
  '{"defaultAction":"SCMP_ARCH_X86"}',
  '{"defaultAction":"SCMP_ACT_ALLOW","flags":["SCMP_ARCH_X86"]}',
  '{"defaultAction":"SCMP_ACT_ALLOW","defaultErrnoRet":4294967296}',
  `{"defaultAction":"SCMP_ACT_ALLOW","listenerPath":"${'a'.repeat(4_097)}"}`,
  `{"defaultAction":"SCMP_ACT_ALLOW","flags":[${Array(65).fill('"SECCOMP_FILTER_FLAG_LOG"').join()}]}`,
  rule('{}'),
  rule('{"names":["a"]}'),
  rule('{"names":[],"action":"SCMP_ACT_LOG"}'),
  rule('{"names":[""],"action":"SCMP_ACT_LOG"}'),
  rule('{"names":["a",],"action":"SCMP_ACT_LOG"}'),
  rule('{"names":["a"],"action":"SCMP_ACT_LOG"},'),
  rule(`{"names":["${'a'.repeat(129)}"],"action":"SCMP_ACT_LOG"}`),
  ...['01', '-1', '1.0', '1e0', '+1', '', '18446744073709551616', '100000000000000000000', '"1"', 'null'].map((value) =>
    condition(`"value":${value}`),
  ),
  condition('"value":1,"index":1'),
  named('"args":[{"index":6,"value":1,"op":"SCMP_CMP_EQ"}]'),
  '\ufeff{"defaultAction":"SCMP_ACT_ALLOW"}',
  ...[
    'includes',
    'excludes',
    'name',
    'comment',
    'errno',
    'Names',
    'NAMES',
    'name\u017f',
    'index',
    'syscalls',
    '',
  ].flatMap((name) => [named(`"${name}":null`), named(`"${name}":{}`), condition(`"value":1,"${name}":[]`)]),
  ...['archMap', 'defaultErrno', 'DefaultAction', '\u017fyscalls', 'names', 'x'].map(
    (name) => `{"${name}":[],"defaultAction":"SCMP_ACT_ALLOW"}`,
  ),
  '{"DefaultAction":"SCMP_ACT_ALLOW"}',
  rule('{"names":["a"],"Action":"SCMP_ACT_LOG"}'),
  named('"x":[[[[[]]]]]'),
];

describe('readPlainSeccomp', () => {
  for (const text of usual) {
    it(`reads ${text.slice(0, 80)}`, () => {
      const found = plain(bytesOf(text));
      assert.notEqual(found, undefined);
      assert.deepEqual(found, thorough(bytesOf(text)));
    });
  }

  for (const text of refused) {
    it(`leaves ${JSON.stringify(text.slice(0, 120))} to the reader that says what is wrong`, () => {
      assert.equal(thorough(bytesOf(text)), undefined);
      assert.equal(plain(bytesOf(text)), undefined);
    });
  }

  it('refuses what is not UTF-8', () => {
    const bytes = bytesOf(named('"comment":"a?"'));
    bytes[bytes.indexOf(0x3f)] = 0xff;
    assert.equal(plain(bytes), undefined);
  });

  it('stops at the same limits', () => {
    for (const values of [12, 13]) {
      const bytes = bytesOf(condition('"value":1,"valueTwo":null'));
      const most = { ...limits, values };
      assert.equal(readPlainSeccomp(bytes, most) === undefined, values < 13);
      const read = () => readJson(bytes, 'p', most);
      if (values < 13) assert.throws(read, /more than 12 values/);
      else read();
    }
    assert.equal(readPlainSeccomp(bytesOf(named('"args":null')), { ...limits, bytes: 10 }), undefined);
  });

  it('reads as many names as there may be, and leaves more to the other readers', () => {
    const names = Array.from({ length: 4_096 }, (_, index) => `n${index}`);
    const text = JSON.stringify({ defaultAction: 'SCMP_ACT_LOG', syscalls: [{ names, action: 'SCMP_ACT_ALLOW' }] });
    const most = { bytes: 1e6, depth: 8, values: 1e6 };
    assert.deepEqual(readPlainSeccomp(bytesOf(text), most)?.syscalls?.[0]?.names, names);
    const members = Array.from({ length: 10_000 }, (_, index) => `"m${index}":1`).join();
    assert.equal(readPlainSeccomp(bytesOf(named(members)), most), undefined);
  });

  it('reads whatever renderSeccompJson writes', () => {
    const shape = { names: ['read', 'write'], architectures: [[], ['SCMP_ARCH_X86']], wide: true, rules: 4 };
    fc.assert(
      fc.property(arbitraryProfile(shape), (profile) => {
        assert.deepEqual(plain(bytesOf(renderSeccompJson(profile))), profile);
      }),
      { numRuns: 200 },
    );
  });

  it('never makes anything else of a text than the thorough readers', () => {
    const random = randomFrom(1);
    const seeds = [...usual, readFileSync(new URL('../../../../examples/nginx.json', import.meta.url), 'utf8')];
    const pieces = [
      ...'{}[],:"\\ -.0e\n',
      'null',
      '"names":["read"]',
      '"comment":"\\u00fc",',
      '"Names":["write"],',
      '9007199254740993',
      'ö',
    ];
    let accepted = 0;
    for (let round = 0; round < 10_000; round += 1) {
      const bytes = bytesOf(mutate(seeds[random(seeds.length)] ?? '', pieces, random));
      const found = plain(bytes);
      if (found === undefined) continue;
      accepted += 1;
      assert.deepEqual(found, thorough(bytes), new TextDecoder().decode(bytes));
    }
    assert.ok(accepted > 300, `${accepted} of the texts were accepted`);
  });
});
