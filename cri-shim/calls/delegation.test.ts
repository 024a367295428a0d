import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { create, toBinary } from '@bufbuild/protobuf';
import { RuntimeLink, type RuntimeSession } from '#lib/cri/runtime-link';
import type { NodePolicy } from '#lib/trust/policy/node-policy';
import { openPolicy } from '#test/support/cri/pulling-node';
import { ResolvingRuntime } from '#test/support/cri/resolving-runtime';
import * as cri from '../../lib/cri/gen/cri_pb.js';
import { type CallDependencies, callHandlers } from '../call-handlers.ts';
import type { UnaryHandler, UnaryResult } from '../proxy/unary-call.ts';
import { Delegation } from './delegation.ts';

const digest = `sha256:${'ab'.repeat(32)}`;
const reference = `registry.example.com/security/nginx@${digest}`;
const seccomp = { profileType: cri.SecurityProfile_ProfileType.OCI, ociRef: reference };
const signal = AbortSignal.timeout(30_000);

/** A request for the artifact in each call that the runtime may receive. */
const requests: Readonly<Record<string, Uint8Array>> = {
  'runtime.v1.ImageService/PullSecurityProfileArtifact': toBinary(
    cri.PullSecurityProfileArtifactRequestSchema,
    create(cri.PullSecurityProfileArtifactRequestSchema, { image: { image: reference }, profileKind: 1 }),
  ),
  'runtime.v1.RuntimeService/CreateContainer': toBinary(
    cri.CreateContainerRequestSchema,
    create(cri.CreateContainerRequestSchema, { config: { linux: { securityContext: { seccomp } } } }),
  ),
  'runtime.v1.RuntimeService/RunPodSandbox': toBinary(
    cri.RunPodSandboxRequestSchema,
    create(cri.RunPodSandboxRequestSchema, { config: { linux: { securityContext: { seccomp } } } }),
  ),
};

describe('delegation', () => {
  let directory: string;
  let server: ResolvingRuntime;
  let link: RuntimeLink;
  let pinned: RuntimeSession[];
  let whenPulled: NodePolicy;
  let layout: string;

  /** Handles a call whose artifact is pulled under the policy `whenPulled`. */
  function handle(method: string): Promise<UnaryResult> {
    const profile = { kind: 'Seccomp', seccomp: { defaultAction: 'SCMP_ACT_LOG' } };
    const pulled = {
      profile,
      descriptor: { digest },
      artifact: { descriptor: { digest }, kind: 'Seccomp', layout, layer: { bytes: Buffer.alloc(1024) } },
      verification: { rule: 'r', signatures: [] },
      cached: true,
    };
    const handlers = callHandlers({
      seccompRoot: '/var/lib/kubelet/seccomp',
      source: { pull: async () => ({ ...pulled, policy: whenPulled }) },
      policy: { current: openPolicy() },
      delegation: new Delegation({ policy: { current: openPolicy() }, log: { info: () => undefined } as never }),
      log: { debug: () => undefined, info: () => undefined },
      now: () => new Date(0),
      // A profile that the shim resolves is stored.
      tidier: { grown: () => assert.fail('resolved by the shim') },
    } as unknown as CallDependencies);
    const pin = () => {
      const session = link.pin();
      pinned.push(session);
      return session;
    };
    const handler = handlers.get(method) as UnaryHandler;
    return handler({ request: requests[method] as Uint8Array, signal, runtime: { pin } });
  }

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'fairlead-delegation-'));
    server = await new ResolvingRuntime(join(directory, 'runtime.sock')).start();
    link = new RuntimeLink(join(directory, 'runtime.sock'));
    pinned = [];
    whenPulled = openPolicy();
    layout = 'runtime';
  });
  afterEach(async () => {
    link.destroy();
    server.kill();
    await rm(directory, { recursive: true });
  });

  for (const method of Object.keys(requests)) {
    it(`forwards ${method} over the connection on which the runtime has reported the feature`, async () => {
      const result = await handle(method);
      assert.ok('forward' in result);
      assert.equal(result.forward, requests[method]);
      assert.equal(pinned.length, 1);
      assert.equal(result.over, pinned[0]);
    });
  }

  for (const method of Object.keys(requests)) {
    it(`refuses ${method} for an artifact in a layout that the runtime may read differently`, async () => {
      layout = 'crio';
      await assert.rejects(handle(method), { kind: 'ProfileInvalid' });
    });
  }

  it('decides by the policy under which the artifact was verified, if it has changed during the pull', async () => {
    const file = { defaultAction: 'SCMP_ACT_ERRNO' as const };
    whenPulled = openPolicy({ baseline: { seccomp: file, apparmor: 'RuntimeDefault' } });
    assert.ok('answer' in (await handle('runtime.v1.ImageService/PullSecurityProfileArtifact')));
    await assert.rejects(handle('runtime.v1.RuntimeService/CreateContainer'), /resolved by the shim/);
    await assert.rejects(handle('runtime.v1.RuntimeService/RunPodSandbox'), /resolved by the shim/);
  });
});
