import { setTimeout as sleep } from 'node:timers/promises';
import { create, fromBinary, type MessageInitShape, toBinary } from '@bufbuild/protobuf';
import {
  ContainerEventResponseSchema,
  CreateContainerRequestSchema,
  CreateContainerResponseSchema,
  type PodSandboxConfigSchema,
  RunPodSandboxRequestSchema,
  RunPodSandboxResponseSchema,
} from '../../../lib/cri/gen/cri_pb.js';
import { delimited, tag, varint } from '../../oracle/go-protobuf.ts';
import { type Shape, shapeOf, textShape } from './answer-shape.ts';
import type { CriClient, CriError } from './client.ts';
import { containerConfig, sandboxConfig } from './pod.ts';

/** The answers of a runtime by the names of the questions, and the events meanwhile. */
export interface PodLife {
  readonly answers: ReadonlyMap<string, unknown>;
  /** Encoded answers, by the same names. */
  readonly bytes: ReadonlyMap<string, Uint8Array>;
  readonly events: readonly unknown[];
}

/** What the two lives have in common. */
export interface PodLifeOptions {
  /** The directory of the pod's log, which exists and is empty. */
  readonly logDirectory: string;
  /** An image that a registry has. */
  readonly image: string;
}

const runtime = 'RuntimeService';
const images = 'ImageService';
const text = (no: number, value: string): Buffer => delimited(no, Buffer.from(value));
const number = (no: number, value: number): Buffer => Buffer.concat([tag(no, 0), varint(BigInt(value))]);
const nothing = Buffer.alloc(0);
const unknownId = 'ab'.repeat(32);

/**
 * Asks everything of a pod's life: an image is pulled, a sandbox and a container are made, run,
 * changed, stopped and removed, and each step is asked for what does not exist as well. Requests
 * have fields that the shim does not know.
 */
export async function livePod(client: CriClient, options: PodLifeOptions): Promise<PodLife> {
  const questions = new Questions(client);
  const events = client.getContainerEvents();
  const seen: { readonly id: string; readonly bytes: Uint8Array }[] = [];
  const reading = (async () => {
    for await (const event of events)
      seen.push({ id: event.containerId, bytes: toBinary(ContainerEventResponseSchema, event) });
  })().catch((error: CriError) => error);
  await questions.beforePod(options.image);
  const [sandbox, container] = await questions.pod(options.logDirectory);
  await questions.afterPod(options.image);
  const own = (): typeof seen => seen.filter(({ id }) => id === sandbox || id === container);
  // Created, started, stopped and deleted: both.
  for (const end = Date.now() + 10_000; own().length < 8 && Date.now() < end; ) await sleep(20);
  events.cancel();
  await reading;
  const shapes = own().map(({ bytes }) => shapeOf(bytes, questions.names));
  return { answers: questions.answers(), bytes: questions.bytes, events: shapes };
}

type SandboxConfig = Omit<MessageInitShape<typeof PodSandboxConfigSchema>, '$typeName' | '$unknown'>;

/** Asks a runtime, and keeps its answers. */
class Questions {
  readonly names = new Map([[unknownId, 'UNKNOWN']]);
  readonly #shapes: (readonly [name: string, shape: () => unknown])[] = [];
  readonly bytes = new Map<string, Uint8Array>();
  readonly #client: CriClient;

  constructor(client: CriClient) {
    this.#client = client;
  }

  /** The names of IDs are known only after the answers with them. */
  answers(): ReadonlyMap<string, unknown> {
    return new Map(this.#shapes.map(([name, shape]) => [name, shape()]));
  }

  async beforePod(image: string): Promise<void> {
    const spec = delimited(1, text(1, image));
    await this.#ask('version', runtime, 'Version', text(1, '0.1.0'));
    await this.#ask('status', runtime, 'Status', nothing);
    await this.#ask('status in full', runtime, 'Status', number(1, 1));
    await this.#ask('configuration', runtime, 'RuntimeConfig', nothing);
    await this.#ask('change of configuration', runtime, 'UpdateRuntimeConfig', delimited(1, delimited(1, text(1, ''))));
    await this.#ask('pull', images, 'PullImage', spec);
    await this.#ask(
      'pull with half a login',
      images,
      'PullImage',
      Buffer.concat([spec, delimited(2, text(1, 'user'))]),
    );
    await this.#ask('pull of nothing', images, 'PullImage', nothing);
    const missing = text(1, image.replace(/sha256:.{4}/, 'sha256:0000'));
    await this.#ask('pull of what is not there', images, 'PullImage', delimited(1, missing));
    await this.#ask('image', images, 'ImageStatus', Buffer.concat([spec, number(2, 1)]));
    await this.#ask('images', images, 'ListImages', nothing);
    await this.#ask('one image', images, 'ListImages', delimited(1, spec));
    await this.#ask('disk', images, 'ImageFsInfo', nothing, { only: '2' });
  }

