import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { create, type MessageInitShape, toBinary } from '@bufbuild/protobuf';
import * as cri from '../../lib/cri/gen/cri_pb.js';
import { type CallDependencies, callHandlers } from '../call-handlers.ts';
import type { UnaryHandler } from '../proxy/unary-call.ts';

const seccompRoot = '/var/lib/kubelet/seccomp';
const reference = `registry.example.com/security/nginx@sha256:${'ab'.repeat(32)}`;
const other = `registry.example.com/security/nginx@sha256:${'cd'.repeat(32)}`;
const { Localhost, OCI, RuntimeDefault } = cri.SecurityProfile_ProfileType;
const noArtifact = { pull: () => assert.fail('an artifact was pulled') };
const runtimeBaseline = { watch: () => undefined, sandboxCreated: () => undefined };
const handlersFor = (policy: object) =>
  callHandlers({
    ...{ seccompRoot, source: noArtifact, policy: { current: policy }, runtimeBaseline },
  } as unknown as CallDependencies);
const handlers = handlersFor({});
const signal = AbortSignal.timeout(30_000);
const runtime = { pin: () => assert.fail('a connection was pinned') };

type Context = MessageInitShape<typeof cri.LinuxContainerSecurityContextSchema>;

/** Every form in which a pod can name an artifact for seccomp. */
const seccompForms: Readonly<Record<string, { readonly context: Context; readonly annotations?: object }>> = {
  'type OCI': { context: { seccomp: { profileType: OCI, ociRef: reference } } },
  'type OCI with a base': {
    context: { seccomp: { profileType: OCI, ociRef: reference, baseProfile: { type: 1 } } },
  },
  'Localhost reference': localhost(`oci/${reference}`),
  'Localhost reference with parameters': localhost(`oci/${reference}?base=RuntimeDefault&mode=log`),
  'deprecated string': { context: { seccompProfilePath: `localhost/${seccompRoot}/oci/${reference}` } },
  'annotation of the container': { context: {}, annotations: { 'seccomp-profile.crio.io/web': reference } },
  'annotation of the pod': { context: {}, annotations: { 'seccomp-profile.crio.io/POD': reference } },
  'older annotation': { context: {}, annotations: { 'seccomp-profile.kubernetes.cri-o.io/POD': reference } },
};
/** The same for AppArmor. */
const apparmorForms: Readonly<Record<string, Context>> = {
  'type OCI': { apparmor: { profileType: OCI, ociRef: reference } },
  'Localhost reference': { apparmor: { profileType: Localhost, localhostRef: `oci/${reference}` } },
  'Localhost reference with a mode': {
    apparmor: { profileType: Localhost, localhostRef: `oci/${reference}?mode=log` },
  },
  'deprecated string': { apparmorProfile: `localhost/oci/${reference}` },
};

function localhost(path: string): { readonly context: Context } {
  return { context: { seccomp: { profileType: Localhost, localhostRef: `${seccompRoot}/${path}` } } };
}

function createContainer(securityContext: Context, annotations: object = {}, by = handlers): Promise<unknown> {
  const request = create(cri.CreateContainerRequestSchema, {
    config: { metadata: { name: 'web' }, linux: { securityContext } },
    sandboxConfig: { annotations: { ...annotations } },
  });
  return handle('CreateContainer', toBinary(cri.CreateContainerRequestSchema, request), by);
}

function runPodSandbox({ apparmor }: Context): Promise<unknown> {
  const securityContext = { apparmor };
  const request = create(cri.RunPodSandboxRequestSchema, { config: { linux: { securityContext } } });
  return handle('RunPodSandbox', toBinary(cri.RunPodSandboxRequestSchema, request));
}

async function handle(method: string, request: Uint8Array, by = handlers): Promise<unknown> {
  return (by.get(`runtime.v1.RuntimeService/${method}`) as UnaryHandler)({ request, signal, runtime });
}

describe('a profile that the runtime would ignore is refused', () => {
  for (const [form, { context, annotations }] of Object.entries(seccompForms)) {
    it(`for a privileged container: ${form}`, async () => {
      await assert.rejects(createContainer({ ...context, privileged: true }, annotations), {
        kind: 'InvalidInput',
        message: /a privileged container cannot run under a profile artifact/,
      });
    });
  }

  for (const [form, context] of Object.entries(apparmorForms)) {
    it(`for AppArmor in a privileged container: ${form}`, async () => {
      await assert.rejects(createContainer({ ...context, privileged: true }), {
        kind: 'InvalidInput',
        message: /a privileged container cannot run under a profile artifact/,
      });
    });
    // A sandbox has no deprecated string.
    if (context.apparmor !== undefined) {
      it(`for AppArmor in a sandbox: ${form}`, () =>
        assert.rejects(runPodSandbox(context), {
          kind: 'InvalidInput',
          message: /a sandbox cannot run under an AppArmor artifact/,
        }));
    }
  }
});

describe('annotations that do not apply, under ignoredAnnotations: Refuse', () => {
  const key = 'seccomp-profile.crio.io/web';
  const refusing = handlersFor({ ignoredAnnotations: 'Refuse' });
  const refused = (context: Context, annotations: object) => createContainer(context, annotations, refusing);

  it('refuse the container, with the profile, the reason and the next step', () =>
    assert.rejects(refused({ seccomp: { profileType: RuntimeDefault } }, { [key]: reference }), {
      kind: 'NotAllowed',
      message:
        `Fairlead refuses the security profile ${reference} of container "web": NotAllowed: the annotation "${key}" would be ` +
        'ignored, because the container specifies another seccomp profile (ignoredAnnotations: Refuse)',
      hint: /^Remove the annotation, or leave the seccomp profile of the container unset\./,
    }));

  it('refuse it if their reference is invalid, too', () =>
    assert.rejects(refused({ seccomp: { profileType: RuntimeDefault } }, { [key]: 'invalid' }), {
      kind: 'NotAllowed',
      message: /^Fairlead refuses the security profile of container "web": NotAllowed: /,
    }));

  it('refuse it before an artifact of its other field is pulled', () =>
    assert.rejects(refused({ seccomp: { profileType: OCI, ociRef: other } }, { [key]: reference }), {
      kind: 'NotAllowed',
    }));

  it('do not refuse the sandbox, for which the kubelet always specifies a profile', async () => {
    const request = toBinary(
      cri.RunPodSandboxRequestSchema,
      create(cri.RunPodSandboxRequestSchema, {
        config: {
          annotations: { 'seccomp-profile.crio.io/POD': reference },
          linux: { securityContext: { seccomp: { profileType: RuntimeDefault } } },
        },
      }),
    );
    assert.equal(((await handle('RunPodSandbox', request, refusing)) as { forward: Uint8Array }).forward, request);
  });

  it('do not refuse a container that has them for others only', async () => {
    const annotations = { other: reference, 'seccomp-profile.crio.io/sidecar': reference };
    await refused({ seccomp: { profileType: RuntimeDefault } }, annotations);
  });
});
