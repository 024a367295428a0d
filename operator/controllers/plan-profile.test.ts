import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { inUseFinalizer, nodeGraceMs } from './finalizers.ts';
import { type ProfileFacts, type ProfilePlan, planProfile } from './plan-profile.ts';
import type { ProfileResourceKind } from './profile-kinds.ts';
import { annotations, parseStoredProfile, type StoredProfile } from './stored-profile.ts';

const now = new Date('2026-11-01T12:00:00Z');
const nothing: ProfileFacts = { workloads: [], reports: [] };

interface Written {
  kind: ProfileResourceKind;
  metadata: Record<string, unknown> & { finalizers?: readonly string[]; annotations?: Record<string, string | null> };
  spec: object;
  status?: object;
}

function objectOf(metadata: object = {}, kind: ProfileResourceKind = 'SeccompProfile'): Written {
  return {
    kind,
    metadata: { name: 'web', uid: 'u', resourceVersion: '1', generation: 3, ...metadata },
    spec: { defaultAction: 'SCMP_ACT_ERRNO' },
  };
}

/** Returns the object as the API server stores it after the plan. */
function carryOut(object: Written, { metadata, status }: ProfilePlan): Written {
  const merged = { ...object.metadata.annotations, ...metadata?.annotations };
  const kept = Object.entries(merged).filter(([, value]) => value !== null);
  return {
    ...object,
    metadata: {
      ...object.metadata,
      ...(metadata?.finalizers && { finalizers: metadata.finalizers }),
      annotations: Object.fromEntries(kept),
    },
    status,
  };
}

const plan = (object: Written, facts: Partial<ProfileFacts> = {}, at = now) =>
  planProfile(parseStoredProfile(object), { ...nothing, ...facts }, at);

