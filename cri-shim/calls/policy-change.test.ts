import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { create, toBinary } from '@bufbuild/protobuf';
import { FairleadError } from '#lib/errors';
import * as cri from '../../lib/cri/gen/cri_pb.js';
import { EffectiveMemory } from '../apply/effective-memory.ts';
import { type CallDependencies, callHandlers } from '../call-handlers.ts';
import type { UnaryHandler } from '../proxy/unary-call.ts';
import { noMetrics } from '../report/metrics.ts';
import type { ProfileRequest } from '../request/profile-request.ts';

const digest = `sha256:${'ab'.repeat(32)}`;
const reference = `registry.example.com/security/nginx@${digest}`;
const { Localhost, RuntimeDefault } = cri.SecurityProfile_ProfileType;
const apparmor = { profileType: Localhost, localhostRef: `oci/${reference}` };
const signal = AbortSignal.timeout(30_000);

describe('a policy that changes while the second profile of a container is loaded', () => {
  const first = { revision: 'first', baseline: { seccomp: 'RuntimeDefault', apparmor: 'RuntimeDefault' } };
  let pulled: string[];

  /** Creates a container. The policy `second` is in force once its AppArmor profile is loaded. */
  function createContainer(seccomp: object, second: object, annotations = {}): Promise<unknown> {
    pulled = [];
    const policy = { current: first as object };
    const handlers = callHandlers({
      ...{ seccompRoot: '/var/lib/kubelet/seccomp', policy, metrics: noMetrics, architecture: 'amd64' },
      source: {
        pull: async ({ kind }: ProfileRequest) => {
          pulled.push(kind);
          if (kind === 'Seccomp' && policy.current !== first) throw new FairleadError('NotAllowed', 'forbidden');
          const profile =
            kind === 'Seccomp'
              ? { kind, seccomp: { defaultAction: 'SCMP_ACT_ERRNO' } }
              : { kind, apparmor: { mode: 'Enforce' } };
          const verification = { rule: 'r', signatures: [] };
          return { profile, descriptor: { digest }, verification, policy: policy.current };
        },
        isInForce: () => true,
      },
      install: {
        seccomp: { holds: async () => true, put: async () => '/effective' },
        appArmor: {
          holds: async () => true,
          put: async () => {
            policy.current = second;
            return 'fairlead/0123';
          },
        },
      },
      memory: new EffectiveMemory(),
      runtimeBaseline: {
        hostFor: async () => ({ capabilities: [], kernel: '6.1' }),
        profileFor: async () => ({ defaultAction: 'SCMP_ACT_ERRNO' }),
      },
      ...{ tidier: { grown: () => undefined }, now: () => new Date(0) },
      log: { debug: () => undefined, info: () => undefined, warn: () => undefined },
    } as unknown as CallDependencies);
    const config = { metadata: { name: 'web' }, linux: { securityContext: { seccomp, apparmor } } };
    const request = toBinary(
      cri.CreateContainerRequestSchema,
      create(cri.CreateContainerRequestSchema, { config, sandboxConfig: { annotations } }),
    );
    const handler = handlers.get('runtime.v1.RuntimeService/CreateContainer') as UnaryHandler;
    return handler({ request, signal, runtime: { pin: () => assert.fail('a connection was pinned') } });
  }

  it('decides on the first one again', async () => {
    const seccomp = { profileType: Localhost, localhostRef: `/var/lib/kubelet/seccomp/oci/${reference}` };
    const second = { ...first, revision: 'second' };
    await assert.rejects(createContainer(seccomp, second), { kind: 'NotAllowed', message: /forbidden/ });
    assert.deepEqual(pulled, ['Seccomp', 'AppArmor', 'Seccomp']);
  });

  it('decides on ignored annotations again', async () => {
    const second = { ...first, revision: 'second', ignoredAnnotations: 'Refuse' };
    const annotations = { 'seccomp-profile.crio.io/web': reference };
    await assert.rejects(createContainer({ profileType: RuntimeDefault }, second, annotations), {
      kind: 'NotAllowed',
      message: /would be ignored/,
    });
  });

  it('keeps what the same policy allows', async () => {
    const seccomp = { profileType: Localhost, localhostRef: `/var/lib/kubelet/seccomp/oci/${reference}` };
    await createContainer(seccomp, first);
    assert.deepEqual(pulled, ['Seccomp', 'AppArmor']);
  });
});
