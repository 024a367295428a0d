import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { importProfile } from '#lib/profile/import-profile';
import { seccompOf } from '#lib/profile/profile';
import { loadReferenceDefault } from '#lib/profile/seccomp/call-counts';
import type { SeccompProfile } from '#lib/profile/seccomp/model';
import { usualDefault } from '../runtime-default.ts';
import { completeProfile } from './complete.ts';
import { capabilities } from './container.ts';
import type { CatalogProgram } from './program.ts';
import { readRecording } from './recording.ts';

const examples = new URL('../../../examples/', import.meta.url);

/** Reads a profile in examples, such as `catalog/nginx.json`. */
export function readExample(file: string): SeccompProfile {
  return seccompOf(importProfile(readFileSync(new URL(file, examples)), file));
}

/** The path of a file in examples/catalog. */
export function catalogFile(name: string): string {
  return fileURLToPath(new URL(`catalog/${name}`, examples));
}

/** Returns the profile of a program, made of its recording. */
export function profileOf(program: CatalogProgram): SeccompProfile {
  return completeProfile({
    recordings: [readRecording(program.name), readRecording('entrypoint')],
    bases: [readExample('base-runc.json'), readExample('base-crun.json')],
    more: Object.keys(program.more ?? {}),
    grantable: new Set([...allowedCalls(baseline)].filter((name) => allowedCalls(reference).has(name))),
  });
}

/** What containerd applies under RuntimeDefault to the containers of container.ts. */
export const baseline = usualDefault({ architecture: 'amd64', capabilities });

/** What catalogs count the calls of: programs work without what older runtimes do not grant. */
const reference = await loadReferenceDefault();

/** The calls that a profile allows with some arguments at least. */
export function allowedCalls({ syscalls = [] }: SeccompProfile): ReadonlySet<string> {
  return new Set(syscalls.flatMap(({ names, action }) => (action === 'SCMP_ACT_ALLOW' ? names : [])));
}
