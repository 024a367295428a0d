import { create, type DescMessage, fromBinary, type MessageInitShape, toBinary } from '@bufbuild/protobuf';
import { type handleUnaryCall, status } from '@grpc/grpc-js';
import * as cri from '../../../lib/cri/gen/cri_pb.js';
import { startScriptedRuntime } from './scripted-runtime.ts';

const runtimeService = 'runtime.v1.RuntimeService';
const imageService = 'runtime.v1.ImageService';
const questions: ReadonlySet<string> = new Set([
  'Version',
  'Status',
  'ListPodSandbox',
  'ListContainers',
  'ContainerStatus',
]);
const artifactCalls = [
  ...['PullSecurityProfileArtifact', 'ListSecurityProfileArtifacts', 'RemoveSecurityProfileArtifact'],
  ...['PullSecurityProfile', 'ListSecurityProfiles', 'RemoveSecurityProfile'],
];

/**
 * A scripted container runtime that resolves profiles of type OCI itself (KEP-6061), as no released
 * one does. It notes what it receives, and creates nothing.
 */
export class ResolvingRuntime {
  /** Whether Status reports the feature. */
  hasFeature = true;
  /** What List returns. */
  artifacts: MessageInitShape<typeof cri.SecurityProfileArtifactSchema>[] = [];
  /** Whether it has the calls List and Remove, which KEP-6061 adds after the pull. */
  hasLists = true;
  /** Called when Status is asked, before its answer. */
  onStatus: () => Promise<void> | void = () => undefined;
  /** The requests by the short names of their calls, without questions about the runtime. */
  readonly received: { readonly call: string; readonly request: Buffer }[] = [];
  readonly #path: string;
  #server: Awaited<ReturnType<typeof startScriptedRuntime>> | undefined;

  /** Takes the path of its socket. */
  constructor(path: string) {
    this.#path = path;
  }

  async start(): Promise<this> {
    const services = [runtimeService, 'runtime.v1alpha2.RuntimeService'];
    const methods = [
      ...services.flatMap((service) => ['CreateContainer', 'RunPodSandbox'].map((call) => `${service}/${call}`)),
      ...[...questions].map((call) => `${runtimeService}/${call}`),
      ...artifactCalls.map((call) => `${imageService}/${call}`),
    ];
    this.#server = await startScriptedRuntime(
      this.#path,
      Object.fromEntries(methods.map((method) => [method, { kind: 'unary' as const, handle: this.#answer(method) }])),
    );
    return this;
  }

  /** Ends it as a crash does. */
  kill(): void {
    this.#server?.kill();
  }

  /** The short names of the calls that it has received, without questions about the runtime. */
  get calls(): readonly string[] {
    return this.received.map(({ call }) => call);
  }

  /** The seccomp profile of the container or sandbox that was created last. */
  get lastSeccomp(): cri.SecurityProfile | undefined {
    const { call, request } = this.received.at(-1) ?? { call: '', request: Buffer.alloc(0) };
    const { config } = fromBinary(
      call === 'CreateContainer' ? cri.CreateContainerRequestSchema : cri.RunPodSandboxRequestSchema,
      request,
    );
    return config?.linux?.securityContext?.seccomp;
  }

  #answer(method: string): handleUnaryCall<Buffer, Buffer> {
    const call = method.slice(method.indexOf('/') + 1);
    return async ({ request }, callback) => {
      if (call === 'Status') await this.onStatus();
      if (!questions.has(call)) this.received.push({ call, request: Buffer.from(request) });
      if (/(?:List|Remove)Security/.test(call) && !this.hasLists)
        return callback({ code: status.UNIMPLEMENTED, details: call });
      callback(null, this.#responseTo(call));
    };
  }

  #sandboxes(): MessageInitShape<typeof cri.PodSandboxSchema>[] {
    return this.received.flatMap(({ call, request }, index) => {
      if (call !== 'RunPodSandbox') return [];
      const { metadata } = fromBinary(cri.RunPodSandboxRequestSchema, request).config ?? {};
      return [{ id: `s${index + 1}`, ...(metadata && { metadata }) }];
    });
  }

  #containers(): MessageInitShape<typeof cri.ContainerSchema>[] {
    return this.received.flatMap(({ call, request }, index) => {
      if (call !== 'CreateContainer') return [];
      const { podSandboxId, config } = fromBinary(cri.CreateContainerRequestSchema, request);
      return [{ id: `c${index + 1}`, podSandboxId, ...(config?.metadata && { metadata: config.metadata }) }];
    });
  }

  #responseTo(call: string): Buffer {
    switch (call) {
      case 'Version':
        return encode(cri.VersionResponseSchema, { runtimeName: 'cri-o', runtimeVersion: '1.99.0' });
      case 'Status':
        return encode(cri.StatusResponseSchema, { features: { securityProfileOciArtifact: this.hasFeature } });
      case 'CreateContainer':
        return encode(cri.CreateContainerResponseSchema, { containerId: `c${this.received.length}` });
      case 'RunPodSandbox':
        return encode(cri.RunPodSandboxResponseSchema, { podSandboxId: `s${this.received.length}` });
      case 'ListPodSandbox':
        return encode(cri.ListPodSandboxResponseSchema, { items: this.#sandboxes() });
      case 'ListContainers':
        return encode(cri.ListContainersResponseSchema, { containers: this.#containers() });
      case 'ListSecurityProfileArtifacts':
        return encode(cri.ListSecurityProfileArtifactsResponseSchema, { artifacts: this.artifacts });
      case 'ListSecurityProfiles':
        return encode(cri.ListSecurityProfilesResponseSchema, {
          profiles: this.artifacts.map(({ id = '', references = [] }) => ({ digest: id, refs: references })),
        });
      case 'PullSecurityProfileArtifact':
      case 'PullSecurityProfile':
        return encode(cri.PullSecurityProfileArtifactResponseSchema, { resolvedRef: 'resolved by the runtime' });
      default:
        return Buffer.alloc(0);
    }
  }
}

function encode<D extends DescMessage>(schema: D, message: MessageInitShape<D>): Buffer {
  return Buffer.from(toBinary(schema, create(schema, message)));
}
