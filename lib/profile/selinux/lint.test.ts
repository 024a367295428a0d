import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { lintSelinux } from './lint.ts';
import type { SelinuxProfile } from './model.ts';
import { parsePolicy } from './parse-policy.ts';
import { allowMap } from './rules.ts';

function codes(allow: Parameters<typeof allowMap>[0], options: Partial<SelinuxProfile> = {}): string[] {
  const profile: SelinuxProfile = {
    kind: 'SELinux',
    name: 'app',
    mode: 'Enforcing',
    inherit: [],
    allow: allowMap(allow),
    ...options,
  };
  return lintSelinux(profile).map(({ code, pointer }) => `${code} ${pointer}`);
}

describe('lintSelinux', () => {
  it('has nothing to say about a good profile', () => {
    assert.deepEqual(
      codes([
        ['var_log_t', 'file', 'append'],
        ['@self', 'process', 'execmem'],
      ]),
      [],
    );
  });

  it('notices what a node would refuse', () => {
    assert.deepEqual(codes([['shadow_t', 'file', 'read']]), ['restricted /spec/allow/shadow_t']);
    const inherit = [{ kind: 'System', name: 'virt_container' } as const];
    assert.deepEqual(codes([['var_log_t', 'file', 'read']], { inherit }), ['restricted /spec/inherit']);
  });

  it('notices misspelt classes and permissions', () => {
    assert.deepEqual(codes([['var_log_t', 'file', 'opne']]), ['unknown-permission /spec/allow/var_log_t/file']);
    assert.deepEqual(codes([['var_log_t', 'files', 'open']]), ['unknown-class /spec/allow/var_log_t/files']);
    const allow = allowMap([
      ['var_log_t', 'file', 'opne'],
      ['var_log_t', 'tcp_sockt', 'create'],
    ]);
    const subject = { kind: 'SELinux', name: 'app', mode: 'Enforcing', inherit: [], allow } as const;
    assert.deepEqual(
      lintSelinux(subject).map(({ message }) => message),
      [
        'the object class file has no permission opne: did you mean open?',
        'the kernel has no object class tcp_sockt: did you mean tcp_socket?',
      ],
    );
  });

  it('notices code that the process may write', () => {
    const target = '/spec/allow/container_file_t/file';
    assert.deepEqual(
      codes([
        ['container_file_t', 'file', 'append'],
        ['container_file_t', 'file', 'execute'],
      ]),
      [`writable-code ${target}`],
    );
    assert.deepEqual(
      codes([
        ['a_t', 'file', 'write'],
        ['b_t', 'file', 'execute'],
      ]),
      [],
    );
  });

  it('notices power over other processes', () => {
    assert.deepEqual(codes([['other.process', 'process', 'ptrace']]), [
      'foreign-process /spec/allow/other.process/process',
    ]);
    assert.deepEqual(codes([['other.process', 'process', 'getattr']]), []);
  });

  it('notices a profile that enforces or allows nothing', () => {
    assert.deepEqual(codes([], { mode: 'Permissive' }), ['no-rules /spec', 'permissive /spec/mode']);
  });

  it('notices the own process by name', () => {
    assert.deepEqual(codes([['app.process', 'fd', 'use']]), ['own-name /spec/allow/app.process']);
  });

  it('reads raw policies too', () => {
    const text =
      '(blockinherit container)(allow process proc_t (file (opne)))(dontaudit process proc_t (file (write)))';
    const findings = lintSelinux({ kind: 'RawSELinux', name: 'app', policy: parsePolicy(text, 'policy') });
    assert.deepEqual(
      findings.map(({ code, pointer }) => [code, pointer]),
      [
        ['unknown-permission', '/spec/policy'],
        ['hidden-denials', '/spec/policy'],
      ],
    );
  });
});
