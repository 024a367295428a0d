import assert from 'node:assert/strict';
import { beforeEach, describe, it } from 'node:test';
import type { AppArmorProfile } from '#lib/profile/apparmor/model';
import type { ProfileMode } from '#lib/profile/constraint';
import { parsePinned } from '#lib/registry/pinned-reference';
import type { Baseline } from '#lib/trust/policy/node-policy';
import { noMetrics } from '../report/metrics.ts';
import type { ShimLog } from '../report/shim-log.ts';
import type { ProfileRequest } from '../request/profile-request.ts';
import { type ApplyDependencies, applyProfile } from './apply-profile.ts';
import { EffectiveMemory } from './effective-memory.ts';

const digest = `sha256:${'ab'.repeat(32)}`;
const reference = parsePinned(`registry.example.com/team/nginx@${digest}`);
const capability = (...allowedCapabilities: string[]) => ({ capability: { allowedCapabilities } });
const artifact: AppArmorProfile = { mode: 'Enforce', ...capability('chown', 'kill') };

describe('the application of an AppArmor artifact', () => {
  let baseline: Baseline['apparmor'];
  const installed: [AppArmorProfile, ProfileMode | undefined][] = [];
  const records: Record<string, unknown>[] = [];
  const record = (fields: Record<string, unknown>) => records.push(fields);
  const apply = async (asked: Partial<ProfileRequest> = {}) => {
    const dependencies = {
      source: {
        isInForce: () => true,
        pull: async ({ kind }: ProfileRequest) => ({
          profile: { kind, apparmor: artifact },
          descriptor: { digest },
          verification: { rule: 'r', signatures: [] },
          policy: { baseline: { seccomp: 'RuntimeDefault', apparmor: baseline } },
        }),
      },
      install: {
        seccomp: { put: () => assert.fail() },
        appArmor: {
          holds: async () => true,
          put: async (profile: AppArmorProfile, mode: ProfileMode | undefined) => {
            installed.push([profile, mode]);
            return 'fairlead/0123';
          },
        },
      },
      memory: new EffectiveMemory(),
      architecture: 'amd64',
      // The default template of AppArmor does not depend on the container.
      runtimeBaseline: { hostFor: () => assert.fail(), profileFor: () => assert.fail() },
      tidier: { grown: () => undefined },
      log: { debug: record, info: record, warn: record } as unknown as ShimLog,
      metrics: noMetrics,
      now: () => new Date(0),
    } as unknown as ApplyDependencies;
    const bearer = { pod: 'a/b', container: 'c', subject: { runtime: { handler: '' }, capabilities: undefined } };
    const signal = AbortSignal.timeout(5000);
    const applied = await applyProfile({ kind: 'AppArmor', reference, ...asked }, bearer, dependencies, signal);
    applied.report();
    return applied;
  };
  beforeEach(() => {
    baseline = 'RuntimeDefault';
    installed.length = 0;
    records.length = 0;
  });

  it('installs it as it is under the default of the runtime', async () => {
    for (const base of [undefined, 'RuntimeDefault'] as const) {
      const applied = await apply(base && { base });
      assert.deepEqual([applied.installed, applied.digest], [{ kind: 'AppArmor', name: 'fairlead/0123' }, digest]);
      assert.deepEqual(installed.splice(0), [[{ ...artifact, ...capability('chown', 'kill') }, undefined]]);
    }
  });

  it('intersects it with the baseline of the policy, and logs what was constrained', async () => {
    baseline = { mode: 'Enforce', ...capability('chown', 'net_admin') };
    await apply();
    assert.deepEqual(installed, [[{ mode: 'Enforce', ...capability('chown') }, undefined]]);
    const applied = records.find(({ messageId }) => messageId === 'fairlead.profile.applied');
    assert.deepEqual([applied?.['name'], applied?.['appArmorProfile']], [undefined, 'fairlead/0123']);
    const constrained = records.find(({ messageId }) => messageId === 'SecurityProfileMergeConstrained');
    assert.match(String(constrained?.['baseline']), /capability kill: permitted -> denied/);
  });

  it('logs it only, unless the policy has rules that would not be enforced then', async () => {
    await apply({ mode: 'Log' });
    assert.deepEqual(installed.splice(0), [[{ ...artifact, mode: 'Complain' }, 'Log']]);
    baseline = { mode: 'Enforce', ...capability('chown') };
    await assert.rejects(apply({ mode: 'Log' }), { kind: 'InvalidInput', message: /the baseline has rules/ });
    assert.deepEqual(installed, []);
  });
});
