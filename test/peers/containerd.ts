import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type CriClient, connectCri } from '../support/cri/client.ts';
import { containerdConfig } from './containerd-config.ts';
import { makeImages } from './image.ts';
import { type PeerName, peer } from './peer.ts';
import { finishFolder, type Program, startProgram, temporaryFolder } from './program.ts';
import type { Requirement } from './require.ts';

/** Which containerd: by default the newer one. */
export interface ContainerdOptions {
  readonly version?: '2' | '1.6';
  /**
   * The bounding set of containers of a second handler, {@link basedHandler}; no such handler
   * without it.
   */
  readonly baseCapabilities?: readonly string[];
}

/** A running containerd of the test's own: nothing is shared with a containerd of the machine. */
export interface Containerd {
  /** The path of its socket. */
  readonly socket: string;
  readonly pid: number;
  readonly log: string;
  /** A folder of this containerd's, to put files in that go with it. */
  readonly folder: string;
  /**
   * The network interface that it gives its pods, there from the first pod with a network of its
   * own.
   */
  readonly bridge: string;
  /** Runs `ctr` in the namespace of Kubernetes and gives what it printed. */
  ctr(...args: string[]): string;
  /** Kills it with SIGKILL, and starts it again; its containers run on. */
  killAndRestart(): Promise<void>;
  /**
   * Removes all pods, ends containerd and every process of its containers, unmounts what it
   * mounted.
   */
  stop(): Promise<void>;
}

/** What a suite that runs containers needs. */
export const containerdRequirements: readonly Requirement[] = ['containerd', 'ctr', 'runc', 'busybox', 'cni', 'root'];

/** Containers outlive their containerd; where a test ends before stop(), this ends them as well. */
const unstopped = new Set<() => void>();
process.once('exit', () => {
  for (const cleanUp of unstopped) cleanUp();
});

/** Starts containerd with its own folders and socket, and imports the two test images. */
export async function startContainerd({
  version = '2',
  baseCapabilities,
}: ContainerdOptions = {}): Promise<Containerd> {
  const [program, ctrProgram] = programs(version);
  const folder = temporaryFolder('containerd');
  const socket = path.join(folder, 'containerd.sock');
  const bridge = `fl${path.basename(folder).slice(-6)}`;
  const baseSpec = baseCapabilities && writeBaseSpec(folder, ctrProgram, baseCapabilities);
  writeConfiguration({ version, folder, socket, bridge, ...(baseSpec && { baseSpec }) });
  const ctr = (...args: string[]): string =>
    execFileSync(ctrProgram, ['--address', socket, '--namespace', 'k8s.io', ...args], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'pipe'],
    });
  const client = connectCri(socket);
  const start = (): Promise<Program> =>
    startProgram({
      name: 'containerd',
      command: program,
      args: ['--config', path.join(folder, 'config.toml')],
      // its shim lies beside it
      env: { PATH: `${path.dirname(program)}:${process.env['PATH'] ?? ''}` },
      folder,
      ready: async () => existsSync(socket) && (await client.version()).runtimeName === 'containerd',
    });
  let started = await start();
  const cleanUp = (): void => {
    endShims(socket);
    unmountBelow(folder);
    if (existsSync(`/sys/class/net/${bridge}`)) execFileSync('ip', ['link', 'delete', bridge]);
    for (const name of ['root', 'state']) rmSync(path.join(folder, name), { recursive: true, force: true });
  };
  unstopped.add(cleanUp);
  const stop = async (): Promise<void> => {
    await removePods(client).catch(() => {
      // a containerd that no longer answers: its processes are ended below
    });
    client.close();
    await started.stop();
    cleanUp();
    unstopped.delete(cleanUp);
    finishFolder(folder);
  };
  try {
    await importImages(folder, ctr, client);
  } catch (error) {
    await stop();
    throw error;
  }
  return {
    ...{ socket, log: started.log, folder, bridge, ctr, stop },
    get pid() {
      return started.pid;
    },
    async killAndRestart() {
      process.kill(started.pid, 'SIGKILL');
      await started.stop();
      started = await start();
    },
  };
}

function programs(version: '2' | '1.6'): [containerd: string, ctr: string] {
  const names: [PeerName, PeerName] = version === '2' ? ['containerd', 'ctr'] : ['containerd-1.6', 'ctr-1.6'];
  return [peer(names[0]), peer(names[1])];
}

