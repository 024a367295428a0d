import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { FairleadError } from '#lib/errors';
import { convertProfile } from '#lib/profile/convert-profile';
import { importProfile } from '#lib/profile/import-profile';
import { lint } from '#lib/profile/lint';
import { defaultPublicationLimits } from '#lib/profile/publication-limits';
import { renderProfile } from '#lib/profile/render-profile';
import { memoryRepository } from '#lib/registry/memory';
import { parseReference } from '#lib/registry/reference';
import { publish } from '#services/push/publish';
import { arbitraryProfile } from '../../oracle/seccomp-arbitrary.ts';

const reference = parseReference('registry.example.com/security/nginx:1');
const host = { architecture: 'amd64', kernel: '6.1', capabilities: [] } as const;
const refusing = new Set(['not-publishable', 'docker-form', 'resource-form', 'no-runtime-form']);
const encode = (value: unknown) => new TextEncoder().encode(typeof value === 'string' ? value : JSON.stringify(value));

/** The error of an operation that refuses its input; undefined if it takes it. */
async function refusalOf(operation: () => unknown): Promise<string | undefined> {
  try {
    await operation();
    return undefined;
  } catch (error) {
    if (!(error instanceof FairleadError) || !['ProfileInvalid', 'LimitExceeded'].includes(error.kind)) throw error;
    return error.message;
  }
}

/** The reason for which push refuses a file, and the reason that lint predicts. */
async function verdicts(bytes: Uint8Array): Promise<{ readonly push?: string | undefined; readonly lint?: string }> {
  const dependencies = { target: memoryRepository(), clock: () => new Date(0), limits: defaultPublicationLimits };
  const push = await refusalOf(() => publish(bytes, { reference }, dependencies));
  let codes: readonly string[] = [];
  const unread = await refusalOf(() => {
    codes = lint(importProfile(bytes, 'profile', { host })).map(({ code }) => code);
  });
  const said = [...(unread === undefined ? [] : [unread]), ...codes.filter((code) => refusing.has(code))];
  return { push, ...(said.length === 0 ? {} : { lint: said.join() }) };
}

async function checkAgreement(bytes: Uint8Array, name: string): Promise<boolean> {
  const { push, lint: said } = await verdicts(bytes);
  assert.equal(push === undefined, said === undefined, `${name}: push: ${push}; lint: ${said}`);
  return push === undefined;
}

const plain = { defaultAction: 'SCMP_ACT_ERRNO', syscalls: [{ names: ['read', 'write'], action: 'SCMP_ACT_ALLOW' }] };
const armor = { filesystem: { readOnlyPaths: ['/etc/**'] }, capability: { allowedCapabilities: ['chown'] } };
const resource = (kind: string, spec: object) => ({ apiVersion: 'security-profiles-operator.x-k8s.io/v1', kind, spec });
const rule = (more: object) => ({ ...plain, syscalls: [{ names: ['read'], action: 'SCMP_ACT_ALLOW', ...more }] });

