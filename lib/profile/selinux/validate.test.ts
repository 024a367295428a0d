import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { FairleadError } from '#lib/errors';
import type { Inherit, RawSelinuxProfile, SelinuxProfile } from './model.ts';
import { parsePolicy } from './parse-policy.ts';
import { allowMap } from './rules.ts';
import { selinuxRestrictions, validateSelinux } from './validate.ts';

type Grants = Parameters<typeof allowMap>[0];

function profile(allow: Grants, inherit: readonly Inherit[] = [], name = 'app'): SelinuxProfile {
  return { kind: 'SELinux', name, mode: 'Enforcing', inherit, allow: allowMap(allow) };
}

function raw(policy: string): RawSelinuxProfile {
  return { kind: 'RawSELinux', name: 'app', policy: parsePolicy(`(blockinherit container)${policy}`, 'policy') };
}

function refusal(...args: Parameters<typeof validateSelinux>): string {
  try {
    validateSelinux(...args);
  } catch (error) {
    assert.ok(error instanceof FairleadError, String(error));
    assert.equal(error.kind, 'ProfileInvalid');
    assert.ok(error.hint);
    return error.message;
  }
  throw new assert.AssertionError({ message: 'accepted' });
}

describe('validateSelinux', () => {
  it('accepts what containers ask for', () => {
    validateSelinux(
      profile([
        ['var_log_t', 'file', 'append'],
        ['@self', 'process', 'fork'],
      ]),
    );
    validateSelinux(profile([], [{ kind: 'System', name: 'net_container' }]));
    validateSelinux(raw('(allow process var_log_t (file (append)))(typeattributeset sandbox_net_domain (process))'));
    validateSelinux(raw('(type own_cache)(typeattributeset file_type (own_cache))(roletype object_r own_cache)'));
  });

  const denied: [grant: [string, string, string], message: RegExp][] = [
    [['shadow_t', 'file', 'read'], /^SELinux profile app: must not have rules for the type shadow_t/],
    [['file_type', 'file', 'read'], /must not have rules for the type file_type/],
    [['base_typeattr_23', 'file', 'read'], /base_typeattr_23, which has the name of a compiler's attribute/],
    [['domain', 'process', 'ptrace'], /must not have rules for the type domain/],
    [['@self', 'capability', 'sys_admin'], /must not have rules for the class capability \(of @self\)/],
    [['var_log_t', 'file', 'relabelto'], /must not allow relabelto \(of var_log_t file\)/],
    [['other.process', 'process', 'transition'], /must not allow transition \(of other\.process process\)/],
  ];
  for (const [grant, message] of denied) {
    it(`refuses ${grant.join(' ')}, written either way`, () => {
      const [target, objectClass, permission] = grant;
      assert.match(refusal(profile([grant])), message);
      const source = target === '@self' ? 'self' : target;
      assert.match(refusal(raw(`(allow process ${source} (${objectClass} (${permission})))`)), message);
    });
  }

  it('finds its own process under each of its names', () => {
    for (const target of ['@self', 'process', 'app.process']) {
      assert.match(refusal(profile([[target, 'capability', 'chown']])), /of @self/);
    }
  });

  it('lets the administrator decide', () => {
    const own = selinuxRestrictions({
      allowedSystemProfiles: ['container', 'log_container'],
      allowedClasses: ['capability'],
      deniedTypes: ['var_log_t'],
      allowedTypes: ['var_log_t', 'domain'],
    });
    validateSelinux(
      profile([
        ['@self', 'capability', 'chown'],
        ['domain', 'dir', 'search'],
      ]),
      own,
    );
    validateSelinux(profile([], [{ kind: 'System', name: 'log_container' }]), own);
    assert.match(refusal(profile([['var_log_t', 'file', 'read']]), own), /type var_log_t/);
    assert.match(
      refusal(profile([], [{ kind: 'System', name: 'net_container' }]), own),
      /only from container, log_container/,
    );
  });

  it('lets no profile inherit from what the administrator did not name', () => {
    const inherit = (...list: Inherit[]) => profile([], list);
    assert.match(
      refusal(inherit({ kind: 'System', name: 'virt_container' })),
      /must not inherit from .* virt_container/,
    );
    assert.match(refusal(raw('(blockinherit virt_container)')), /must not inherit from .* virt_container/);
  });

  it('lets profiles stand on other profiles that are there', () => {
    const other: Inherit = { kind: 'SelinuxProfile', name: 'other' };
    const there = selinuxRestrictions({}, ['other', 'third', 'app']);
    validateSelinux(profile([], [other]), there);
    assert.match(refusal(profile([], [other])), /no other SelinuxProfile other/);
    assert.match(
      refusal(profile([], [{ ...other, name: 'virt_container' }]), there),
      /no other SelinuxProfile virt_cont/,
    );
    assert.match(refusal(profile([], [{ ...other, name: 'app' }]), there), /no other SelinuxProfile app/);
    assert.match(refusal(profile([], [other, { ...other, name: 'third' }]), there), /more than one SelinuxProfile/);
  });

  it('does not let a profile pass for a template', () => {
    assert.match(refusal(profile([], [], 'net_container')), /has the name of a system policy/);
  });

  it('gives away no attributes', () => {
    assert.match(refusal(raw('(typeattributeset domain (process))')), /its process the attribute domain/);
    assert.match(
      refusal(raw('(type own_a)(typeattributeset sandbox_net_domain (own_a))')),
      /its type own_a the attribute sandbox/,
    );
    assert.match(
      refusal(raw('(type own_a)(typeattributeset file_type (own_a process))')),
      /its process the attribute file_type/,
    );
  });
});
