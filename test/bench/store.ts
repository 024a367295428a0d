import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { openStore } from '#lib/node/store/store';
import { blobPath, makeDirectories, recordPath } from '#lib/node/store/store-directories';
import { renderRecord } from '#lib/node/store/stored-artifact';
import { digestOf } from '#lib/registry/digest';
import { FakeRuntime } from '../support/cri/fake-runtime.ts';
import { startScriptedRuntime } from '../support/cri/scripted-runtime.ts';
import { packText } from '../support/cri/shim.ts';
import { installExecutable } from './installed-programs.ts';
import { renderSpread } from './samples.ts';

const rounds = 7;
const artifacts = 10_000;
const effectiveProfiles = 1_000;
/** Bytes of a signature with its certificate. */
const signatureBytes = 4096;

/**
 * The start of the shim of the executable on a state directory with many artifacts, by a runtime
 * that answers at once: how long until it is ready. In turns with an empty directory, so that both
 * see the same machine.
 */
export async function bench(report: (line: string) => void): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), 'fairlead-bench-'));
  const runtime = join(directory, 'runtime.sock');
  const served = await startScriptedRuntime(runtime, new FakeRuntime().methods());
  try {
    const program = await installExecutable(directory);
    const policy = join(directory, 'policy.yaml');
    writeFileSync(policy, 'apiVersion: fairlead.dev/v1\nkind: TrustPolicy\nrules: []\n');
    const states = { empty: join(directory, 'empty'), full: join(directory, 'full') };
    await fill(states.full);
    const times = { empty: [] as number[], full: [] as number[] };
    for (let round = -1; round < rounds; round++) {
      for (const [name, state] of Object.entries(states) as ['empty' | 'full', string][]) {
        const listen = `unix://${join(directory, 'shim.sock')}`;
        const time = await timeToReady(program, [
          ...['--listen', listen, '--runtime', `unix://${runtime}`, '--policy', policy, '--state', state],
        ]);
        // The first round warms the cache of the disk.
        if (round >= 0) times[name].push(time);
      }
    }
    report(`ready with an empty store: ${renderSpread(times.empty, 0)} ms`);
    report(`ready with ${artifacts} artifacts: ${renderSpread(times.full, 0)} ms`);
  } finally {
    served.kill();
    rmSync(directory, { recursive: true });
  }
}

/** Returns the milliseconds from the start of a shim to its message that it is ready; ends it. */
async function timeToReady(program: string, args: readonly string[]): Promise<number> {
  const begun = performance.now();
  const shim = spawn(program, ['shim', ...args], { stdio: ['ignore', 'pipe', 'inherit'] });
  const ended = once(shim, 'exit');
  try {
    const said: string[] = [];
    for await (const line of createInterface(shim.stdout)) {
      said.push(line);
      if (line.includes('the shim is ready')) return performance.now() - begun;
    }
    throw new Error(`the shim has ended: ${said.slice(-5).join('\n')}`);
  } finally {
    shim.kill();
    await ended;
  }
}

/** Fills a state directory as a store does, without flushing each file to the disk. */
async function fill(state: string): Promise<void> {
  mkdirSync(state, { mode: 0o700 });
  await (await openStore(state)).close();
  const directories = await makeDirectories(state);
  const write = (path: string, bytes: Uint8Array): void => writeFileSync(path, bytes, { mode: 0o600 });
  for (let number = 0; number < artifacts; number++) {
    const { descriptor, manifestBytes, blobs } = packText(profile(number), `${number}.json`);
    for (const blob of blobs) write(blobPath(directories, blob.descriptor.digest), blob.bytes);
    write(blobPath(directories, descriptor.digest), manifestBytes);
    const bundle = Buffer.alloc(signatureBytes, String(number));
    const signatures = [{ format: 'bundle', manifest: digestOf(bundle), bundle }] as const;
    const names = ['registry.example.com/security/profiles'];
    const [repository = ''] = names;
    const pulls = [{ repository, names, callers: ['node'], signatures, pulledAt: new Date().toISOString() }];
    write(recordPath(directories, descriptor.digest), renderRecord({ descriptor, kind: 'Seccomp', pulls }));
  }
  for (let number = 0; number < effectiveProfiles; number++) {
    const bytes = Buffer.from(profile(number));
    write(join(directories.effective, `${digestOf(bytes).slice('sha256:'.length)}.json`), bytes);
  }
}

/** Returns a profile of about 4 KiB that no other number has. */
function profile(number: number): string {
  const names = Array.from({ length: 200 }, (_, index) => `call_${index}_${number}`);
  return JSON.stringify({ defaultAction: 'SCMP_ACT_ERRNO', syscalls: [{ names, action: 'SCMP_ACT_ALLOW' }] });
}
