import { readFileSync } from 'node:fs';
import { parse } from 'yaml';
import { allowedCalls, catalogFile, readExample } from './profiles.ts';
import type { CatalogProgram } from './program.ts';
import { catalogPrograms } from './programs.ts';
import { readRecording } from './recording.ts';

/** What RuntimeDefault allows and most of the profiles deny; rows list what theirs allows of it. */
export const seldomAllowed = [
  ...['ptrace', 'process_vm_readv', 'process_vm_writev', 'pidfd_open', 'execveat', 'memfd_create', 'chroot', 'mknod'],
  ...[
    'seccomp',
    'personality',
    'inotify_init1',
    'signalfd4',
    'timerfd_create',
    'io_setup',
    'sched_setaffinity',
    'splice',
    'mlock',
  ],
  ...['shmget', 'semget', 'msgget', 'mq_open'],
] as const;

const netlink = 16n;

const head = `| profile | images | recorded from | workload | calls: recorded, allowed | allows more than others |
|---|---|---|---|---|---|`;

/** Returns the table of examples/catalog/README.md, of the profiles and of fairlead.yaml. */
export function catalogTable(): string {
  const published = new Map(publishedProfiles().map(({ file, annotations }) => [file, annotations]));
  const rows = catalogPrograms.map((program) => renderRow(program, published.get(`${program.name}.json`) ?? {}));
  return [head, ...rows, ''].join('\n');
}

/** Returns a text with its table replaced by another one. */
export function replaceTable(text: string, table: string): string {
  return text.replace(/^\| profile \|.*\n(?:\|.*\n)*/m, () => table);
}

/** A profile in fairlead.yaml. */
interface PublishedProfile {
  readonly file: string;
  readonly annotations: Readonly<Record<string, string>>;
}

/** Returns the profiles of fairlead.yaml. */
export function publishedProfiles(): readonly PublishedProfile[] {
  return parse(readFileSync(catalogFile('fairlead.yaml'), 'utf8')).profiles;
}

function renderRow(program: CatalogProgram, annotations: PublishedProfile['annotations']): string {
  const images = annotations['dev.fairlead.profile.images']?.split(',') ?? [];
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
