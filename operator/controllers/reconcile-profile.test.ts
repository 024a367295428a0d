import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import * as v from 'valibot';
import { FairleadError } from '#lib/errors';
import { parseAnswer } from '#lib/kube/answer';
import { apiErrorOf } from '#lib/kube/api-error';
import { securityProfilesOperatorDaemonSchema } from '../api/securityprofilesoperatordaemon/v1.ts';
import { defaultSettings, settingsOf } from '../validate/settings.ts';
import type { MergedProfile } from './merge-bases.ts';
import { type ProfileDependencies, reconcileProfile } from './reconcile-profile.ts';
import { annotations, parseStoredProfile } from './stored-profile.ts';

const now = new Date('2026-11-01T12:00:00Z');
const pinned = `registry.example.com/runc@sha256:${'a'.repeat(64)}`;
const allow = (...names: string[]) => ({ names, action: 'SCMP_ACT_ALLOW' as const });

function profile(spec: object, metadata: object = {}, status: object = {}) {
  return parseStoredProfile({
    kind: 'SeccompProfile',
    metadata: { name: 'web', uid: 'u', resourceVersion: '1', generation: 3, ...metadata },
    spec: { defaultAction: 'SCMP_ACT_ERRNO', ...spec },
    status,
  });
}

/** Returns metadata and status of a profile as the operator has written them. */
async function mergedWith(more: Partial<MergedProfile> = {}) {
  const mergeBases = async () => merged(['read', 'bind'], more);
  const { metadata, status } = await reconcileProfile(profile(base), dependencies({ mergeBases }));
  return { metadata: { annotations: metadata?.annotations }, status };
}

const merged = (names: readonly string[], more: Partial<MergedProfile> = {}): MergedProfile => ({
  profile: { defaultAction: 'SCMP_ACT_ERRNO', syscalls: names.length === 0 ? [] : [allow(...names)] },
  artifacts: [pinned],
  objects: [],
  followsTag: false,
  ...more,
});

const dependencies = (more: Partial<ProfileDependencies> = {}): ProfileDependencies => ({
  workloads: () => [],
  reports: () => [{ node: 'n', state: 'Installed' }],
  nodes: () => undefined,
  settings: () => defaultSettings,
  mergeBases: async () => undefined,
  now: () => now,
  ...more,
});

const base = { baseProfileName: 'oci://registry.example.com/runc:v1' };
const fails = (kind: 'Unavailable' | 'SignatureInvalid', message: string) => async (): Promise<never> => {
  throw new FairleadError(kind, message, { hint: 'Do something.' });
};
/** Throws what a part of the cluster throws that is not known. */
const fault = (message: string, hint?: string) => (): never => {
  throw new FairleadError('Unavailable', message, hint === undefined ? {} : { hint });
};
const ready = ({ status }: Awaited<ReturnType<typeof reconcileProfile>>) => {
  const [condition] = status.conditions ?? [];
  return `${status.status} ${condition?.reason}: ${condition?.message}`;
};

