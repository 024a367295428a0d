import type { DescMessage, MessageInitShape } from '@bufbuild/protobuf';
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import type { handleUnaryCall } from '@grpc/grpc-js';
import type { SeccompProfile } from '#lib/profile/seccomp/model';
import { renderSeccompJson } from '#lib/profile/seccomp/write/render-json';
import {
  ContainerStatusRequestSchema,
  ContainerStatusResponseSchema,
  type CreateContainerRequest,
  CreateContainerRequestSchema,
  CreateContainerResponseSchema,
  PodSandboxStatusRequestSchema,
  PodSandboxStatusResponseSchema,
  StatusRequestSchema,
  StatusResponseSchema,
  VersionRequestSchema,
  VersionResponseSchema,
} from '../../../lib/cri/gen/cri_pb.js';

const service = 'runtime.v1.RuntimeService/';

/** What a fake runtime knows of a container, as it reports it in `info["info"]`. */
export interface FakeContainer {
  readonly profile: SeccompProfile;
  readonly bounding: readonly string[];
  readonly annotations?: Readonly<Record<string, string>>;
  readonly more?: object;
}

/**
 * A container runtime for what no real one can be had for: it answers questions about itself, and
 * creates nothing.
 */
export class FakeRuntime {
  name = 'cri-o';
  version = '1.37.0';
  /** `info["config"]` of Status. */
  config: string | undefined = JSON.stringify({ crio: { DefaultRuntime: 'crun', Runtimes: { crun: {} } } });
  /** Handlers of sandboxes by ID; the default one for others. */
  readonly handlers = new Map<string, string>();
  /** `info["info"]` of containers by ID. */
  readonly infos = new Map<string, string>();
  /** What PodSandboxStatus reports in `info["info"]`, if it is asked to. */
  sandboxInfo: string | undefined;
  /** The requests for containers, in their order; the first one is `c1`. */
  readonly created: CreateContainerRequest[] = [];
  /** Every call, by its short name, `Status verbose` for one with details. */
  readonly calls: string[] = [];
  /** Decides what becomes of the container with an ID that a request creates. */
  onCreate: (id: string, request: CreateContainerRequest) => void = () => undefined;

  /** Answers one call, by the method's full name. Throws for what it does not serve. */
  answer(method: string, request: Uint8Array): Uint8Array {
    const name = method.slice(service.length);
    switch (name) {
      case 'Version': {
        this.calls.push(name);
        fromBinary(VersionRequestSchema, request);
        return encode(VersionResponseSchema, { runtimeName: this.name, runtimeVersion: this.version });
      }
      case 'Status': {
        const { verbose } = this.#noted(name, fromBinary(StatusRequestSchema, request));
        return encode(StatusResponseSchema, {
          info: verbose && this.config !== undefined ? { config: this.config } : {},
        });
      }
      case 'PodSandboxStatus': {
        const { podSandboxId, verbose } = this.#noted(name, fromBinary(PodSandboxStatusRequestSchema, request));
        const info = verbose && this.sandboxInfo !== undefined ? { info: this.sandboxInfo } : {};
        const runtimeHandler = this.handlers.get(podSandboxId) ?? '';
        return encode(PodSandboxStatusResponseSchema, { status: { id: podSandboxId, runtimeHandler }, info });
      }
      case 'ContainerStatus': {
        const { containerId, verbose } = this.#noted(name, fromBinary(ContainerStatusRequestSchema, request));
        const info = this.infos.get(containerId);
        return encode(ContainerStatusResponseSchema, { info: verbose && info !== undefined ? { info } : {} });
      }
      case 'CreateContainer': {
        this.calls.push(name);
        const message = fromBinary(CreateContainerRequestSchema, request);
        this.created.push(message);
        const containerId = `c${this.created.length}`;
        this.onCreate(containerId, message);
        return encode(CreateContainerResponseSchema, { containerId });
      }
      default:
        throw new Error(`the fake runtime does not serve ${method}`);
    }
  }

  /** Lets ContainerStatus report a container. */
  report(id: string, { profile, bounding, annotations = {}, more = {} }: FakeContainer): void {
    const spec = { annotations, process: { capabilities: { bounding } }, linux: { seccomp: 'PROFILE' } };
    const text = JSON.stringify({ sandboxID: 's', pid: 1, runtimeSpec: spec, ...more });
    this.infos.set(
      id,
      text.replace('"PROFILE"', () => renderSeccompJson(profile)),
    );
  }

  /** The methods for startScriptedRuntime. */
  methods(): Record<string, { readonly kind: 'unary'; readonly handle: handleUnaryCall<Buffer, Buffer> }> {
    const names = ['Version', 'Status', 'PodSandboxStatus', 'ContainerStatus', 'CreateContainer'];
    const method = (name: string) => {
      const handle: handleUnaryCall<Buffer, Buffer> = (call, callback) =>
        callback(null, Buffer.from(this.answer(`${service}${name}`, call.request)));
      return [`${service}${name}`, { kind: 'unary' as const, handle }] as const;
    };
    return Object.fromEntries(names.map(method));
  }

  #noted<T extends { readonly verbose: boolean }>(name: string, request: T): T {
    this.calls.push(request.verbose ? `${name} verbose` : name);
    return request;
  }
}

function encode<D extends DescMessage>(schema: D, message: MessageInitShape<D>): Uint8Array {
  return toBinary(schema, create(schema, message));
}
