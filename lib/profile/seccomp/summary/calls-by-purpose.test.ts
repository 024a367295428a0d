import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { readProfile } from '../../read-profile.ts';
import { compareCalls, countCalls, loadReferenceDefault } from '../call-counts.ts';
import { callsByPurpose } from './calls-by-purpose.ts';

describe('callsByPurpose', () => {
  it('contains each call once, as the counts do, and explains conditions', async () => {
    const profile = readProfile(readFileSync(new URL('../../../../examples/nginx.json', import.meta.url)));
    assert(profile.kind === 'Seccomp');
    const baseline = await loadReferenceDefault();
    const groups = callsByPurpose(profile.seccomp, baseline);
    const calls = groups.flatMap((group) => group.calls);
    assert.deepEqual(countCalls(calls), countCalls(compareCalls(profile.seccomp, baseline)));
    assert.deepEqual(countCalls(calls), { allowed: 236, baseline: 352, asked: 4 });
    const network = groups.find(({ purpose }) => purpose === 'Network')?.calls ?? [];
    assert.deepEqual(
      network.filter(({ state }) => state === 'conditional'),
      [
        {
          name: 'socket',
          state: 'conditional',
          condition: 'when the family is AF_UNIX (1), AF_INET (2) or AF_INET6 (10)',
          evadedBy: 'socketcall',
          argument: 'family',
        },
      ],
    );
  });

  it('leaves out names that no architecture has', () => {
    const syscalls = [{ names: ['no_such_call'], action: 'SCMP_ACT_ALLOW' as const }];
    const groups = callsByPurpose({ defaultAction: 'SCMP_ACT_ERRNO', syscalls }, { defaultAction: 'SCMP_ACT_ALLOW' });
    assert.ok(!groups.some(({ calls }) => calls.some(({ name }) => name === 'no_such_call')));
  });
});
