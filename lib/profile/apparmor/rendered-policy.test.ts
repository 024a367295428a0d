import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { AppArmorProfile } from './model.ts';
import { policyText } from './render-policy.ts';
import { strayLine } from './rendered-policy.ts';

const name = 'fairlead/1';
const profile: AppArmorProfile = {
  mode: 'Enforce',
  executable: { allowedExecutables: ['/bin/**'], allowedLibraries: ['/lib/{a,b\\,}[^-a]?'] },
  filesystem: {
    readOnlyPaths: ['/etc/**'],
    writeOnlyPaths: ['/log'],
    readWritePaths: ['@{PROC}/*/a # "'.slice(0, -1)],
  },
  network: { allowRaw: true, allowTcp: true, allowUdp: true },
  capability: { allowedCapabilities: ['bpf', 'chown'] },
};
const text = policyText(profile, { name });

/** Returns the text with a line put before the end of the profile. */
const withRule = (line: string): string => text.replace('\n}\n', `\n${line}\n}\n`);
const lineOf = (policy: string, line: string): number => policy.split('\n').indexOf(line) + 1;

describe('a rendered policy', () => {
  it('is what policyText writes', () => {
    for (const options of [
      { mode: 'Enforce' },
      { mode: 'Complain' },
      { mode: 'Complain', enforceDefaults: true },
    ] as const) {
      for (const each of [profile, { mode: options.mode }])
        assert.equal(strayLine(policyText(each, { name, ...options }), name), undefined);
    }
  });

  it('has no rule that policyText does not write', () => {
    for (const line of [
      '  include <abstractions/base>',
      '  include "/etc/shadow"',
      '  #include </etc/shadow>',
      '  # comment',
      '  change_profile -> unconfined,',
      '  change_profile,',
      '  audit "/{,**}" ix,',
      '  "/bin/sh" ux,',
      '  "/bin/sh" px -> other,',
      '  "/a" r, "/b" w,',
      '  "/a" r, change_profile, "/b" r,',
      '  "@{HOME}/a" r,',
      '  "/a\\" r,',
      '  "a" r,',
      '  "/a" rw,',
      '  "/ä" r,',
      '  deny "/a" r,',
      '  mount,',
      '  ptrace,',
      '  capability all,',
      '  capability chown kill,',
      '  profile child { }',
      '  ^hat { }',
      '  }',
      '',
      '}',
      '}\nprofile crio-default { file,',
      '}\nprofile ":ns:a" { file,',
      '  file,\r',
      '  file,\0',
    ]) {
      assert.equal(strayLine(withRule(line), name), text.split('\n').length - 1, line);
    }
  });

  it('has the default rules, its own name and nothing around it', () => {
    assert.equal(strayLine(text, 'fairlead/2'), 4);
    assert.equal(strayLine(text.replace('  deny mount,\n', ''), name), lineOf(text, '  deny mount,'));
    assert.equal(strayLine(text.replace(',mediate_deleted', ''), name), 4);
    assert.equal(strayLine(`abi <abi/3.0>,\n${text}`, name), 1);
    assert.notEqual(strayLine(`${text}profile a { }\n`, name), undefined);
    assert.notEqual(strayLine(text.slice(0, -1), name), undefined);
    for (const part of ['', '\n', '}\n', text.split('\n').slice(0, 6).join('\n')])
      assert.notEqual(strayLine(part, name), undefined, part);
  });
});