/** Writes the spec that containerd makes by default, with another bounding set. */
function writeBaseSpec(folder: string, ctr: string, bounding: readonly string[]): string {
  const spec = JSON.parse(execFileSync(ctr, ['oci', 'spec'], { encoding: 'utf8' })) as {
    process: { capabilities: Record<string, readonly string[]> };
  };
  for (const name of ['bounding', 'effective', 'permitted']) spec.process.capabilities[name] = bounding;
  const file = path.join(folder, 'base-spec.json');
  writeFileSync(file, JSON.stringify(spec));
  return file;
}

/**
 * The kernel limits the name of a network interface to 15 characters, so the folder's random part
 * serves.
 */
function writeConfiguration({
  version,
  folder,
  socket,
  bridge,
  baseSpec,
}: Place & { version: '2' | '1.6'; bridge: string; baseSpec?: string }): void {
  const cni = path.join(folder, 'cni');
  mkdirSync(cni);
  const network = {
    cniVersion: '0.4.0',
    name: 'fairlead-test',
    plugins: [
      {
        type: 'bridge',
        bridge,
        // pods reach each other, and nothing else: the host has no address on the bridge
        isGateway: false,
        ipMasq: false,
        ipam: { type: 'host-local', dataDir: path.join(folder, 'ipam'), ranges: [[{ subnet: '10.250.0.0/24' }]] },
      },
    ],
  };
  writeFileSync(path.join(cni, '10-pod.conflist'), JSON.stringify(network));
  const config = containerdConfig(version, {
    folder,
    socket,
    runc: peer('runc'),
    cniPlugins: peer('cni'),
    cniConfig: cni,
    ...(baseSpec === undefined ? {} : { baseSpec }),
  });
  writeFileSync(path.join(folder, 'config.toml'), config);
}

interface Place {
  readonly folder: string;
  readonly socket: string;
}

async function importImages(folder: string, ctr: Containerd['ctr'], client: CriClient): Promise<void> {
  for (const [index, { reference, archive }] of (await makeImages()).entries()) {
    const file = path.join(folder, `image-${index}.tar`);
    writeFileSync(file, archive);
    ctr('images', 'import', file);
    rmSync(file);
    // the CRI side of containerd hears of the image by an event
    const deadline = Date.now() + 10_000;
    while ((await client.imageStatus({ image: { image: reference } })).image === undefined) {
      if (Date.now() > deadline) throw new Error(`containerd imported ${reference}, and its CRI does not list it`);
      await sleep(20);
    }
  }
}

async function removePods(client: CriClient): Promise<void> {
  const { items } = await client.listPodSandbox({}, { timeout: 5_000 });
  for (const { id } of items) {
    await client.stopPodSandbox({ podSandboxId: id });
    await client.removePodSandbox({ podSandboxId: id });
  }
}

/**
 * Ends the shims of one containerd, known by its socket in their command line, and the containers
 * below them.
 */
function endShims(socket: string): void {
  const deadline = Date.now() + 5_000;
  for (;;) {
    const processes = readProcesses();
    const shims = shimsOf(socket, processes);
    if (shims.length === 0) return;
    if (Date.now() > deadline)
      throw new Error(`shims of ${socket} do not end: ${shims.map(({ pid }) => pid).join(', ')}`);
    const shimPids = new Set(shims.map(({ pid }) => pid));
    const containers = processes.filter(({ parent }) => shimPids.has(parent));
    for (const { pid } of [...containers, ...shims]) kill(pid);
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 50); // sleeps, at process exit too
  }
}

/** The processes of the shims of one containerd. */
export function shimsOf(socket: string, processes = readProcesses()): { pid: number }[] {
  return processes.filter(({ args }) => args[0]?.includes('containerd-shim') && args.includes(socket));
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // it ended by itself meanwhile
  }
}

function readProcesses(): { pid: number; parent: number; args: string[] }[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => {
      try {
        const args = readFileSync(`/proc/${name}/cmdline`, 'utf8').split('\0');
        const parent = /^PPid:\s*(\d+)$/m.exec(readFileSync(`/proc/${name}/status`, 'utf8'))?.[1];
        return [{ pid: Number(name), parent: Number(parent), args }];
      } catch {
        return []; // it ended while we read
      }
    });
}

/** Unmounts everything below a folder, the innermost first. */
function unmountBelow(folder: string): void {
  for (const point of mountsBelow(folder).reverse()) execFileSync('umount', ['--lazy', point]);
}

/** The mount points below a folder, in the order in which they were mounted. */
export function mountsBelow(folder: string): string[] {
  return readFileSync('/proc/self/mountinfo', 'utf8')
    .split('\n')
    .map((line) => line.split(' ')[4] ?? '')
    .filter((point) => point.startsWith(`${folder}/`));
}