  /** Returns the IDs of sandbox and container. */
  async pod(logDirectory: string): Promise<readonly [sandbox: string, container: string]> {
    const { labels, ...rest } = sandboxConfig({ network: 'pod' }, logDirectory);
    const metadata = { name: 'test', namespace: 'default', uid: 'u1', attempt: 0 };
    const config: SandboxConfig = { ...rest, metadata, labels: { ...labels, 'io.kubernetes.pod.uid': 'u1' } };
    const encode = (sandbox: SandboxConfig, runtimeHandler = ''): Uint8Array =>
      toBinary(RunPodSandboxRequestSchema, create(RunPodSandboxRequestSchema, { config: sandbox, runtimeHandler }));
    // A DNS configuration and a port mapping, which the shim has not in its schema.
    const more = Buffer.concat([
      delimited(4, Buffer.concat([text(1, '10.0.0.10'), text(2, 'cluster.local'), text(3, 'ndots:5')])),
      delimited(5, Buffer.concat([number(2, 80)])),
    ]);
    const sandboxRequest = Buffer.concat([encode(config), delimited(1, more)]);
    const ran = await this.#ask('sandbox', runtime, 'RunPodSandbox', sandboxRequest);
    const sandbox = fromBinary(RunPodSandboxResponseSchema, ran).podSandboxId;
    this.names.set(sandbox, 'SANDBOX');
    await this.#ask('the same sandbox again', runtime, 'RunPodSandbox', sandboxRequest);
    await this.#ask('a sandbox of nothing', runtime, 'RunPodSandbox', nothing);
    const other = encode({ ...config, metadata: { ...metadata, name: 'other' } }, 'none');
    await this.#ask('a sandbox of another handler', runtime, 'RunPodSandbox', other);
    await this.#sandbox('running', sandbox);
    const container = await this.#container(sandbox, config);
    await this.#ask('stop of the sandbox', runtime, 'StopPodSandbox', text(1, sandbox));
    await this.#sandbox('stopped', sandbox);
    const lateRequest = this.#create(sandbox, config);
    const late = await this.#ask('container in a stopped sandbox', runtime, 'CreateContainer', lateRequest);
    const lateContainer = fromBinary(CreateContainerResponseSchema, late).containerId;
    this.names.set(lateContainer, 'LATE');
    await this.#ask('start in a stopped sandbox', runtime, 'StartContainer', text(1, lateContainer));
    await this.#ask('removal of the sandbox', runtime, 'RemovePodSandbox', text(1, sandbox));
    await this.#ask('removal of a removed sandbox', runtime, 'RemovePodSandbox', text(1, sandbox));
    await this.#sandbox('removed', sandbox);
    await this.#ask('container in a removed sandbox', runtime, 'CreateContainer', lateRequest);
    return [sandbox, container];
  }

  async afterPod(image: string): Promise<void> {
    const spec = delimited(1, text(1, image));
    await this.#ask('removal of the image', images, 'RemoveImage', spec);
    await this.#ask('removal of a removed image', images, 'RemoveImage', spec);
    await this.#ask('removed image', images, 'ImageStatus', spec);
    await this.#ask('an unknown call', runtime, 'NoSuchCall', nothing);
  }

