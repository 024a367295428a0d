/**
 * `node peak-memory.ts FILE read|import`: prints by how many bytes the peak of this process's
 * memory grows on the way of the profile in the file: read, validated, intersected, and both
 * written. The same way with a small profile goes first, so that code does not count.
 */
import { readFileSync } from 'node:fs';
import { importProfile } from '#lib/profile/import-profile';
import { seccompOf } from '#lib/profile/profile';
import { readProfile } from '#lib/profile/read-profile';
import { renderProfile } from '#lib/profile/render-profile';
import { effectiveAsWritten } from '#lib/profile/seccomp/effective-profile';
import { validateArtifact } from '#lib/profile/validate-artifact';
import { usualDefault } from '#test/support/runtime-default';
import { host } from './profile-cases.ts';

const [file = '', reader] = process.argv.slice(2);
const baseline = usualDefault({ architecture: 'amd64', capabilities: [] });

function walk(bytes: Uint8Array): number {
  const seccomp = seccompOf(reader === 'import' ? importProfile(bytes, 'bench', { host }) : readProfile(bytes));
  validateArtifact({ kind: 'Seccomp', seccomp }, { entriesPerSyscall: 128 });
  const { profile } = effectiveAsWritten({ baseline, artifact: seccomp }, 'SCMP_ARCH_X86_64');
  return [seccomp, profile].reduce((sum, each) => sum + renderProfile({ kind: 'Seccomp', seccomp: each }).length, 0);
}

/** The kernel's own word: what getrusage says of a child begins with its parent's peak. */
function peakBytes(): number {
  const kilobytes = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1];
  if (kilobytes === undefined) throw new Error('/proc/self/status does not say VmHWM');
  return Number(kilobytes) * 1024;
}

const small = readFileSync(new URL('../../examples/nginx.json', import.meta.url));
for (let round = 0; round < 10; round += 1) walk(small);
const large = readFileSync(file);
const before = peakBytes();
walk(large);
process.stdout.write(String(peakBytes() - before));