describe('reconcileProfile', () => {
  it('writes the syscalls with those of the base, and resolves a tag again', async () => {
    for (const [followsTag, requeueAfter] of [
      [false, undefined],
      [true, 600_000],
    ] as const) {
      const plan = await reconcileProfile(
        profile(base),
        dependencies({ mergeBases: async () => merged(['read', 'bind'], { followsTag }) }),
      );
      assert.deepEqual(plan.metadata?.annotations, {
        [annotations.syscalls]: '[{"names": ["read", "bind"],"action": "SCMP_ACT_ALLOW"}]',
        [annotations.bases]: pinned,
      });
      assert.equal(plan.requeueAfter, requeueAfter);
      assert.equal(plan.status.status, 'Installed');
    }
  });

  it('reports what is not allowed, in the profile or with its base, and keeps the object', async () => {
    const daemon = { spec: { security: { allowedSyscalls: ['read'] } } };
    const settings = settingsOf(v.parse(securityProfilesOperatorDaemonSchema, daemon));
    const own = await reconcileProfile(
      profile({ syscalls: [allow('read', 'ptrace')] }),
      dependencies({ settings: () => settings }),
    );
    assert.match(ready(own), /^Error ProfileNotAllowed: spec\.syscalls\[0\].*ptrace/);
    const withBase = await reconcileProfile(
      profile(base),
      dependencies({ settings: () => settings, mergeBases: async () => merged(['ptrace']) }),
    );
    assert.match(ready(withBase), /^Error ProfileNotAllowed: with its base profile: .*ptrace/);
    assert.equal(withBase.metadata, undefined);
  });

  it('keeps what was merged while the registry is down, but nothing of a profile that has changed', async () => {
    const down = dependencies({ mergeBases: fails('Unavailable', 'cannot reach it') });
    const before = await mergedWith();
    const kept = await reconcileProfile(profile(base, before.metadata, before.status), down);
    assert.equal(kept.metadata, undefined);
    assert.equal(kept.status.status, 'Installed');
    assert.deepEqual(kept.status, before.status);
    assert.equal(kept.requeueAfter, 60_000);
    const starting = dependencies({
      mergeBases: () => Promise.reject(apiErrorOf('host', 404, '404 page not found', undefined)),
    });
    const unserved = await reconcileProfile(profile(base, before.metadata, before.status), starting);
    assert.deepEqual(unserved.status, before.status);
    const changed = await reconcileProfile(profile(base, { ...before.metadata, generation: 4 }, before.status), down);
    assert.match(ready(changed), /^Error CannotPullSeccompProfile: cannot reach it. Do something\.$/);
    assert.equal(changed.metadata?.annotations?.[annotations.syscalls], null);
  });

  it('keeps nothing that was merged if the administrator has forbidden it since', async () => {
    const { metadata, status } = await mergedWith();
    const settings = settingsOf({ spec: { security: { allowedSyscalls: ['read'] } } } as never);
    const plan = await reconcileProfile(
      profile(base, metadata, status),
      dependencies({ mergeBases: fails('Unavailable', 'cannot reach it'), settings: () => settings }),
    );
    assert.match(ready(plan), /^Error ProfileNotAllowed: with its base profile: .*bind/);
    assert.equal(plan.metadata?.annotations?.[annotations.syscalls], null);
  });

  it('does not believe annotations that another client has written', async () => {
    const { metadata, status } = await mergedWith();
    const forged = { ...metadata.annotations, [annotations.syscalls]: '[{"names": ["ptrace"]}]' };
    const down = dependencies({ mergeBases: fails('Unavailable', 'cannot reach it') });
    for (const [spec, dependent, held] of [
      [base, down, {}],
      [base, down, status],
      [{}, dependencies(), {}],
      [{}, dependencies(), status],
    ] as const) {
      const plan = await reconcileProfile(profile(spec, { annotations: forged }, held), dependent);
      assert.deepEqual(plan.metadata?.annotations, {
        [annotations.syscalls]: null,
        [annotations.bases]: null,
      });
    }
  });

  it('withdraws what was merged if the base is no longer allowed', async () => {
    const refused = dependencies({ mergeBases: fails('SignatureInvalid', 'no signature') });
    const { metadata, status } = await mergedWith();
    const plan = await reconcileProfile(profile(base, metadata, status), refused);
    assert.match(ready(plan), /^Error CannotPullSeccompProfile: no signature/);
    assert.equal(plan.metadata?.annotations?.[annotations.syscalls], null);
    assert.equal(plan.requeueAfter, 60_000);
  });

  it('judges numbers as the webhook does, with all their digits', async () => {
    for (const [value, state] of [
      ['9223372036854775807', 'Installed'],
      ['9223372036854775808', 'Error'],
    ] as const) {
      const args = `[{"index": 0, "op": "SCMP_CMP_EQ", "value": ${value}}]`;
      const spec = parseAnswer(
        `{"syscalls": [{"names": ["read"], "action": "SCMP_ACT_ALLOW", "args": ${args}}]}`,
        'get a profile',
      ) as object;
      const { status } = await reconcileProfile(profile(spec), dependencies());
      assert.equal(status.status, state, JSON.stringify(status.conditions));
    }
  });

  it('asks no registry for a profile that is deleted', async () => {
    const never = async (): Promise<never> => assert.fail('asked');
    const deleted = { deletionTimestamp: '2026-11-01T11:00:00Z', finalizers: ['in-use-by-active-pods'] };
    const plan = await reconcileProfile(profile(base, deleted), dependencies({ mergeBases: never }));
    assert.deepEqual(plan.metadata?.finalizers, []);
  });

  it('lets a deleted profile go although the settings cannot be read, or it is invalid', async () => {
    const deleted = { deletionTimestamp: '2026-11-01T11:00:00Z', finalizers: ['in-use-by-active-pods'] };
    const unreadable = (): never => {
      throw new FairleadError('InvalidInput', 'the settings cannot be read');
    };
    const plan = await reconcileProfile(
      profile({ defaultAction: 'SCMP_ACT_NONE' }, deleted),
      dependencies({ settings: unreadable }),
    );
    assert.deepEqual(plan.metadata?.finalizers, []);
  });

  it('allows nothing new while the settings are not known, and states why', async () => {
    const unknown = dependencies({
      settings: fault('the settings are not known', 'Apply the CRDs.'),
      mergeBases: () => assert.fail('nothing is merged'),
    });
    const plan = await reconcileProfile(profile(base), unknown);
    assert.equal(ready(plan), 'Pending SettingsUnknown: the settings are not known. Apply the CRDs.');
    assert.equal(plan.metadata, undefined);
    assert.equal(plan.requeueAfter, 60_000);
    const before = await mergedWith();
    const changed = await reconcileProfile(
      profile(base, { ...before.metadata, generation: 4 }, before.status),
      unknown,
    );
    assert.match(ready(changed), /^Pending SettingsUnknown/);
    assert.equal(changed.metadata?.annotations?.[annotations.syscalls], null);
  });

  it('keeps what was decided while the settings or the reports of nodes are not known', async () => {
    const before = await mergedWith();
    const held = profile(base, before.metadata, before.status);
    const refused = await reconcileProfile(profile({ syscalls: [allow('read', 'read')] }), dependencies());
    for (const unknown of [{ settings: fault('no settings') }, { reports: fault('no reports') }]) {
      const lost = dependencies({ ...unknown, mergeBases: async () => merged(['read', 'bind']) });
      const plan = await reconcileProfile(held, lost);
      assert.deepEqual([plan.status, plan.metadata, plan.events], [before.status, undefined, []]);
      // It is still known which pods use it.
      const used = await reconcileProfile(held, { ...lost, workloads: () => ['web/a'] });
      assert.deepEqual(used.metadata?.finalizers, ['in-use-by-active-pods']);
      assert.deepEqual(used.status, { ...before.status, activeWorkloads: ['web/a'] });
      const disabled = profile({ ...base, state: 'Disabled' }, { ...before.metadata, generation: 4 }, before.status);
      assert.match(ready(await reconcileProfile(disabled, lost)), /^Disabled /);
      const again = profile({ syscalls: [allow('read', 'read')] }, {}, refused.status);
      assert.deepEqual((await reconcileProfile(again, lost)).status, refused.status);
    }
  });

  it('states that the reports of nodes are not known, unless the profile is wrong anyway', async () => {
    const lost = dependencies({ reports: fault('no reports', 'Apply the CRDs.') });
    assert.equal(
      ready(await reconcileProfile(profile({}), lost)),
      'Pending NodeStatusUnknown: no reports. Apply the CRDs.',
    );
    const pending = await reconcileProfile(profile({}), dependencies({ reports: () => [] }));
    assert.match(ready(await reconcileProfile(profile({}, {}, pending.status), lost)), /^Pending NodeStatusUnknown/);
    const wrong = await reconcileProfile(profile({ syscalls: [allow('read', 'read')] }), lost);
    assert.match(ready(wrong), /^Error ProfileNotAllowed/);
    const deleted = { deletionTimestamp: '2026-11-01T11:59:00Z', finalizers: ['n-deleted'] };
    const leaving = await reconcileProfile(profile({}, deleted), lost);
    assert.deepEqual([leaving.metadata, leaving.status.status], [undefined, 'Terminating']);
    assert.equal(leaving.requeueAfter, 240_000);
  });

  it('judges an AppArmorProfile without settings, which are about other kinds', async () => {
    const apparmor = parseStoredProfile({
      kind: 'AppArmorProfile',
      metadata: { name: 'web', uid: 'u', resourceVersion: '1', generation: 3 },
      spec: { abstract: {} },
    });
    const plan = await reconcileProfile(apparmor, dependencies({ settings: fault('no settings') }));
    assert.match(ready(plan), /^Installed /);
  });

  it('refuses more syscalls than an annotation can hold', async () => {
    const names = Array.from({ length: 20_000 }, (_, index) => `syscall_${index}`);
    const plan = await reconcileProfile(profile(base), dependencies({ mergeBases: async () => merged(names) }));
    assert.match(ready(plan), /^Error InvalidSeccompProfile: .* bytes as JSON, at most 204800 fit/);
  });

  it('refuses what admission refuses for its size, before anything else of it is examined', async () => {
    const tooMany = { syscalls: Array.from({ length: 30_000 }, () => allow('read')) };
    const small = await reconcileProfile(profile({ syscalls: [{}] }), dependencies());
    assert.match(ready(small), /^Error ProfileNotAllowed: spec\.syscalls/);
    const large = await reconcileProfile(profile(tooMany), dependencies());
    assert.equal(
      ready(large),
      'Error ProfileNotAllowed: the object has more than 1048576 bytes, and leaves no room for its status. Make the object smaller.',
    );
    const deep = '['.repeat(100) + 1234567890123456 + ']'.repeat(100);
    const unreadable = await reconcileProfile(profile(JSON.parse(`{"x":${deep}}`)), dependencies());
    assert.match(ready(unreadable), /^Error ProfileNotAllowed: .*Make the object smaller\.$/);
  });

  it('does not take an error of its own for a problem of the profile', async () => {
    const broken = async (): Promise<never> => {
      throw new TypeError('a bug');
    };
    await assert.rejects(reconcileProfile(profile(base), dependencies({ mergeBases: broken })), TypeError);
    const bug = (): never => {
      throw new TypeError('a bug');
    };
    for (const faulty of [{ settings: bug }, { reports: bug }]) {
      await assert.rejects(reconcileProfile(profile(base), dependencies(faulty)), TypeError);
    }
  });
});