/** Files that are wrong in one way each, in any form. */
const files: Readonly<Record<string, unknown>> = {
  plain,
  armor,
  nothing: '',
  blanks: ' \n',
  'a list': [],
  'an empty object': {},
  'a number': '1',
  'trailing data': `${JSON.stringify(plain)}{}`,
  'a byte order mark': `\ufeff${JSON.stringify(plain)}`,
  'not UTF-8': new Uint8Array([...encode(plain).slice(0, -1), 0x2c, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d]),
  yaml: 'defaultAction: SCMP_ACT_ERRNO\n',
  'an unknown member': { ...plain, more: 1 },
  'another letter case': { DefaultAction: 'SCMP_ACT_ERRNO' },
  'a member twice': '{"defaultAction": "SCMP_ACT_ERRNO", "defaultAction": "SCMP_ACT_ERRNO"}',
  'a member in two letter cases': '{"defaultAction": "SCMP_ACT_ERRNO", "defaultaction": "SCMP_ACT_ERRNO"}',
  'an unknown action': { defaultAction: 'SCMP_ACT_NO' },
  'no names': rule({ names: [] }),
  'a fraction': '{"defaultAction": "SCMP_ACT_ERRNO", "defaultErrnoRet": 1.0}',
  'a sixth argument': rule({ args: [{ index: 6, value: 0, op: 'SCMP_CMP_EQ' }] }),
  'errno 4094': { ...plain, defaultErrnoRet: 4094 },
  'errno 4095': { ...plain, defaultErrnoRet: 4095 },
  'errno 4096': { ...plain, defaultErrnoRet: 4096 },
  'errno of allow': rule({ errnoRet: 1 }),
  'a listener': { ...plain, listenerPath: '/run/x' },
  'an empty listener': { ...plain, listenerPath: '' },
  notify: rule({ action: 'SCMP_ACT_NOTIFY' }),
  'a flag twice': { ...plain, flags: ['SECCOMP_FILTER_FLAG_LOG', 'SECCOMP_FILTER_FLAG_LOG'] },
  'a flag of listeners': { ...plain, flags: ['SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV'] },
  'two megabytes': `${JSON.stringify(plain)}${' '.repeat(2 * 1024 * 1024)}`,
  'nine megabytes': `${JSON.stringify(plain)}${' '.repeat(9 * 1024 * 1024)}`,
  deep: '['.repeat(100),
  docker: { ...plain, archMap: [{ architecture: 'SCMP_ARCH_X86_64', subArchitectures: [] }] },
  'docker with includes': rule({ includes: { caps: ['CAP_BPF'] } }),
  'docker with a single name': {
    defaultAction: 'SCMP_ACT_ERRNO',
    syscalls: [{ name: 'read', action: 'SCMP_ACT_ALLOW' }],
  },
  'seccomp resource': resource('SeccompProfile', plain),
  'seccomp resource of old': {
    ...resource('SeccompProfile', plain),
    apiVersion: 'security-profiles-operator.x-k8s.io/v1beta1',
  },
  'resource with a listener': resource('SeccompProfile', { ...plain, listenerPath: '/run/x' }),
  'apparmor resource': resource('AppArmorProfile', { abstract: armor }),
  'selinux resource': resource('SelinuxProfile', { allow: { '@self': { tcp_socket: ['listen'] } } }),
  'raw selinux resource': resource('RawSelinuxProfile', { policy: '(blockinherit container)' }),
  'unknown resource': resource('Other', {}),
  'an empty section': { filesystem: {} },
  'a relative path': { filesystem: { readOnlyPaths: ['etc'] } },
  'a path with a blank': { filesystem: { readOnlyPaths: ['/a b'] } },
  'a path with a variable': { filesystem: { readOnlyPaths: ['@{PROC}/stat'] } },
  'a path in two lists': { filesystem: { readOnlyPaths: ['/a'], readWritePaths: ['/a'] } },
  'an unknown capability': { capability: { allowedCapabilities: ['all'] } },
  'wide wildcards': { filesystem: { readOnlyPaths: ['/**a??????????????????'] } },
};

describe('push and lint', () => {
  it('agree on which files are published', async () => {
    let published = 0;
    for (const [name, value] of Object.entries(files)) {
      const isPublished = await checkAgreement(value instanceof Uint8Array ? value : encode(value), name);
      published += isPublished ? 1 : 0;
    }
    assert.ok(published >= 4 && published <= Object.keys(files).length / 2, `${published} published`);
  });

  it('agree on the examples, and on recordings', async () => {
    for (const directory of ['../../../examples/', '../../support/recordings/']) {
      const place = new URL(directory, import.meta.url);
      for (const name of readdirSync(place).filter((file) => /\.(?:json|yaml)$/.test(file))) {
        const bytes = readFileSync(new URL(name, place));
        assert.equal(await checkAgreement(bytes, name), name.endsWith('.json'));
        if (name.endsWith('.json')) continue;
        const profile = importProfile(bytes, name);
        if (profile.kind === 'SELinux') continue;
        // As the finding states, the result of the conversion is published.
        assert.ok(await checkAgreement(encode(convertProfile(profile, 'runtime', name)), `${name}, converted`));
      }
    }
  });

  it('agree on generated profiles', async () => {
    const architectures = [[], ['SCMP_ARCH_X86_64'], ['SCMP_ARCH_X86_64', 'SCMP_ARCH_X86']];
    const shape = { names: ['socket', 'clone'], architectures, wide: true, rules: 3 };
    let published = 0;
    await fc.assert(
      fc.asyncProperty(arbitraryProfile(shape), async (seccomp) => {
        const text = renderProfile({ kind: 'Seccomp', seccomp });
        published += (await checkAgreement(text, 'generated')) ? 1 : 0;
      }),
      { numRuns: 300, seed: 20_261_129 },
    );
    assert.ok(published > 10 && published < 290, `${published} of 300 are published`);
  });
});
