/**
 * `node test/support/recordings/record.ts`, as root, with strace: records the system calls of each
 * program of recorded-container.ts in a container that no seccomp profile holds, several times, and
 * writes what SPO's recorder would: a SeccompProfile that allows these and denies the rest.
 */
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { temporaryFolder } from '../../peers/program.ts';
import { RecordedContainer, recordedPrograms } from './recorded-container.ts';

const times = 5;

/** The calls in an output of `strace -f`, from the first time that a process executes `program`. */
function callsOf(trace: string, program: string): readonly string[] {
  const lines = trace.split('\n');
  const start = lines.findIndex((line) => line.includes(` execve("${program}"`));
  if (start === -1) throw new Error(`${program} is not executed`);
  const processOf = (line: string | undefined) => /^\d+/.exec(line ?? '')?.[0];
  // The runtime's own processes; the one that executes the program is the container's from then on.
  const others = new Set(lines.slice(0, start).map(processOf));
  others.delete(processOf(lines[start]));
  const inside = lines.slice(start + 1).filter((line) => !others.has(processOf(line)));
  return inside.flatMap((line) => /^\d+ +([a-z0-9_]+)\(/.exec(line)?.[1] ?? []);
}

/** In the form in which SPO's recorder writes it (its `spec` fields, one entry, names sorted). */
function resourceOf(name: string, calls: ReadonlySet<string>): string {
  return `apiVersion: security-profiles-operator.x-k8s.io/v1
kind: SeccompProfile
metadata:
  labels:
    spo.x-k8s.io/container-id: ${name}
    spo.x-k8s.io/recording-id: recorded
  name: recorded-${name}
spec:
  architectures:
  - SCMP_ARCH_X86_64
  defaultAction: SCMP_ACT_ERRNO
  syscalls:
  - action: SCMP_ACT_ALLOW
    names:
${[...calls]
  .sort()
  .map((call) => `    - ${call}\n`)
  .join('')}`;
}

const folder = temporaryFolder('record');
try {
  const container = new RecordedContainer(folder);
  for (const [name, script] of Object.entries(recordedPrograms)) {
    const calls = new Set<string>();
    for (let time = 0; time < times; time += 1) {
      const output = path.join(folder, 'trace');
      const prefix = ['strace', '-f', '-qq', '-e', 'signal=none', '-s', '0', '-o', output];
      const { status, stdout, stderr } = container.run('crun', script, { prefix });
      if (status !== 0 || !stdout.endsWith('done\n')) throw new Error(`${name}: ${status}: ${stdout}${stderr}`);
      for (const call of callsOf(readFileSync(output, 'utf8'), '/bin/busybox')) calls.add(call);
    }
    writeFileSync(path.join(import.meta.dirname, `${name}.yaml`), resourceOf(name, calls));
    console.log(`${name}: ${calls.size} system calls`);
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}
