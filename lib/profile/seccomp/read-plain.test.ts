import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { FairleadError } from '#lib/errors';
import { mutate, randomFrom } from '#test/fuzz/mutate';
import { arbitraryProfile } from '#test/oracle/seccomp-arbitrary';
import { readJson } from '../json/read-json.ts';
import type { SeccompReading } from './parse.ts';
import { parseSeccomp } from './parse.ts';
import { readPlainSeccomp } from './read-plain.ts';
import { renderSeccompJson } from './render-json.ts';

const limits = { bytes: 100_000, depth: 8, values: 2_000 };
const bytesOf = (text: string) => new TextEncoder().encode(text);
const plain = (bytes: Uint8Array) => readPlainSeccomp(bytes, 'p.json', limits);

/** What the other readers make of the same bytes; undefined if they refuse them. */
function thorough(bytes: Uint8Array): SeccompReading | undefined {
  try {
    return parseSeccomp(readJson(bytes, 'p.json', limits));
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
  // Unknown fields, of all objects and types.
  named('"comment":"a \\u00f6 \\"\\\\\\/\\b ü 🦊","x":-1.5e+3,"y":0,"z":[true,false,null,[],{}],"index":{"a":{"a":1}}'),
  `{"ab":"ö🦊",\n"a~/b":1,${named('"value":1,"args":[{"names":1,"index":1,"value":1,"op":"SCMP_CMP_EQ","b":2}],"c":3').slice(1, -1)},"z":1}`,
  named('"x":[[[[[]]]]]'),
  named(Array.from({ length: 300 }, (_, index) => `"u${index}":1`).join()),
  `${named(Array.from({ length: 300 }, (_, index) => `"u${index}":1`).join()).slice(0, -1)},"last":1}`,
];

/** Refused by both. */
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
  ...[
    '01',
    '1.',
    '.5',
    '1e',
    '-',
    'nul',
    'tru',
    '"\\x"',
    '"\\u12g4"',
    '"\u0001"',
    '[1,]',
    '{"a":1,"a":2}',
    '{"a"}',
  ].map((value) => named(`"x":${value}`)),
  named('"u":1,"u":1'),
  named('"x":[[[[[[]]]]]]'),
  named(`"x":[${Array(2_000).fill('0').join()}]`),
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
    for (const values of [14, 15]) {
      const bytes = bytesOf(condition('"value":1,"x":[1,2]'));
      const most = { ...limits, values };
      assert.equal(readPlainSeccomp(bytes, 'p', most) === undefined, values < 15);
      const read = () => readJson(bytes, 'p', most);
      if (values < 15) assert.throws(read, /more than 14 values/);
      else read();
    }
    assert.equal(readPlainSeccomp(bytesOf(named('"x":1')), 'p', { ...limits, bytes: 10 }), undefined);
  });

  it('reads as many names as there may be, and leaves more to the other readers', () => {
    const names = Array.from({ length: 4_096 }, (_, index) => `n${index}`);
    const text = JSON.stringify({ defaultAction: 'SCMP_ACT_LOG', syscalls: [{ names, action: 'SCMP_ACT_ALLOW' }] });
    const most = { bytes: 1e6, depth: 8, values: 1e6 };
    assert.deepEqual(readPlainSeccomp(bytesOf(text), 'p', most)?.profile.syscalls?.[0]?.names, names);
    const members = Array.from({ length: 10_000 }, (_, index) => `"m${index}":1`).join();
    assert.equal(readPlainSeccomp(bytesOf(named(members)), 'p', most), undefined);
  });

  it('leaves unknown objects of many members to the other readers', () => {
    const object = (count: number) => `"x":{${Array.from({ length: count }, (_, index) => `"m${index}":0`).join()}}`;
    assert.notEqual(plain(bytesOf(named(object(64)))), undefined);
    assert.equal(plain(bytesOf(named(object(65)))), undefined);
  });

  it('reads whatever renderSeccompJson writes', () => {
    const shape = { names: ['read', 'write'], architectures: [[], ['SCMP_ARCH_X86']], wide: true, rules: 4 };
    fc.assert(
      fc.property(arbitraryProfile(shape), (profile) => {
        assert.deepEqual(plain(bytesOf(renderSeccompJson(profile))), { profile, unknownFields: [] });
      }),
      { numRuns: 200 },
    );
  });

  it('never makes anything else of a text than the thorough readers', () => {
    const random = randomFrom(1);
    const seeds = [...usual, readFileSync(new URL('../../../examples/nginx.json', import.meta.url), 'utf8')];
    const pieces = [
      ...'{}[],:"\\ -.0e\n',
      'null',
      '"names":["read"]',
      '"x":[{"y":"\\u00fc"}],',
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
    assert.ok(accepted > 500, `${accepted} of the texts were accepted`);
  });
});
