import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { arbitraryProfile } from '#test/oracle/seccomp-arbitrary';
import type { RuntimeProfile } from './profile.ts';
import { seccompOf } from './profile.ts';
import { readProfile } from './read-profile.ts';
import { renderProfile } from './render-profile.ts';
import { renderSeccompJson } from './seccomp/write/render-json.ts';

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
    refused('', /not valid JSON: unexpected end of the document/);
    refused('"SCMP_ACT_ALLOW', /unterminated string/);
    assert.throws(() => readProfile(new Uint8Array([0x7b, 0xff])), /not valid UTF-8/);
  });

  it('says which formats it tried', () => {
    refused('{"kind":"Deployment"}', /not a known profile format: tried runtime-spec seccomp JSON/);
    refused('[]', /not a known profile format/);
  });

  it('reads structured AppArmor profiles', () => {
    const profile = readProfile(bytes('{"capability":{"allowedCapabilities":["NET_RAW"]},"network":{}}'), 'p');
    assert.deepEqual(profile, {
      kind: 'AppArmor',
      apparmor: {
        mode: 'Enforce',
        network: { allowRaw: false, allowTcp: false, allowUdp: false },
        capability: { allowedCapabilities: ['net_raw'] },
      },
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

  const convert = /fairlead convert --to runtime FILE/;

  it('takes no custom resources, and points to what converts them', () => {
    const resources = [
      '{"kind":"AppArmorProfile","filesystem":{}}',
      'kind: SeccompProfile',
      '{kind: "SeccompProfile"}',
    ];
    for (const text of [...resources, "apiVersion: x\n'kind' : AppArmorProfile # c\n", '{"kind":"SeccompProfile"}']) {
      assert.throws(() => readProfile(bytes(text)), { message: /a custom resource of the Security/, hint: convert });
    }
    for (const kind of ['SelinuxProfile', 'RawSelinuxProfile']) {
      for (const text of [`kind: ${kind}\nspec: {}`, `{"kind":"${kind}"}`]) {
        // No command makes an SELinux profile one that can be published, so none is named.
        assert.throws(() => readProfile(bytes(text)), {
          message: /SELinux profile, which cannot be published/,
          hint: /^(?!.*--to runtime).*--to cil/,
        });
      }
    }
  });

  it('reports what invalid JSON may be instead', () => {
    const hint = (text: string) => {
      try {
        readProfile(bytes(text));
      } catch (error) {
        return (error as { hint: string }).hint;
      }
      return assert.fail('read');
    };
    assert.match(hint('defaultAction: SCMP_ACT_ALLOW\n'), convert);
    assert.match(hint('(block nginx)'), /CIL cannot be published/);
    assert.match(hint(' \n'), /It is empty/);
    assert.doesNotMatch(hint('{"defaultAction":}'), convert);
  });

  const seccomp = (entry: string, root = '') =>
    `{"defaultAction":"SCMP_ACT_ERRNO",${root}\n"syscalls":[{"names":["a"],"action":"SCMP_ACT_LOG",${entry}}]}`;

  it('refuses the form of Docker and Podman, whatever member shows it', () => {
    const entries = [
      '"includes":{"caps":["CAP_SYS_ADMIN"]}',
      '"excludes":{}',
      '"comment":""',
      '"errno":"EPERM"',
      '"name":"b"',
    ];
    const respelled = ['"Includes":{}', '"INCLUDES":null', '"include\u017f":{}', '"Errno":1'];
    const escaped = '"\\u0069ncludes":{}';
    for (const entry of [...entries, ...respelled, escaped]) {
      assert.throws(() => readProfile(bytes(seccomp(entry)), 'p'), {
        kind: 'ProfileInvalid',
        message: /^p:2:52: "\/syscalls\/0\/[^"]+" belongs to the form of Docker/,
        hint: convert,
        pointer: /^\/syscalls\/0\//,
      });
    }
    for (const root of ['"archMap":[],', '"ArchMap":[],', '"defaultErrno":"ENOSYS",']) {
      assert.throws(() => readProfile(bytes(seccomp('"errnoRet":1', root)), 'p'), {
        message: /^p:1:35: /,
        hint: convert,
      });
    }
  });

  it('refuses every unknown member, and known ones in another letter case', () => {
    const arg = (member: string) => seccomp(`"args":[{"index":0,"value":1,"op":"SCMP_CMP_EQ",${member}}]`);
    const unknown: readonly [string, string][] = [
      [seccomp('"errnoRet":1', '"comment":1,'), '/comment'],
      [seccomp('"errnoRet":1', '"includes":{},'), '/includes'],
      [seccomp('"a/b":{}'), '/syscalls/0/a~1b'],
      [arg('"includes":{}'), '/syscalls/0/args/0/includes'],
      ['{"network":{"allowRaw":true,"allowICMP":true}}', '/network/allowICMP'],
      ['{"filesystem":{"deniedPaths":[]}}', '/filesystem/deniedPaths'],
      ['{"network":{},"ptrace":{}}', '/ptrace'],
    ];
    for (const [text, pointer] of unknown) {
      assert.throws(() => readProfile(bytes(text), 'p'), { message: /unknown member/, hint: convert, pointer });
    }
    const respelled: readonly [string, string][] = [
      ['{"DefaultAction":"SCMP_ACT_ALLOW"}', '/DefaultAction'],
      [seccomp('"ErrnoRet":1'), '/syscalls/0/ErrnoRet'],
      [arg('"ValueTwo":1'), '/syscalls/0/args/0/ValueTwo'],
      [seccomp('"arg\u017f":[]'), '/syscalls/0/arg\u017f'],
    ];
    for (const [text, pointer] of respelled) {
      assert.throws(() => readProfile(bytes(text), 'p'), { message: /another letter case/, hint: convert, pointer });
    }
    for (const text of ['{"network":{"AllowRaw":true}}', '{"filesystem":{"ReadOnlyPaths":["/etc"]}}']) {
      assert.throws(() => readProfile(bytes(text), 'p'), { message: /must be written/ });
    }
  });

  it('refuses members that come twice, in whatever case, and says what to do', () => {
    const twice = [
      '"includes":{},"includes":{}',
      '"Names":["b"]',
      '"action":"SCMP_ACT_ALLOW"',
      '"x":1,"x":2',
      '"\\u006eames":["b"]',
    ];
    for (const entry of twice)
      assert.throws(() => readProfile(bytes(seccomp(entry)), 'p'), { hint: /Remove one of the two.*convert/ });
  });

  it('refuses a profile of two kinds at once', () => {
    const both = '{"defaultAction":"SCMP_ACT_ALLOW","filesystem":{}}';
    assert.throws(() => readProfile(bytes(both), 'p'), { pointer: '/filesystem' });
    assert.throws(() => readProfile(bytes(both), 'p', 'AppArmor'), { pointer: '/filesystem' });
  });

  it('refuses a byte order mark, which runtimes do', () => {
    refused('\ufeff{"defaultAction":"SCMP_ACT_ALLOW"}', /1:1: not valid JSON: it begins with a byte order mark/);
  });

  it('names all that it refuses, up to twenty', () => {
    const members = Array.from({ length: 22 }, (_, index) => `"x${index}":1`).join();
    assert.throws(
      () => readProfile(bytes(seccomp('"errnoRet":1', `${members},`)), 'p'),
      ({ summary, details }: { summary: string; details: readonly string[] }) => {
        assert.match(summary, /^p:1:35: unknown member "\/x0"/);
        assert.deepEqual([details.length, details.at(-1)], [20, 'and 2 more']);
        return true;
      },
    );
  });

  it('limits depth and size', () => {
    refused('['.repeat(100_000), /nested deeper than 16 levels/, 'LimitExceeded');
    assert.throws(() => readProfile(new Uint8Array(9 * 1024 * 1024)), { kind: 'LimitExceeded' });
  });

  it('finds out in no time where many unknown fields of a long text are', () => {
    const fields = Array.from({ length: 300 }, (_, index) => `"ü${index}":1`);
    const start = `{${'\n'.repeat(1_000_000)}${fields.join()},"defaultAction":`;
    const begun = performance.now();
    refused(
      `${start}"SCMP_ACT_ALLOW"}`,
      /^profile\.json:1000001:1: unknown member.*\n {2}profile\.json:1000001:8: unknown/,
    );
    refused(`${start}1}`, /^profile\.json:1000001:\d+: defaultAction/);
    assert.ok(performance.now() - begun < 1_000);
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
