import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { reportedProfiles } from './reported-profiles.ts';

const annotation = 'io.kubernetes.cri-o.SeccompProfilePath';

describe('reportedProfiles', () => {
  const requested = (seccomp: unknown): string =>
    JSON.stringify({ config: { linux: { security_context: { seccomp } } }, runtimeSpec: { linux: {} } });

  const cases: readonly (readonly [what: string, info: string | undefined, expected: object])[] = [
    ['of type RuntimeDefault, whose number containerd leaves out', requested({}), { seccomp: 'RuntimeDefault' }],
    ['of type Unconfined', requested({ profile_type: 1 }), { seccomp: 'Unconfined' }],
    ['of type Localhost', requested({ profile_type: 2, localhost_ref: '/a.json' }), { seccomp: '/a.json' }],
    ['that is null, as no profile', requested(null), { seccomp: 'none' }],
    [
      'that CRI-O reports as an annotation',
      JSON.stringify({ runtimeSpec: { annotations: { [annotation]: 'runtime/default' } } }),
      { seccomp: 'runtime/default' },
    ],
    [
      'of AppArmor',
      JSON.stringify({ runtimeSpec: { process: { apparmorProfile: 'a' }, linux: { seccomp: {} } } }),
      { seccomp: 'a profile', appArmor: 'a' },
    ],
    [
      'of AppArmor that is empty',
      JSON.stringify({ runtimeSpec: { process: { apparmorProfile: '' } } }),
      { seccomp: 'none' },
    ],
    ['that is not reported', undefined, {}],
    ...['', 'null', '7', '{'].map((info) => [`in a report that cannot be read: "${info}"`, info, {}] as const),
  ];
  for (const [what, info, expected] of cases) {
    it(`reads a profile ${what}`, () => assert.deepEqual(reportedProfiles(info), expected));
  }
});
