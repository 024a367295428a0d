import { readFileSync } from 'node:fs';
import { parse } from 'yaml';
import { allowedCalls, catalogFile, readExample } from './profiles.ts';
import type { CatalogProgram } from './program.ts';
import { catalogPrograms } from './programs.ts';
import { readRecording } from './recording.ts';

/** What RuntimeDefault allows and most of the profiles deny; rows list what theirs allows of it. */
export const seldomAllowed = [
  ...['ptrace', 'process_vm_readv', 'process_vm_writev', 'pidfd_open', 'execveat', 'memfd_create', 'chroot', 'mknod'],
  ...['seccomp', 'personality', 'inotify_init1', 'signalfd4', 'timerfd_create', 'io_setup', 'splice', 'mlock'],
  ...['shmget', 'semget', 'msgget', 'mq_open'],
] as const;

const netlink = 16n;

const head = `| profile | images | recorded from | workload | calls: recorded, allowed | allows more than others |
|---|---|---|---|---|---|`;

/** Returns the table of examples/catalog/README.md, of the profiles and of fairlead.yaml. */
export function catalogTable(): string {
  const images = publishedImages();
  return [head, ...catalogPrograms.map((program) => renderRow(program, images.get(program.name) ?? [])), ''].join('\n');
}

/** Returns a text with its table replaced by another one. */
export function replaceTable(text: string, table: string): string {
  return text.replace(/^\| profile \|.*\n(?:\|.*\n)*/m, () => table);
}

/** Returns the images that fairlead.yaml names for each profile. */
function publishedImages(): ReadonlyMap<string, readonly string[]> {
  const project: {
    readonly profiles: readonly { readonly file: string; readonly annotations: Readonly<Record<string, string>> }[];
  } = parse(readFileSync(catalogFile('fairlead.yaml'), 'utf8'));
  return new Map(
    project.profiles.map(({ file, annotations }) => [
      file.replace(/\.json$/, ''),
      annotations['dev.fairlead.profile.images']?.split(',') ?? [],
    ]),
  );
}

function renderRow(program: CatalogProgram, images: readonly string[]): string {
  const recording = readRecording(program.name);
  const profile = readExample(`catalog/${program.name}.json`);
  const allowed = allowedCalls(profile);
  const hasNetlink = profile.syscalls?.some(
    ({ names, args }) => names.includes('socket') && args?.some(({ value }) => value === netlink),
  );
  const more = seldomAllowed.filter((name) => allowed.has(name)).map((name) => `\`${name}\``);
  return `| ${[
    `[${program.name}](${program.name}.json)`,
    images.map((image) => `\`${image}\``).join(', '),
    `${recording.package} ${recording.version}`,
    program.workload,
    `${recording.calls.length}, ${allowed.size}`,
    [...more, ...(hasNetlink ? ['netlink sockets'] : [])].join(', ') || '–',
  ].join(' | ')} |`;
}