describe('planProfile', () => {
  it('writes the state, what pods name, and who uses it; then nothing, as long as nothing changes', () => {
    const facts: Partial<ProfileFacts> = { workloads: ['web/a'], reports: [{ node: 'n', state: 'Installed' }] };
    for (const [kind, named] of [
      ['SeccompProfile', { localhostProfile: 'operator/web.json', path: '/var/lib/kubelet/seccomp/operator/web.json' }],
      ['SelinuxProfile', { usage: 'web.process' }],
      ['RawSelinuxProfile', { usage: 'web.process' }],
      ['AppArmorProfile', {}],
    ] as const) {
      const object = objectOf({}, kind);
      const first = plan(object, facts);
      const { conditions, ...status } = first.status;
      const expected = {
        status: 'Installed',
        ...named,
        ...(kind !== 'AppArmorProfile' && { activeWorkloads: ['web/a'] }),
      };
      assert.deepEqual(status, expected, kind);
      assert.deepEqual(conditions, [
        {
          type: 'Ready',
          status: 'True',
          reason: 'Available',
          message: 'installed on 1 node',
          observedGeneration: 3,
          lastTransitionTime: '2026-11-01T12:00:00Z',
        },
      ]);
      assert.deepEqual(first.metadata, { finalizers: [inUseFinalizer] });
      const later = plan(carryOut(object, first), facts, new Date(now.getTime() + 60_000));
      assert.deepEqual(later, { events: [], status: first.status }, kind);
    }
  });

  it('reports a change of the state once, as a warning if it is an error', () => {
    const problem = { reason: 'ProfileNotAllowed', message: 'spec.syscalls[0]: not allowed' };
    const first = plan(objectOf(), { problem });
    assert.deepEqual(first.events, [{ type: 'Warning', ...problem }]);
    const second = plan(carryOut(objectOf(), first), { problem });
    assert.deepEqual(second, { events: [], status: first.status });
    const fixed = plan(carryOut(objectOf(), first), { reports: [{ node: 'n', state: 'Installed' }] });
    assert.deepEqual(fixed.events, [{ type: 'Normal', reason: 'Available', message: 'installed on 1 node' }]);
  });

  it('names at most 100 pods in the status', () => {
    const workloads = Array.from({ length: 5000 }, (_, index) => `web/pod-${String(index).padStart(4, '0')}`);
    const { status } = plan(objectOf(), { workloads: workloads.toReversed() });
    assert.deepEqual(status.activeWorkloads, workloads.slice(0, 100));
  });

  it('writes the syscalls of the bases, and removes them with the base', () => {
    const merged = { syscalls: '[]', artifacts: ['registry.example.com/runc@sha256:aa'] };
    const first = plan(objectOf(), { merged });
    assert.deepEqual(first.metadata?.annotations, {
      [annotations.syscalls]: '[]',
      [annotations.bases]: 'registry.example.com/runc@sha256:aa',
    });
    const object = carryOut(objectOf(), first);
    assert.equal(plan(object, { merged }).metadata, undefined);
    assert.deepEqual(
      plan(object, { merged }).status.conditions?.map(({ type }) => type),
      ['Ready', 'BaseProfileMerged'],
    );
    const removed = plan(object);
    assert.deepEqual(
      removed.status.conditions?.map(({ type }) => type),
      ['Ready'],
    );
    const changes = removed.metadata?.annotations;
    assert.deepEqual(changes, {
      [annotations.syscalls]: null,
      [annotations.bases]: null,
    });
  });

  it('lets nodes remove a deleted profile for five minutes after its last pod has ended', () => {
    const deleted = {
      deletionTimestamp: '2026-11-01T10:00:00Z',
      finalizers: [inUseFinalizer, 'n-deleted', 'example.com/other'],
    };
    const facts = { reports: [{ node: 'n', state: 'Installed' as const }], nodes: new Set(['n']) };
    let object = objectOf(deleted);
    const waiting = plan(object, { ...facts, workloads: ['web/a'] });
    assert.equal(waiting.metadata, undefined);
    assert.equal(waiting.status.status, 'Terminating');
    object = carryOut(object, waiting);
    const released = plan(object, facts);
    assert.deepEqual(released.metadata, {
      finalizers: ['example.com/other', 'n-deleted'],
      annotations: { [annotations.unusedSince]: now.toISOString() },
    });
    assert.equal(released.requeueAfter, nodeGraceMs);
    object = carryOut(object, released);
    const early = plan(object, facts, new Date(now.getTime() + 1000));
    assert.equal(early.metadata, undefined);
    assert.equal(early.requeueAfter, nodeGraceMs - 1000);
    const late = plan(object, facts, new Date(now.getTime() + nodeGraceMs));
    assert.deepEqual(late.metadata, { finalizers: ['example.com/other'] });
    assert.deepEqual(
      late.events.map(({ type, reason }) => [type, reason]),
      [['Warning', 'NodeDidNotAnswer']],
    );
  });

  it('does not wait longer for nodes if a user has written a time in the future', () => {
    const object = objectOf({
      deletionTimestamp: '2026-11-01T11:00:00Z',
      finalizers: ['n-deleted'],
      annotations: { [annotations.unusedSince]: '9999-01-01T00:00:00Z' },
    });
    const facts = { reports: [{ node: 'n', state: 'Installed' as const }], nodes: new Set(['n']) };
    assert.deepEqual(plan(object, facts).metadata, { finalizers: [] });
  });

  it('writes nothing about bases into a profile that is deleted', () => {
    const deleted = objectOf({
      deletionTimestamp: '2026-11-01T11:00:00Z',
      finalizers: ['example.com/other'],
      annotations: { [annotations.syscalls]: '[]' },
    });
    assert.equal(plan(deleted).metadata, undefined);
  });

  it('reads statuses that another program has written, whatever is in them', () => {
    for (const status of [null, 7, [], { conditions: 'x' }, { status: 'INSTALLED' }, { activeWorkloads: [1] }]) {
      const profile: StoredProfile = parseStoredProfile({ ...objectOf(), status });
      assert.equal(planProfile(profile, nothing, now).status.status, 'Pending', JSON.stringify(status));
    }
  });
});
