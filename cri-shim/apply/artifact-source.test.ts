import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { packArtifact } from '#lib/artifact/pack-artifact';
import { openStore, type Store } from '#lib/node/store/store';
import { seccompOf } from '#lib/profile/profile';
import { defaultPublicationLimits } from '#lib/profile/publication-limits';
import { readProfile } from '#lib/profile/read-profile';
import type { SeccompProfile } from '#lib/profile/seccomp/model';
import { parsePinned } from '#lib/registry/pinned-reference';
import { formatReference } from '#lib/registry/reference';
import type { Policy } from '#lib/trust/policy/node-policy';
import { defaultBaseline } from '#lib/trust/policy/parse-policy-document';
import { evaluate } from '#test/oracle/seccomp-evaluate';
import { noMetrics } from '../report/metrics.ts';
import type { ShimLog } from '../report/shim-log.ts';
import type { ProfileRequest } from '../request/profile-request.ts';
import { type AppliedProfile, applyProfile } from './apply-profile.ts';
import { ArtifactSource } from './artifact-source.ts';
import { EffectiveMemory } from './effective-memory.ts';

const repository = '127.0.0.1:1/team/nginx';
/** More in it than the baseline allows, each by its own name. */
const names = Array.from({ length: 3000 }, (_, number) => `${'call'.repeat(10)}_${number}`);
const syscalls = names.map((name) => ({ names: [name], action: 'SCMP_ACT_ALLOW' }));
const artifact = packArtifact(readProfile(Buffer.from(JSON.stringify({ defaultAction: 'SCMP_ACT_LOG', syscalls }))), {
  layout: 'runtime',
});
const reference = parsePinned(`${repository}@${artifact.descriptor.digest}`);
const open: Policy = {
  source: 'policy.yaml',
  rules: [{ match: '**', unsigned: true, require: [] }],
  baseline: { ...defaultBaseline, seccomp: { defaultAction: 'SCMP_ACT_ALLOW' } },
  limits: defaultPublicationLimits,
  revision: 'open',
};
const strict: Policy = {
  ...open,
  baseline: { ...defaultBaseline, seccomp: { defaultAction: 'SCMP_ACT_KILL_PROCESS' } },
  revision: 's',
};
const deny: Policy = { ...open, rules: [], revision: 'deny' };

async function readInstalled({ installed }: AppliedProfile): Promise<string> {
  assert.ok(installed.kind === 'Seccomp');
  return readFile(installed.path, 'utf8');
}

