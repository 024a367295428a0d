import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { arbitraryProfile } from '#test/oracle/seccomp-arbitrary';
import type { RuntimeProfile } from './profile.ts';
import { seccompOf } from './profile.ts';
import { readProfile } from './read-profile.ts';
import { renderProfile } from './render-profile.ts';
import { renderSeccompJson } from './seccomp/render-json.ts';

const bytes = (text: string) => new TextEncoder().encode(text);
const read = (text: string) => seccompOf(readProfile(bytes(text), 'profile.json'));

function refused(text: string, message: RegExp | string, kind = 'ProfileInvalid'): void {
  assert.throws(
    () => read(text),
    (error: { kind: string; message: string }) => {
      assert.equal(error.kind, kind);
      if (typeof message === 'string') assert.equal(error.message, message);
      else assert.match(error.message, message);
      return true;
    },
  );
}

describe('readProfile', () => {
  it('keeps 64-bit values without rounding', () => {
    const profile = read(`{"defaultAction":"SCMP_ACT_ALLOW","syscalls":[{"names":["ioctl"],"action":"SCMP_ACT_ERRNO",
      "args":[{"index":1,"value":18446744073709551615,"valueTwo":9007199254740993,"op":"SCMP_CMP_MASKED_EQ"}]}]}`);
    assert.deepEqual(profile.syscalls?.[0]?.args, [
      { index: 1, value: 2n ** 64n - 1n, valueTwo: 2n ** 53n + 1n, op: 'SCMP_CMP_MASKED_EQ' },
    ]);
  });

  it('names the position, the field and the word that was probably meant', () => {
    refused(
      '{\n  "defaultAction": "SCMP_ACT_ERRNO",\n  "syscalls": [\n    {"names": ["read"],\n     "action": "SCMP_ACT_ALOW"}]\n}',
      'profile.json:5:16: syscalls[0].action: unknown action "SCMP_ACT_ALOW"; did you mean SCMP_ACT_ALLOW?',
    );
    refused(
      '{"defaultAction":"SCMP_ACT_ALLOW","architectures":["SCMP_ARCH_X86-64"]}',
      /1:52: architectures\[0\].*SCMP_ARCH_X86_64\?/,
    );
    refused('{"defaultAction":"SCMP_ACT_ALLOW","flags":["NOPE"]}', /1:44: flags\[0\]: unknown flag "NOPE"; known are/);
  });

  it('refuses what the specification does not allow', () => {
    const rule = (text: string) => `{"defaultAction":"SCMP_ACT_ALLOW","syscalls":[${text}]}`;
    refused(rule('{"names":[],"action":"SCMP_ACT_ERRNO"}'), /syscalls\[0\]\.names: must name at least one syscall/);
    refused(rule('{"names":[""],"action":"SCMP_ACT_ERRNO"}'), /names\[0\]: must not be empty/);
    refused(rule('{"names":["a"]}'), /syscalls\[0\]: needs "action"/);
    const arg = (text: string) =>
      rule(`{"names":["a"],"action":"SCMP_ACT_ERRNO","args":[{${text},"op":"SCMP_CMP_EQ"}]}`);
    refused(arg('"index":6,"value":1'), /args\[0\]\.index: must be a whole number from 0 to 5, is 6/);
    refused(arg('"index":0,"value":-1'), /value: must be a whole number from 0 to 18446744073709551615, is -1/);
    refused(arg('"index":0,"value":18446744073709551616'), /is 18446744073709551616/);
    refused(arg('"index":0,"value":1.5'), /is 1\.5/);
    refused(arg('"index":0,"value":"1"'), /value: must be a number, is a string/);
    refused(rule('{"names":["a"],"action":"SCMP_ACT_ERRNO","errnoRet":4294967296}'), /errnoRet/);
  });

  it('refuses what is not JSON, or JSON that could be read in two ways', () => {
    refused('{"defaultAction":"SCMP_ACT_ALLOW",}', /1:35: not valid JSON: expected a member name/);
    refused('{"defaultAction":"SCMP_ACT_ALLOW"} x', /1:36: not valid JSON: nothing may follow/);
    refused(
      '{"defaultAction":"SCMP_ACT_ALLOW","defaultAction":"SCMP_ACT_KILL"}',
      /1:35: .*duplicate member "defaultAction"/,
    );
    refused('{"defaultAction":"SCMP_ACT_ALLOW","flags":[01]}', /not valid JSON/);
    refused('', /not valid JSON: the document ends too early/);
    refused('"SCMP_ACT_ALLOW', /the string does not end/);
    assert.throws(() => readProfile(new Uint8Array([0x7b, 0xff])), /not valid UTF-8/);
  });

  it('says which formats it tried', () => {
    refused('{"kind":"Deployment"}', /not a known profile format: tried runtime-spec seccomp JSON/);
    refused('[]', /not a known profile format/);
  });

  it('reads structured AppArmor profiles', () => {
    const profile = readProfile(
      bytes('{"capability":{"allowedCapabilities":["NET_RAW"]},"network":{},"ptrace":{}}'),
      'p',
    );
    assert.deepEqual(profile, {
      kind: 'AppArmor',
      apparmor: {
        mode: 'Enforce',
        network: { allowRaw: false, allowTcp: false, allowUdp: false },
        capability: { allowedCapabilities: ['net_raw'] },
      },
      unknownFields: [{ pointer: '/ptrace', position: 'p:1:64' }],
    });
    assert.deepEqual(readProfile(renderProfile(profile)), {
      kind: 'AppArmor',
      apparmor: profile.kind === 'AppArmor' && profile.apparmor,
    });
    assert.throws(
      () => readProfile(bytes('{"network":{"allowRaw":1}}'), 'p'),
      /p:1:24: network\.allowRaw: must be true/,
    );
  });

  it('is told the kind of an empty object, which is an AppArmor profile without limits', () => {
    assert.throws(() => readProfile(bytes('{}')), /not a known profile format/);
    assert.deepEqual(readProfile(bytes('{}'), 'p', 'AppArmor'), { kind: 'AppArmor', apparmor: { mode: 'Enforce' } });
    assert.throws(() => readProfile(bytes('{}'), 'p', 'Seccomp'), /needs "defaultAction"/);
  });

  it('takes no custom resources, and points to what converts them', () => {
    const hint = /fairlead convert --to runtime/;
    for (const text of ['{"kind":"AppArmorProfile","filesystem":{}}', 'kind: SeccompProfile']) {
      assert.throws(
        () => readProfile(bytes(text)),
        (error: { hint: string }) => hint.test(error.hint),
      );
    }
  });

  it('limits depth and size', () => {
    refused('['.repeat(100_000), /nested deeper than 16 levels/, 'LimitExceeded');
    assert.throws(() => readProfile(new Uint8Array(9 * 1024 * 1024)), { kind: 'LimitExceeded' });
  });

  it('drops unknown fields and remembers them', () => {
    const text =
      '{"defaultAction":"SCMP_ACT_ALLOW",\n"comment":1,"syscalls":[{"names":["a"],"action":"SCMP_ACT_LOG","a/b":{}}]}';
    const profile = readProfile(bytes(text), 'p');
    assert.deepEqual(profile.unknownFields, [
      { pointer: '/comment', position: 'p:2:1' },
      { pointer: '/syscalls/0/a~1b', position: 'p:2:64' },
    ]);
    assert.deepEqual(seccompOf(profile), {
      defaultAction: 'SCMP_ACT_ALLOW',
      syscalls: [{ names: ['a'], action: 'SCMP_ACT_LOG' }],
    });
  });

  it('finds out in no time where many unknown fields of a long text are', () => {
    const fields = Array.from({ length: 300 }, (_, index) => `"ü${index}":1`);
    const start = `{${'\n'.repeat(1_000_000)}${fields.join()},"defaultAction":`;
    const begun = performance.now();
    const { unknownFields = [] } = readProfile(bytes(`${start}"SCMP_ACT_ALLOW"}`), 'p');
    refused(`${start}1}`, /^profile\.json:1000001:\d+: defaultAction/);
    assert.ok(performance.now() - begun < 1_000);
    assert.equal(unknownFields.length, 256);
    assert.deepEqual(unknownFields[255], { pointer: '/ü255', position: 'p:1000001:2186' });
  });

  it('gives back what renderProfile wrote, and the same bytes again', () => {
    const shape = { names: ['read', 'a"b\\', 'ö'], architectures: [[], ['SCMP_ARCH_X86']], wide: true, rules: 4 };
    fc.assert(
      fc.property(arbitraryProfile(shape), (seccomp) => {
        const rendered = renderProfile({ kind: 'Seccomp', seccomp });
        const again = readProfile(rendered);
        assert.deepEqual(again, { kind: 'Seccomp', seccomp });
        assert.deepEqual(renderProfile(again), rendered);
      }),
      { numRuns: 200 },
    );
  });

  it('gives back a profile that is long, and one whose fields are empty', () => {
    const rule = { names: ['ö"'], action: 'SCMP_ACT_LOG', args: [{ index: 0, value: 2n ** 60n, op: 'SCMP_CMP_EQ' }] };
    const empty = { architectures: [], flags: [], listenerPath: '', listenerMetadata: '', syscalls: [] };
    for (const rest of [empty, { syscalls: Array(2_000).fill(rule) }, { syscalls: [{ ...rule, args: [] }] }]) {
      const profile = { kind: 'Seccomp', seccomp: { defaultAction: 'SCMP_ACT_ALLOW', ...rest } } as RuntimeProfile;
      const rendered = renderProfile(profile);
      assert.deepEqual(readProfile(rendered), profile);
      assert.equal(new TextDecoder().decode(rendered), renderSeccompJson(seccompOf(profile)));
    }
  });

  it('survives any bytes: a profile or a FairleadError', () => {
    const example = readFileSync(new URL('../../examples/nginx.json', import.meta.url));
    const mutation = fc.record({
      at: fc.nat(example.length - 1),
      byte: fc.integer({ min: 0, max: 255 }),
      cut: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.array(mutation, { minLength: 1, maxLength: 4 }), (mutations) => {
        let mutated = Uint8Array.from(example);
        for (const { at, byte, cut } of mutations) {
          mutated[at] = byte;
          if (cut) mutated = mutated.slice(0, at);
        }
        try {
          assert.equal(readProfile(mutated).kind, 'Seccomp');
        } catch (error) {
          assert.ok(['ProfileInvalid', 'LimitExceeded'].includes((error as { kind: string }).kind), String(error));
        }
      }),
      { numRuns: 500 },
    );
  });
});
