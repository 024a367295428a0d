import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { create, toBinary } from '@bufbuild/protobuf';
import { CreateContainerRequestSchema, SecurityProfile_ProfileType as ProfileType } from '../../lib/cri/gen/cri_pb.js';
import { startContainerd } from '../peers/containerd.ts';
import { startRegistry } from '../peers/registry.ts';
import { type CriClient, connectCri } from '../support/cri/client.ts';
import { FakeRuntime } from '../support/cri/fake-runtime.ts';
import { containerConfig, type PodOptions, runPod } from '../support/cri/pod.ts';
import { BytesClient, startScriptedRuntime } from '../support/cri/scripted-runtime.ts';
import { denyChmod, packText, publish, startTestShim, type TestShim } from '../support/cri/shim.ts';
import { installExecutable } from './installed-programs.ts';
import { median, renderSpread } from './samples.ts';

const rounds = 7;
const callsInRow = 500;
const callsAtOnce = 3000;
const concurrency = 16;
const containersOfWorker = 3;
const method = 'runtime.v1.RuntimeService/CreateContainer';
const containerdConfig = JSON.stringify({ containerd: { defaultRuntimeName: 'runc', runtimes: { runc: {} } } });

/**
 * The creation of containers that name a cached artifact, by a runtime that answers at once: what
 * the shim of the executable adds to a call, how many containers it creates in a second, and what
 * it logs of each. Direct and proxied calls take turns.
 */
export async function bench(report: (line: string) => void): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), 'fairlead-bench-'));
  const program = [await installExecutable(directory)] as const;
  const runtime = new FakeRuntime();
  Object.assign(runtime, { name: 'containerd', version: '2.1.9', config: containerdConfig });
  const socket = join(directory, 'runtime.sock');
  const served = await startScriptedRuntime(socket, runtime.methods());
  const registry = await startRegistry();
  const shim = await startTestShim({ runtime: socket, registryHost: registry.host, program });
  const [direct, proxied] = [new BytesClient(socket), new BytesClient(shim.socket)];
  try {
    const reference = await publish(registry.host, 'signed/bench', packText(denyChmod), shim.signer);
    const [plain, named] = [
      requestFor(`${shim.seccompRoot}/x.json`),
      requestFor(`${shim.seccompRoot}/oci/${reference}`),
    ];
    const kinds = {
      'without an artifact, direct': () => direct.unary(method, plain),
      'without an artifact, through the shim': () => proxied.unary(method, plain),
      'with an artifact, through the shim': () => proxied.unary(method, named),
    } as const;
    await sleep(1000);
    const idle = residentMiB(shim);
    for (const call of Object.values(kinds)) await inRow(call, callsInRow);
    const before = statSync(logOf(shim)).size;
    const names = Object.keys(kinds) as (keyof typeof kinds)[];
    const samples = (): Record<keyof typeof kinds, number[]> =>
      Object.fromEntries(names.map((name) => [name, [] as number[]])) as never;
    const [latency, rate] = [samples(), samples()];
    for (let round = 0; round < rounds; round++) {
      for (const name of names) latency[name].push(await inRow(kinds[name], callsInRow));
      for (const name of names) rate[name].push(await atOnce(kinds[name]));
      runtime.calls.length = 0;
    }
    const logged = (statSync(logOf(shim)).size - before) / (rounds * (callsInRow + callsAtOnce));
    const [base = [], passed = [], applied = []] = Object.values(latency);
    for (const [name, samples] of Object.entries(latency))
      report(`CreateContainer ${name}: p50 ${renderSpread(samples, 2)} ms`);
    report(`added by the shim: ${(median(passed) - median(base)).toFixed(2)} ms`);
    report(`added by an artifact: ${(median(applied) - median(base)).toFixed(2)} ms`);
    for (const [name, samples] of Object.entries(rate)) {
      report(`${concurrency} at once, ${name}: ${renderSpread(samples, 0)} containers/s`);
    }
    report(`log of a container with an artifact: ${logged.toFixed(0)} bytes`);
    report(`resident memory: ${idle} MiB before all calls, ${residentMiB(shim)} MiB after them`);
  } finally {
    direct.close();
    proxied.close();
    await shim.stop();
    served.kill();
    await registry.stop();
  }
  try {
    await benchContainerd(program, report);
  } finally {
    rmSync(directory, { recursive: true });
  }
}

/** The same with containerd, which takes tens of milliseconds for a container. */
async function benchContainerd(program: readonly [string], report: (line: string) => void): Promise<void> {
  const [containerd, registry] = await Promise.all([startContainerd(), startRegistry()]);
  const shim = await startTestShim({ runtime: containerd.socket, registryHost: registry.host, program });
  const direct = connectCri(containerd.socket);
  try {
    const reference = await publish(registry.host, 'signed/bench', packText(denyChmod), shim.signer);
    const seccomp = { profileType: ProfileType.OCI, ociRef: reference };
    const pod = await runPod(shim.client, { name: 'bench', seccomp });
    let containers = 0;
    const rate = async (client: CriClient, options: PodOptions): Promise<number> => {
      const begun = performance.now();
      await Promise.all(
        Array.from({ length: 4 }, async () => {
          for (let i = 0; i < containersOfWorker; i++) {
            const config = containerConfig({ ...options, containerName: `c${containers++}` });
            const { sandboxId: podSandboxId, sandboxConfig } = pod;
            await client.createContainer({ podSandboxId, config, sandboxConfig });
          }
        }),
      );
      return ((4 * containersOfWorker) / (performance.now() - begun)) * 1000;
    };
    const [bare, through]: [number[], number[]] = [[], []];
    for (let round = 0; round < rounds; round++) {
      bare.push(await rate(direct, {}));
      through.push(await rate(shim.client, { seccomp }));
    }
    const ratios = through.map((value, round) => value / (bare[round] ?? Number.NaN));
    report(
      `containerd, 4 at once: ${renderSpread(bare, 1)} containers/s direct, ${renderSpread(through, 1)} with an artifact`,
    );
    report(`  ratio ${renderSpread(ratios, 2)}`);
    await pod.remove();
  } finally {
    direct.close();
    await shim.stop();
    await Promise.all([registry.stop(), containerd.stop()]);
  }
}

function requestFor(localhostRef: string): Uint8Array {
  const message = create(CreateContainerRequestSchema, {
    podSandboxId: 'sandbox',
    config: {
      metadata: { name: 'app' },
      linux: { securityContext: { seccomp: { profileType: ProfileType.Localhost, localhostRef } } },
    },
    sandboxConfig: { metadata: { name: 'web-0', namespace: 'default' } },
  });
  return toBinary(CreateContainerRequestSchema, message);
}

/** Returns the median of calls one after the other, in milliseconds. */
async function inRow(call: () => Promise<unknown>, count: number): Promise<number> {
  const times: number[] = [];
  for (let i = 0; i < count; i++) {
    const begun = performance.now();
    await call();
    times.push(performance.now() - begun);
  }
  return median(times);
}

/** Returns the number of calls in a second, several at a time. */
async function atOnce(call: () => Promise<unknown>): Promise<number> {
  const begun = performance.now();
  let left = callsAtOnce;
  const work = async (): Promise<void> => {
    while (left-- > 0) await call();
  };
  await Promise.all(Array.from({ length: concurrency }, work));
  return (callsAtOnce / (performance.now() - begun)) * 1000;
}

function logOf({ folder }: TestShim): string {
  return join(folder, 'shim.log');
}

function residentMiB({ pid }: TestShim): string {
  const kilobytes = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
  return (Number(kilobytes) / 1024).toFixed(1);
}