describe('artifact source', () => {
  let directory: string;
  let store: Store;
  let current: Policy;
  let source: ArtifactSource;
  const records: Record<string, unknown>[] = [];
  const record = (fields: Record<string, unknown>) => records.push(fields);
  const log = { debug: record, info: record, warn: record, error: record } as unknown as ShimLog;
  let growth = 0;
  let memory: EffectiveMemory;
  let ofRuntime: SeccompProfile;
  let whenAsked: () => void;
  const tidier = { grown: () => void growth++ };
  let applied: (string | undefined)[];
  let constrainedMerges: number;
  const apply = async (asked: Partial<ProfileRequest> = {}): Promise<AppliedProfile> => {
    const runtimeBaseline = {
      profileFor: async () => {
        whenAsked();
        return ofRuntime;
      },
      hostFor: async () => ({ architecture: 'amd64', kernel: '6.1', capabilities: [] }) as const,
    };
    const now = () => new Date(0);
    const architecture = 'amd64' as const;
    const install = { seccomp: store.effective, appArmor: { put: () => assert.fail(), holds: () => assert.fail() } };
    const metrics = {
      ...noMetrics,
      applied: (given: string | undefined) => void applied.push(given),
      constrainedMerge: () => void constrainedMerges++,
    };
    const dependencies = { source, install, memory, architecture, runtimeBaseline, tidier, log, metrics, now };
    const subject = { runtime: { handler: '' }, capabilities: undefined };
    const bearer = { pod: 'a/b', subject };
    const signal = AbortSignal.timeout(5000);
    const done = await applyProfile({ kind: 'Seccomp', reference, ...asked }, bearer, dependencies, signal);
    done.report();
    return done;
  };

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'fairlead-source-'));
    store = await openStore(directory);
    await store.put({ artifact, kind: 'Seccomp', repository, caller: 'node', signatures: [] });
    current = open;
    memory = new EffectiveMemory();
    whenAsked = () => undefined;
    ofRuntime = { defaultAction: 'SCMP_ACT_ERRNO' };
    const policy = {
      get current() {
        return current;
      },
    };
    source = new ArtifactSource({ store, policy, env: {}, metrics: noMetrics, tidier, clock: () => performance.now() });
    records.length = 0;
    applied = [];
    constrainedMerges = 0;
  });
  afterEach(async () => {
    await store.close();
    await rm(directory, { recursive: true });
  });

  it('decides by the policy that is in force when the pull ends, not by the one that was when it began', async () => {
    const pull = source.pull({ reference, kind: 'Seccomp' }, { signal: AbortSignal.timeout(5000) });
    current = deny;
    await assert.rejects(pull, { kind: 'NotAllowed' });
    current = open;
    const applied = apply();
    current = strict;
    const { defaultAction } = JSON.parse(await readInstalled(await applied)) as {
      defaultAction: string;
    };
    assert.equal(defaultAction, 'SCMP_ACT_KILL_PROCESS');
    assert.equal(growth, 1);
  });

  it('names what is set in a pod if the artifact is of another kind', async () => {
    const pull = source.pull({ reference, kind: 'AppArmor' }, { signal: AbortSignal.timeout(5000) });
    const hint = 'Set the kind of profile in the pod to Seccomp, or name another artifact.';
    await assert.rejects(pull, { kind: 'ProfileInvalid', hint });
  });

  it('applies nothing that the policy has come to forbid while the runtime was asked', async () => {
    whenAsked = () => {
      current = { ...deny, baseline: defaultBaseline };
    };
    current = { ...open, baseline: defaultBaseline };
    await assert.rejects(apply(), { kind: 'NotAllowed' });
    assert.deepEqual(
      records.filter(({ messageId }) => messageId === 'fairlead.profile.applied'),
      [],
    );
    whenAsked = () => {
      current = strict;
    };
    current = { ...open, baseline: defaultBaseline };
    const { defaultAction } = JSON.parse(await readInstalled(await apply())) as {
      defaultAction: string;
    };
    assert.equal(defaultAction, 'SCMP_ACT_KILL_PROCESS');
  });

  it('intersects with the base that the pod names, however little the baseline forbids', async () => {
    current = { ...open, baseline: { ...defaultBaseline, seccomp: { defaultAction: 'SCMP_ACT_ALLOW' } } };
    const applied = async (base?: ProfileRequest['base']): Promise<{ defaultAction: string }> =>
      JSON.parse(await readInstalled(await apply(base && { base })));
    const file = join(directory, 'base.json');
    await writeFile(file, '{"defaultAction": "SCMP_ACT_TRAP"}');
    assert.equal((await applied()).defaultAction, 'SCMP_ACT_LOG');
    assert.equal((await applied('RuntimeDefault')).defaultAction, 'SCMP_ACT_ERRNO');
    assert.equal((await applied({ path: file })).defaultAction, 'SCMP_ACT_TRAP');
  });

  it('logs what only the artifact refuses, if the rule allows it, and says so', async () => {
    const call = (syscall: string) => ({ architecture: 'SCMP_ARCH_X86_64', syscall, args: [] });
    const text =
      '{"defaultAction": "SCMP_ACT_KILL", "syscalls": [{"names": ["read", "mount"], "action": "SCMP_ACT_ALLOW"}]}';
    const refusing = packArtifact(readProfile(Buffer.from(text)), { layout: 'runtime' });
    await store.put({ artifact: refusing, kind: 'Seccomp', repository, caller: 'node', signatures: [] });
    const logged = { reference: parsePinned(`${repository}@${refusing.descriptor.digest}`), mode: 'Log' } as const;
    const rules = [{ match: '**', unsigned: true, require: [], log: true }] as const;
    const syscalls = [{ names: ['mount'], action: 'SCMP_ACT_ERRNO' }] as const;
    const architectures = ['SCMP_ARCH_X86_64', 'SCMP_ARCH_X86'];
    const seccomp: SeccompProfile = { defaultAction: 'SCMP_ACT_ALLOW', architectures, syscalls };

    current = { ...open, baseline: { ...defaultBaseline, seccomp } };
    await assert.rejects(apply(logged), { kind: 'NotAllowed', message: /does not allow mode=log/ });
    assert.deepEqual([applied, records], [[], []]);

    current = { ...open, rules, baseline: { ...defaultBaseline, seccomp } };
    const loggedProfile = await apply(logged);
    const profile = seccompOf(readProfile(Buffer.from(await readInstalled(loggedProfile))));
    assert.deepEqual(
      ['read', 'mount', 'chmod'].map((syscall) => evaluate(profile, call(syscall))),
      ['SCMP_ACT_ALLOW', 'SCMP_ACT_ERRNO 1', 'SCMP_ACT_LOG'],
    );
    assert.deepEqual(applied, ['Log']);
    const [record] = records.filter(({ messageId }) => messageId === 'fairlead.profile.logged');
    assert.deepEqual([record?.['pod'], record?.['unlogged']], ['a/b', ['SCMP_ARCH_X86']]);

    records.length = 0;
    const enforced = seccompOf(
      readProfile(Buffer.from(await readInstalled(await apply({ reference: logged.reference })))),
    );
    assert.equal(evaluate(enforced, call('chmod')), 'SCMP_ACT_KILL_THREAD');
    assert.deepEqual(applied, ['Log', undefined]);
    assert.ok(records.every(({ messageId }) => messageId !== 'fairlead.profile.logged'));
  });

  it('leaves open no hole of the baseline where a filter compares 64 bits and the kernel takes 32', async () => {
    const socket = (value: bigint) => ({ architecture: 'SCMP_ARCH_X86_64', syscall: 'socket', args: [value] });
    const refused = { index: 0, value: 38n, op: 'SCMP_CMP_NE' } as const;
    const baseline: SeccompProfile = {
      defaultAction: 'SCMP_ACT_ERRNO',
      architectures: ['SCMP_ARCH_X86_64', 'SCMP_ARCH_X86'],
      syscalls: [
        { names: ['read'], action: 'SCMP_ACT_ALLOW' },
        { names: ['socket'], action: 'SCMP_ACT_ALLOW', args: [refused] },
      ],
    };
    const effective = async () => seccompOf(readProfile(Buffer.from(await readInstalled(await apply()))));
    current = { ...open, baseline: { ...defaultBaseline, seccomp: baseline } };
    const byFile = await effective();
    current = { ...open, baseline: defaultBaseline };
    ofRuntime = baseline;
    const byRuntime = await effective();
    for (const profile of [byFile, byRuntime]) {
      assert.equal(evaluate(baseline, socket(0x1_0000_0026n)), 'SCMP_ACT_ALLOW', 'which opens AF_ALG');
      for (const value of [0x26n, 0x1_0000_0026n]) assert.equal(evaluate(profile, socket(value)), 'SCMP_ACT_ERRNO 1');
      assert.equal(evaluate(profile, socket(2n)), 'SCMP_ACT_LOG');
    }
  });

  it('computes an effective profile once, and logs once what was constrained', async () => {
    current = { ...open, baseline: { ...defaultBaseline, seccomp: { defaultAction: 'SCMP_ACT_TRAP' } } };
    const first = await apply();
    const second = await apply();
    assert.deepEqual(second.installed, first.installed);
    const ids = records.map(({ messageId }) => messageId);
    assert.deepEqual(
      ['fairlead.profile.applied', 'SecurityProfileMergeConstrained'].map(
        (id) => ids.filter((each) => each === id).length,
      ),
      // The second one of the latter is at level debug.
      [2, 2],
    );
    assert.equal(constrainedMerges, 2);
    const [, again] = records.filter(({ messageId }) => messageId === 'fairlead.profile.applied');
    assert.ok(JSON.stringify(again).length < 700, JSON.stringify(again));
  });

  it('computes it again for another baseline, base or mode, and installs it again if it is gone', async () => {
    const seccomp = { defaultAction: 'SCMP_ACT_TRAP' } as const;
    current = { ...open, baseline: { ...defaultBaseline, seccomp } };
    const first = await readInstalled(await apply());
    assert.match(first, /SCMP_ACT_TRAP/);
    current = {
      ...current,
      baseline: { ...defaultBaseline, seccomp: { defaultAction: 'SCMP_ACT_KILL' } },
      revision: 'next',
    };
    assert.match(await readInstalled(await apply()), /SCMP_ACT_KILL/);
    current = { ...open, baseline: { ...defaultBaseline, seccomp } };
    ofRuntime = { defaultAction: 'SCMP_ACT_KILL_PROCESS' };
    assert.match(await readInstalled(await apply({ base: 'RuntimeDefault' })), /SCMP_ACT_KILL_PROCESS/);
    const applied = await apply();
    assert.equal(await readInstalled(applied), first);
    assert.ok(applied.installed.kind === 'Seccomp');
    await rm(applied.installed.path);
    assert.equal(await readInstalled(await apply()), first);
    await writeFile(applied.installed.path, '{"defaultAction": "SCMP_ACT_ALLOW"}');
    assert.equal(await readInstalled(await apply()), first);
  });

  it('warns of what was constrained, in 2048 bytes, and at level debug of all of it', async () => {
    current = { ...open, baseline: { ...defaultBaseline, seccomp: { defaultAction: 'SCMP_ACT_LOG' } } };
    const file = join(directory, 'base.json');
    await writeFile(file, '{"defaultAction": "SCMP_ACT_TRAP"}');
    await apply({ base: { path: file } });
    const [warning, whole] = records.filter(({ messageId }) => messageId === 'SecurityProfileMergeConstrained');
    assert.deepEqual([warning?.['pod'], warning?.['profile']], ['a/b', formatReference(reference)]);
    const texts = (record: Record<string, unknown> | undefined): readonly string[] =>
      ['baseline', 'baseProfile', 'constrained'].flatMap((field) => (record?.[field] as string | undefined) ?? []);
    const bytes = Buffer.byteLength(texts(warning).join(''));
    assert.ok(bytes <= 2048 && bytes > 1500, `${bytes} bytes`);
    assert.match(String(warning?.['baseProfile']), /^defaultAction: SCMP_ACT_LOG -> SCMP_ACT_TRAP; .*…$/);
    assert.equal(texts(whole).join('; ').split('; ').length, warning?.['dimensions']);
    assert.ok(String(whole?.['baseProfile']).includes(`${names.at(-1)}: SCMP_ACT_ALLOW -> SCMP_ACT_TRAP`));
    assert.equal(constrainedMerges, 1);
  });
});
