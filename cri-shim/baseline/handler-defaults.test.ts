import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { runtimeDefault } from '#lib/profile/seccomp/runtime-default';
import { loadRuntimeDefaults } from '#lib/profile/seccomp/tables/runtime-defaults/load-tables';
import { defaultCapabilities, parseRuntimeIdentity } from '#lib/profile/seccomp/tables/runtime-identity';
import { evaluate } from '#test/oracle/seccomp-evaluate';
import { expectedDefault, handlerDefaults } from './handler-defaults.ts';
import type { HandlerConfiguration, RuntimeConfiguration, RuntimeFacts } from './runtime-facts.ts';

const host = { architecture: 'amd64', kernel: '6.1.0-18-amd64' } as const;

/** A default profile as files of CRI-O have it: with conditions on machine and container. */
const file = {
  defaultAction: 'SCMP_ACT_ERRNO',
  defaultErrno: 'ENOSYS',
  archMap: [{ architecture: 'SCMP_ARCH_X86_64', subArchitectures: ['SCMP_ARCH_X86'] }],
  syscalls: [
    { names: ['read'], action: 'SCMP_ACT_ALLOW', args: [], comment: '', includes: {}, excludes: {} },
    { names: ['mount'], action: 'SCMP_ACT_ALLOW', includes: { caps: ['CAP_SYS_ADMIN'] }, excludes: {} },
    { names: ['ptrace'], action: 'SCMP_ACT_ALLOW', includes: { arches: ['s390x'] } },
  ],
};

function criO(
  global: Partial<RuntimeConfiguration> = {},
  handlers: Readonly<Record<string, HandlerConfiguration>> = {},
): RuntimeFacts {
  const configuration = {
    isFixed: false,
    defaultHandler: 'crun',
    handlers: new Map(Object.entries({ crun: {}, ...handlers })),
    ...global,
  };
  return { name: 'cri-o', version: '1.37.0', configuration };
}

function containerd(baseRuntimeSpec?: string): RuntimeFacts {
  const handlers = new Map([['runc', baseRuntimeSpec === undefined ? {} : { baseRuntimeSpec }]]);
  return { name: 'containerd', version: '2.1.9', configuration: { isFixed: true, defaultHandler: 'runc', handlers } };
}

async function outcome(facts: RuntimeFacts, handler: string, syscall: string, capabilities: readonly string[] = []) {
  const profile = await expectedDefault(await handlerDefaults(facts, handler), { ...host, capabilities });
  return evaluate(profile, { architecture: 'SCMP_ARCH_X86_64', syscall, args: [] });
}