  async #sandbox(state: string, sandbox: string): Promise<void> {
    const inFull = Buffer.concat([text(1, sandbox), number(2, 1)]);
    await this.#ask(`${state} sandbox`, runtime, 'PodSandboxStatus', text(1, sandbox));
    await this.#ask(`${state} sandbox in full`, runtime, 'PodSandboxStatus', inFull);
    await this.#ask(`${state} sandbox in the list`, runtime, 'ListPodSandbox', delimited(1, text(1, sandbox)));
    await this.#ask(`${state} sandbox's stats`, runtime, 'PodSandboxStats', text(1, sandbox), { only: '1' });
    const port = Buffer.concat([text(1, sandbox), number(2, 80)]);
    await this.#ask(`${state} sandbox's ports`, runtime, 'PortForward', port);
  }

  #create(podSandboxId: string, config: SandboxConfig): Buffer {
    const container = containerConfig({ capabilities: { drop: ['NET_RAW'] } });
    const request = create(CreateContainerRequestSchema, {
      podSandboxId,
      config: container,
      sandboxConfig: config,
    });
    // A working directory, two variables and an annotation, which the shim has not in its schema.
    const variable = (name: string, value: string): Buffer =>
      delimited(6, Buffer.concat([text(1, name), delimited(2, Buffer.from(value, 'latin1'))]));
    const entry = delimited(10, Buffer.concat([text(1, 'io.kubernetes.container.hash'), text(2, '1234')]));
    const more = Buffer.concat([text(5, '/tmp'), variable('A', 'b'), variable('BYTES', '\xff\xfe'), entry]);
    return Buffer.concat([toBinary(CreateContainerRequestSchema, request), delimited(2, more)]);
  }

  async #container(sandbox: string, config: SandboxConfig): Promise<string> {
    const request = this.#create(sandbox, config);
    const created = await this.#ask('container', runtime, 'CreateContainer', request);
    const container = fromBinary(CreateContainerResponseSchema, created).containerId;
    this.names.set(container, 'CONTAINER');
    await this.#ask('the same container again', runtime, 'CreateContainer', request);
    await this.#ask('a container of nothing', runtime, 'CreateContainer', nothing);
    await this.#status('created', container);
    await this.#ask('start', runtime, 'StartContainer', text(1, container));
    await this.#ask('second start', runtime, 'StartContainer', text(1, container));
    await this.#status('running', container);
    await this.#change(container);
    const stop = Buffer.concat([text(1, container), number(2, 5)]);
    await this.#ask('stop', runtime, 'StopContainer', stop);
    await this.#ask('second stop', runtime, 'StopContainer', stop);
    await this.#status('stopped', container);
    await this.#ask('start of a stopped container', runtime, 'StartContainer', text(1, container));
    await this.#ask('removal', runtime, 'RemoveContainer', text(1, container));
    await this.#ask('second removal', runtime, 'RemoveContainer', text(1, container));
    await this.#status('removed', container);
    return container;
  }

  async #status(state: string, container: string): Promise<void> {
    const inFull = Buffer.concat([text(1, container), number(2, 1)]);
    const filter = delimited(1, text(1, container));
    await this.#ask(`${state} container`, runtime, 'ContainerStatus', text(1, container));
    await this.#ask(`${state} container in full`, runtime, 'ContainerStatus', inFull);
    await this.#ask(`${state} container in the list`, runtime, 'ListContainers', filter);
    await this.#ask(`${state} container's stats`, runtime, 'ContainerStats', text(1, container), { only: '1' });
    await this.#ask(`${state} container's command`, runtime, 'ExecSync', this.#command(container, 'true'));
    await this.#ask(`${state} container's log`, runtime, 'ReopenContainerLog', text(1, container));
    const streams = Buffer.concat([text(1, container), text(2, 'cat'), number(4, 1), number(5, 1)]);
    await this.#ask(`${state} container's terminal`, runtime, 'Exec', streams);
    await this.#ask(
      `${state} container's streams`,
      runtime,
      'Attach',
      Buffer.concat([text(1, container), number(4, 1)]),
    );
  }

  /** What changes a running container, or asks it for something. */
  async #change(container: string): Promise<void> {
    const shell = this.#command(container, 'sh', '-c', 'echo out; echo err >&2; pwd; echo "$A"; exit 7');
    await this.#ask('output', runtime, 'ExecSync', shell);
    await this.#ask('bytes', runtime, 'ExecSync', this.#command(container, 'sh', '-c', 'printf "$BYTES"'));
    await this.#ask('unknown command', runtime, 'ExecSync', this.#command(container, '/none'));
    const slow = Buffer.concat([this.#command(container, 'sleep', '60'), number(3, 1)]);
    await this.#ask('command that takes too long', runtime, 'ExecSync', slow);
    const resources = Buffer.concat([number(3, 512), number(4, 64 * 1024 * 1024)]);
    const update = Buffer.concat([text(1, container), delimited(2, resources)]);
    await this.#ask('resources', runtime, 'UpdateContainerResources', update);
    await this.#ask('changed container', runtime, 'ContainerStatus', text(1, container));
    const checkpoint = Buffer.concat([text(1, container), text(2, '/none/checkpoint.tar')]);
    await this.#ask('checkpoint', runtime, 'CheckpointContainer', checkpoint);
    const onlyThis = delimited(1, text(1, container));
    await this.#ask('list of stats', runtime, 'ListContainerStats', onlyThis, { only: '1' });
    for (const method of ['StartContainer', 'StopContainer', 'RemoveContainer', 'UpdateContainerResources']) {
      await this.#ask(`${method} of an unknown container`, runtime, method, text(1, unknownId));
    }
    await this.#status('unknown', unknownId);
    await this.#sandbox('unknown', unknownId);
  }

  #command(container: string, ...words: readonly string[]): Buffer {
    return Buffer.concat([text(1, container), ...words.map((word) => text(2, word))]);
  }

  /**
   * Asks, and returns the encoded answer, which is empty for an error. Of statistics, which are
   * never the same twice, `only` is the field to keep.
   */
  async #ask(
    name: string,
    service: string,
    method: string,
    request: Uint8Array,
    { only }: { readonly only?: string } = {},
  ): Promise<Uint8Array> {
    try {
      const bytes = await this.#client.raw(`/runtime.v1.${service}/${method}`, request);
      this.bytes.set(name, bytes);
      this.#shapes.push([name, () => reduced(shapeOf(bytes, this.names), only)]);
      return bytes;
    } catch (error) {
      const { code, message } = error as CriError;
      this.#shapes.push([name, () => ({ code, message: textShape(message, this.names) })]);
      return nothing;
    }
  }
}

function reduced(shape: Shape, only: string | undefined): unknown {
  return only === undefined ? shape : shape['1']?.map((measured) => (measured as Shape)[only]);
}
