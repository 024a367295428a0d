/**
 * `node test/support/seed-catalog/record.ts [NAME…]`, as root, with strace: runs the programs of
 * programs.ts with their workloads in containers that no seccomp profile holds, several times each,
 * and writes what they call to recorded/NAME.json. write-profiles.ts makes the profiles of these.
 */
import { readdirSync, readFileSync, rmSync } from 'node:fs';
import { release } from 'node:os';
import path from 'node:path';
import { peer } from '../../peers/peer.ts';
import { temporaryFolder } from '../../peers/program.ts';
import { ProgramContainer } from './container.ts';
import { entrypoint } from './entrypoint.ts';
import type { CatalogProgram } from './program.ts';
import { catalogPrograms } from './programs.ts';
import { type Recording, recordingFile } from './recording.ts';
import { callsOf } from './trace.ts';
import { writeJson } from './write-json.ts';

/** Calls depend on how threads are scheduled. */
const times = 3;

const versions: Readonly<Record<string, string>> = JSON.parse(readFileSync(peer('catalog-root'), 'utf8'));

/** Runs the workload of a program once, and returns the traces of its container. */
async function tracesOf(program: CatalogProgram): Promise<readonly string[]> {
  const folder = temporaryFolder(program.name);
  const traces = temporaryFolder(`${program.name}-traces`);
  try {
    const container = await ProgramContainer.start(folder, program, { runtime: 'crun', traces });
    try {
      await program.use(container);
    } finally {
      await container.stop(program.stop);
    }
    return readdirSync(traces).map((name) => readFileSync(path.join(traces, name), 'utf8'));
  } finally {
    for (const used of [folder, traces]) rmSync(used, { recursive: true, force: true });
  }
}

async function record(program: CatalogProgram): Promise<Recording> {
  const calls = new Set<string>();
  const families = new Set<string>();
  for (let time = 0; time < times; time += 1) {
    for (const trace of await tracesOf(program)) {
      const found = callsOf(trace);
      for (const name of found.names) calls.add(name);
      for (const family of found.families) families.add(family);
    }
  }
  const version = versions[program.package];
  if (version === undefined) throw new Error(`the peer catalog-root has no version of ${program.package}`);
  return {
    package: program.package,
    version,
    kernel: release().split('.').slice(0, 2).join('.'),
    architecture: 'amd64',
    families: [...families].sort(),
    calls: [...calls].sort(),
  };
}

const only = process.argv.slice(2);
for (const program of [entrypoint, ...catalogPrograms]) {
  if (only.length > 0 && !only.includes(program.name)) continue;
  const recording = await record(program);
  writeJson(recordingFile(program.name), JSON.stringify(recording));
  console.log(`${program.name}: ${recording.calls.length} system calls`);
}