describe('the defaults of a runtime handler', () => {
  let directory: string;
  let seccompProfile: string;
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'fairlead-defaults-'));
    seccompProfile = join(directory, 'seccomp.json');
    await writeFile(seccompProfile, JSON.stringify(file));
  });
  afterEach(() => rm(directory, { recursive: true }));

  it('are those of the runtime, by name and version', async () => {
    for (const facts of [containerd(), criO(), { ...criO(), version: '1.30.2' }]) {
      const identity = parseRuntimeIdentity(facts.name, facts.version);
      const { tables } = await loadRuntimeDefaults(identity);
      const defaults = await handlerDefaults(facts, '');
      assert.deepEqual(defaults.capabilities, { name: identity?.name, defaults: defaultCapabilities(identity?.name) });
      const capabilities = ['CAP_SYS_ADMIN'];
      const expected = await expectedDefault(defaults, { ...host, capabilities });
      assert.deepEqual(expected, runtimeDefault(tables, { ...host, capabilities }));
      assert.deepEqual([defaults.assumption, defaults.mayBeLooser], [undefined, true]);
    }
  });

  it('are those of the default handler where the pod names none', async () => {
    const [unnamed, named] = [await handlerDefaults(criO(), ''), await handlerDefaults(criO(), 'crun')];
    assert.equal(unnamed.key, named.key);
    assert.equal(unnamed.handler, 'crun');
  });

  it('are the file that CRI-O is configured with, resolved for machine and container', async () => {
    const facts = criO({ seccompProfile });
    assert.equal(await outcome(facts, '', 'read'), 'SCMP_ACT_ALLOW');
    assert.equal(await outcome(facts, '', 'write'), 'SCMP_ACT_ERRNO 38');
    assert.equal(await outcome(facts, '', 'ptrace'), 'SCMP_ACT_ERRNO 38');
    assert.equal(await outcome(facts, '', 'mount'), 'SCMP_ACT_ERRNO 38');
    assert.equal(await outcome(facts, '', 'mount', ['CAP_SYS_ADMIN']), 'SCMP_ACT_ALLOW');
    const { mayBeLooser, assumption } = await handlerDefaults(facts, '');
    assert.deepEqual([mayBeLooser, assumption], [false, undefined]);
  });

  it('are resolved without minKernel, which CRI-O ignores', async () => {
    const syscalls = [
      { names: ['mount'], action: 'SCMP_ACT_ERRNO', excludes: { minKernel: '4.8' } },
      { names: ['read', 'mount'], action: 'SCMP_ACT_ALLOW', includes: { minKernel: '99.0' } },
    ];
    await writeFile(seccompProfile, JSON.stringify({ defaultAction: 'SCMP_ACT_TRAP', syscalls }));
    assert.equal(await outcome(criO({ seccompProfile }), '', 'mount'), 'SCMP_ACT_ERRNO 1');
    assert.equal(await outcome(criO({ seccompProfile }), '', 'read'), 'SCMP_ACT_ALLOW');
  });

  it('are the file of the handler before the global one', async () => {
    await writeFile(join(directory, 'own.json'), '{"defaultAction": "SCMP_ACT_KILL_PROCESS"}');
    const facts = criO({ seccompProfile }, { own: { seccompProfile: join(directory, 'own.json') } });
    assert.equal(await outcome(facts, 'own', 'read'), 'SCMP_ACT_KILL_PROCESS');
    assert.equal(await outcome(facts, 'crun', 'read'), 'SCMP_ACT_ALLOW');
  });

  it("are CRI-O's own where the global file is missing, as CRI-O has it, and refused where that of the handler is", async () => {
    const missing = join(directory, 'missing.json');
    const facts = criO({ seccompProfile: missing });
    assert.equal(await outcome(facts, '', 'write'), 'SCMP_ACT_ALLOW');
    assert.equal((await handlerDefaults(facts, '')).mayBeLooser, false, 'it may have been there when CRI-O started');
    await assert.rejects(handlerDefaults(criO({}, { own: { seccompProfile: missing } }), 'own'), {
      kind: 'ProfileInvalid',
      message: /default seccomp profile of the container runtime, .*missing\.json: it does not exist/,
      hint: /seccomp_profile/,
    });
  });

  it('are refused where the file is not a profile, by its name', async () => {
    for (const text of [
      '{',
      '{}',
      '{"defaultAction": "ALLOW"}',
      '[]',
      '{"defaultAction":"SCMP_ACT_ERRNO","syscalls":5}',
    ]) {
      await writeFile(seccompProfile, text);
      await assert.rejects(outcome(criO({ seccompProfile }), '', 'read'), (error: Error & { kind: string }) => {
        assert.equal(error.kind, 'ProfileInvalid');
        assert.ok(error.message.includes(seccompProfile), error.message);
        return true;
      });
    }
    await assert.rejects(handlerDefaults(criO({ seccompProfile: directory }), ''), {
      message: /it is not a regular file/,
    });
  });

  it('are others once the file was changed', async () => {
    const facts = criO({ seccompProfile });
    const before = await handlerDefaults(facts, '');
    await writeFile(seccompProfile, JSON.stringify({ ...file, defaultErrno: 'EPERM' }));
    assert.notEqual((await handlerDefaults(facts, '')).key, before.key);
  });

  it('begin with the capabilities that CRI-O is configured with', async () => {
    const configured = await handlerDefaults(criO({ defaultCapabilities: ['CAP_SYS_CHROOT'] }), '');
    assert.deepEqual(configured.capabilities.defaults, ['CAP_SYS_CHROOT']);
    assert.deepEqual((await handlerDefaults(criO({ defaultCapabilities: [] }), '')).capabilities.defaults, []);
    assert.equal((await handlerDefaults(criO(), '')).capabilities.defaults.length, 9);
  });

  it("begin with the capabilities of containerd's base spec", async () => {
    const base = join(directory, 'base.json');
    const bounding = ['CAP_SYS_ADMIN', 'CAP_CHOWN', 'cap_bpf', 'SYS_PTRACE', 'ALL'];
    await writeFile(base, JSON.stringify({ ociVersion: '1.0.0', process: { capabilities: { bounding } }, linux: {} }));
    const { capabilities } = await handlerDefaults(containerd(base), '');
    assert.deepEqual(capabilities.defaults, ['CAP_CHOWN', 'CAP_SYS_ADMIN']);
    for (const spec of ['{}', '{"process": null}', '{"process": {"capabilities": {"bounding": null}}}']) {
      await writeFile(base, spec);
      assert.deepEqual((await handlerDefaults(containerd(base), '')).capabilities.defaults, []);
    }
    for (const spec of ['{', '{"process": {"capabilities": {"bounding": "CAP_CHOWN"}}}', '{"process": 5}']) {
      await writeFile(base, spec);
      await assert.rejects(handlerDefaults(containerd(base), ''), {
        kind: 'ProfileInvalid',
        hint: /base_runtime_spec/,
      });
    }
    await assert.rejects(handlerDefaults(containerd(join(directory, 'none')), ''), {
      message: /none: it does not exist/,
    });
  });

  it('are the intersection of all where the runtime is not known, and say so', async () => {
    const { capabilities, assumption } = await handlerDefaults({ name: 'isulad', version: '2.1' }, 'kata');
    assert.deepEqual(capabilities, { name: undefined, defaults: defaultCapabilities('cri-o') });
    assert.match(assumption ?? '', /runtime is not known/);
    const isulad: RuntimeFacts = { name: 'isulad', version: '2.1' };
    // Refused by CRI-O alone, by containerd alone, and by none.
    assert.match(await outcome(isulad, '', 'vmsplice'), /ERRNO/);
    assert.match(await outcome(isulad, '', 'keyctl'), /ERRNO/);
    assert.equal(await outcome(isulad, '', 'read'), 'SCMP_ACT_ALLOW');
  });

  it('say so where the version is not known, or the runtime does not report its configuration', async () => {
    assert.match((await handlerDefaults({ ...criO(), version: '1.99.0' }, '')).assumption ?? '', /1\.99\.0/);
    const silent: RuntimeFacts = { name: 'cri-o', version: '1.31.0' };
    const { assumption, mayBeLooser } = await handlerDefaults(silent, '');
    assert.match(assumption ?? '', /cri-o 1\.31\.0 does not report its configuration/);
    assert.equal(mayBeLooser, true);
    assert.notEqual(
      (await handlerDefaults(silent, '')).key,
      (await handlerDefaults({ ...criO(), version: '1.31.0' }, '')).key,
    );
  });
});
