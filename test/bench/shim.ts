import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { SecurityProfileKind } from '../../lib/cri/gen/cri_pb.js';
import { startContainerd } from '../peers/containerd.ts';
import { startRegistry } from '../peers/registry.ts';
import { type CriClient, connectCri } from '../support/cri/client.ts';
import { denyChmod, packText, publish, startTestShim, type TestShim } from '../support/cri/shim.ts';
import { installExecutable } from './installed-programs.ts';

const calls = 5000;
const warmUp = 1000;

/**
 * The shim of the executable in front of containerd: what it adds to calls that pass through, a
 * cached PullSecurityProfileArtifact, and its resident memory before the first call and after all
 * of them. Direct and proxied calls take turns, so that both see the same machine.
 */
export async function bench(report: (line: string) => void): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), 'fairlead-bench-'));
  const program = [await installExecutable(directory)] as const;
  const [containerd, registry] = await Promise.all([startContainerd(), startRegistry()]);
  const shim = await startTestShim({ runtime: containerd.socket, registryHost: registry.host, program });
  const direct = connectCri(containerd.socket);
  try {
    await sleep(1000);
    report(`resident memory of the idle shim: ${residentMiB(shim)} MiB`);
    await compare('Version', direct, shim.client, (client) => client.version(), report);
    await compare('ListContainers', direct, shim.client, (client) => client.listContainers(), report);

    const reference = await publish(registry.host, 'signed/bench', packText(denyChmod), shim.signer);
    const pull = () =>
      shim.client.pullSecurityProfileArtifact({
        image: { image: reference },
        profileKind: SecurityProfileKind.Seccomp,
      });
    const begun = performance.now();
    await pull();
    report(`first PullSecurityProfileArtifact: ${(performance.now() - begun).toFixed(1)} ms`);
    const cached: number[] = [];
    for (let i = 0; i < warmUp + calls; i++) {
      const time = await timed(pull);
      if (i >= warmUp) cached.push(time);
    }
    report(`cached PullSecurityProfileArtifact: p50 ${at(cached, 0.5)} ms, p99 ${at(cached, 0.99)} ms`);
    await sleep(1000);
    report(`resident memory after ${3 * (warmUp + calls)} calls and a pull: ${residentMiB(shim)} MiB`);
  } finally {
    direct.close();
    await shim.stop();
    await Promise.all([registry.stop(), containerd.stop()]);
    rmSync(directory, { recursive: true });
  }
}

async function compare(
  name: string,
  direct: CriClient,
  proxied: CriClient,
  call: (client: CriClient) => Promise<unknown>,
  report: (line: string) => void,
): Promise<void> {
  const times: { direct: number[]; proxied: number[] } = { direct: [], proxied: [] };
  for (let i = 0; i < warmUp + calls; i++) {
    const [bare, through] = [await timed(() => call(direct)), await timed(() => call(proxied))];
    if (i < warmUp) continue;
    times.direct.push(bare);
    times.proxied.push(through);
  }
  const of = (quantile: number): string => {
    const [bare, through] = [at(times.direct, quantile), at(times.proxied, quantile)];
    const added = (Number(through) - Number(bare)).toFixed(3);
    return `${bare} direct, ${through} through the shim (+${added} ms, ratio ${(Number(through) / Number(bare)).toFixed(2)})`;
  };
  report(`${name}: p50 ${of(0.5)}; p99 ${of(0.99)}`);
}

async function timed(call: () => Promise<unknown>): Promise<number> {
  const begun = performance.now();
  await call();
  return performance.now() - begun;
}

/** A quantile in milliseconds. */
function at(times: number[], quantile: number): string {
  const sorted = times.toSorted((a, b) => a - b);
  return (sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * quantile))] as number).toFixed(3);
}

function residentMiB({ pid }: TestShim): string {
  const kilobytes = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
  return (Number(kilobytes) / 1024).toFixed(1);
}
