import assert from 'node:assert/strict';
import { readFileSync, rmSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import type { MessageInitShape } from '@bufbuild/protobuf';
import type { PodSandboxConfigSchema } from '../../../lib/cri/gen/cri_pb.js';
import { temporaryFolder } from '../../peers/program.ts';
import { type CriClient, type CriError, status } from './client.ts';
import { containerConfig, type PodOptions, sandboxConfig } from './pod.ts';

/** A kind of pod. */
export interface PodKind {
  /** The name of its containers. */
  readonly name: string;
  /** Returns what a pod is created with. */
  readonly options: () => PodOptions | Promise<PodOptions>;
  /** The code with which the shim refuses the container; none if it has to run. */
  readonly refused?: number;
  /** The kind whose containers have the same profile, if it is another one. */
  readonly like?: string;
}

/** A container that was started. */
interface Running {
  readonly kind: PodKind;
  readonly containerId: string;
  readonly pid: number;
  /** When its process was started: another process may get the same ID later. */
  readonly started: string;
}

/** What the runtime reports about a container, in `info["info"]`. */
interface ContainerInfo {
  readonly pid: number;
  /** Null for a sandbox that was removed in part. */
  readonly runtimeSpec: { readonly linux: { readonly seccomp?: object } } | null;
}

/** Codes of calls that were cut by the end of the shim or the runtime. */
const cut: readonly number[] = [
  ...[status.UNAVAILABLE, status.CANCELLED, status.UNKNOWN, status.DEADLINE_EXCEEDED, status.NOT_FOUND],
  // A socket of the runtime whose process has just ended.
  status.INTERNAL,
];
/** How long a removal is tried again, in milliseconds. */
const patience = 60_000;

/**
 * Creates, watches and removes pods as a kubelet does: what a failed call may have left in the
 * runtime is removed, and another pod is created.
 */
export class PodLoad {
  /** How many pods ran, were refused, and were given up after a cut call. */
  readonly counts = { ran: 0, refused: 0, cut: 0 };
  readonly #client: CriClient;
  /** A client of the runtime itself. */
  readonly #runtime: CriClient;
  readonly #running = new Map<string, Running>();
  /** The profile of each kind, as JSON. */
  readonly #profiles = new Map<string, string>();
  #isOver = false;
  /** The error of a worker. */
  #failure: unknown;
  #workers: Promise<unknown> = Promise.resolve();

  constructor(client: CriClient, runtime: CriClient) {
    this.#client = client;
    this.#runtime = runtime;
  }

  /**
   * Runs a pod of each kind that is not refused, which stays, and remembers its profile: every
   * container of this kind must have it, from then on. Returns the profiles by the names of kinds.
   */
  async keepOne(kinds: readonly PodKind[]): Promise<ReadonlyMap<string, string>> {
    for (const kind of kinds) {
      if (kind.refused !== undefined) continue;
      const running = await this.#run(kind, `kept-${kind.name}`);
      assert.ok(running !== undefined, kind.name);
      if (kind.like === undefined) this.#profiles.set(kind.name, profileOf(await this.#infoOf(running.containerId)));
    }
    for (const { id, metadata } of (await this.#runtime.listPodSandbox()).items) {
      this.#profiles.set(sandboxOf(metadata?.name ?? ''), profileOf(await this.#infoOfSandbox(id)));
    }
    return this.#profiles;
  }

  /** Begins to create and remove pods, some at the same time. */
  begin(kinds: readonly PodKind[], atOnce: number): void {
    this.#isOver = false;
    let number = 0;
    const worker = async (): Promise<void> => {
      while (!this.#isOver) {
        number += 1;
        const kind = kinds[number % kinds.length] as PodKind;
        const uid = `${kind.name}-${number}-${Date.now()}`;
        const running = await this.#run(kind, uid);
        if (running !== undefined) await sleep(300 * Math.random());
        await this.#remove(uid);
      }
    };
    this.#workers = Promise.all(Array.from({ length: atOnce }, worker));
    this.#workers.catch((error: unknown) => {
      this.#failure = error;
    });
  }

  /** Waits until some pods ran or were refused, from now on. */
  async progress(pods: number): Promise<void> {
    const done = (): number => this.counts.ran + this.counts.refused;
    const before = done();
    for (const end = Date.now() + patience; done() < before + pods; await sleep(20)) {
      if (this.#failure !== undefined) throw this.#failure;
      assert.ok(Date.now() < end, `no progress in ${patience} ms: ${JSON.stringify(this.counts)}`);
    }
  }

  /** Runs or asks for a pod of each kind once, with no call that is cut. */
  async tryEach(kinds: readonly PodKind[]): Promise<void> {
    const { cut: before } = this.counts;
    for (const kind of kinds) {
      const running = await this.#run(kind, `tried-${kind.name}`);
      assert.equal(running !== undefined, kind.refused === undefined, kind.name);
      await this.#remove(`tried-${kind.name}`);
    }
    assert.equal(this.counts.cut, before);
  }

  /** Ends the load, and waits until the pods that it made are gone. */
  async end(): Promise<void> {
    this.#isOver = true;
    await this.#workers;
  }

  /**
   * Verifies that each container that is in the runtime, running or not, has the profile of its
   * kind, as each sandbox, and that none has a kind that is refused. Verifies that those that have
   * to run do, each in the process that it was started in.
   */
  async verify(): Promise<void> {
    const { containers } = await this.#runtime.listContainers();
    for (const { id, metadata } of containers) {
      await this.#verifyProfile(metadata?.name ?? '', () => this.#infoOf(id));
    }
    const { items } = await this.#runtime.listPodSandbox();
    for (const { id, metadata } of items) {
      const name = sandboxOf(metadata?.name ?? '');
      // The sandboxes of refused containers are not refused.
      if (this.#profiles.has(name)) await this.#verifyProfile(name, () => this.#infoOfSandbox(id));
    }
    for (const running of this.#running.values()) verifyProcess(running);
  }

  /** Returns the IDs of the containers that run. */
  runningIds(): readonly string[] {
    return [...this.#running.keys()];
  }

  /** Removes all pods. */
  async removeAll(): Promise<void> {
    for (const { metadata } of (await this.#runtime.listPodSandbox()).items) await this.#remove(metadata?.uid ?? '');
  }

  /** Runs a pod. Returns undefined if it was refused or a call was cut. */
  async #run(kind: PodKind, uid: string): Promise<Running | undefined> {
    const logDirectory = temporaryFolder('pod');
    try {
      const options = { ...(await kind.options()), name: uid, containerName: kind.like ?? kind.name };
      const config = { ...sandboxConfig(options, logDirectory) } as MessageInitShape<typeof PodSandboxConfigSchema>;
      Object.assign(config, { metadata: { name: uid, namespace: 'default', uid, attempt: 0 } });
      const { podSandboxId } = await this.#client.runPodSandbox({ config });
      const request = { podSandboxId, config: containerConfig(options), sandboxConfig: config };
      const { containerId } = await this.#client.createContainer(request);
      assert.equal(kind.refused, undefined, `a container ${kind.name} was created`);
      await this.#client.startContainer({ containerId });
      const { pid } = await this.#infoOf(containerId);
      const running = { kind, containerId, pid, started: startOf(pid) };
      this.#running.set(containerId, running);
      this.counts.ran += 1;
      return running;
    } catch (error) {
      this.#count(kind, error as CriError);
      return undefined;
    } finally {
      rmSync(logDirectory, { recursive: true, force: true });
    }
  }

  #count(kind: PodKind, error: CriError): void {
    if (error.name !== 'CriError') throw error;
    if (error.code === kind.refused && /Fairlead/.test(error.message)) this.counts.refused += 1;
    else if (cut.includes(error.code)) this.counts.cut += 1;
    else throw new Error(`${kind.name}: ${error.method}: ${error.code} ${error.message}`, { cause: error });
  }

  /** Stops and removes the sandboxes of a pod, until the runtime lists none. */
  async #remove(uid: string): Promise<void> {
    for (const end = Date.now() + patience; ; await sleep(50)) {
      try {
        const { items } = await this.#client.listPodSandbox();
        const own = items.filter(({ metadata }) => metadata?.uid === uid);
        if (own.length === 0) return;
        for (const { id: podSandboxId } of own) {
          const { containers } = await this.#client.listContainers();
          for (const { id } of containers.filter((container) => container.podSandboxId === podSandboxId)) {
            const running = this.#running.get(id);
            if (running !== undefined) verifyProcess(running);
            this.#running.delete(id);
          }
          await this.#client.stopPodSandbox({ podSandboxId });
          await this.#client.removePodSandbox({ podSandboxId });
        }
      } catch (error) {
        if ((error as Error).name !== 'CriError' || Date.now() > end) throw error;
      }
    }
  }

  async #verifyProfile(name: string, ask: () => Promise<ContainerInfo>): Promise<void> {
    const expected = this.#profiles.get(name);
    assert.ok(expected !== undefined, `${name} exists, which must be refused`);
    const info = await ask().catch((error: CriError) => {
      if (error.code === status.NOT_FOUND) return undefined; // removed meanwhile
      throw error;
    });
    if (info?.runtimeSpec === null) assert.equal(info.pid, 0, `${name} has a process and no profile`);
    else if (info !== undefined) assert.equal(profileOf(info), expected, `the profile of ${name}`);
  }

  async #infoOfSandbox(podSandboxId: string): Promise<ContainerInfo> {
    const { info } = await this.#runtime.podSandboxStatus({ podSandboxId, verbose: true });
    return JSON.parse(info['info'] ?? '{}') as ContainerInfo;
  }

  async #infoOf(containerId: string): Promise<ContainerInfo> {
    const { info } = await this.#runtime.containerStatus({ containerId, verbose: true });
    return JSON.parse(info['info'] ?? '{}') as ContainerInfo;
  }
}

/** Returns the name of the profile of a sandbox, from the name of its pod. */
function sandboxOf(pod: string): string {
  return `the sandbox of ${/^(?:kept-|tried-)?([a-z]+)/.exec(pod)?.[1]}`;
}

function profileOf({ runtimeSpec }: ContainerInfo): string {
  return JSON.stringify(runtimeSpec?.linux.seccomp ?? null);
}

/** Verifies that a container runs in its process, under a filter if its profile has one. */
function verifyProcess({ kind, pid, started }: Running): void {
  assert.equal(startOf(pid), started, `process ${pid} of a container ${kind.name} has ended`);
  assert.match(readFileSync(`/proc/${pid}/status`, 'utf8'), /^Seccomp:\s2$/m, kind.name);
}

/** Returns when a process was started, as the kernel counts; the empty string if it is gone. */
function startOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ')[19] ?? '';
  } catch {
    return '';
  }
}
