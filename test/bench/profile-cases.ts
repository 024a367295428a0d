import type { SeccompArg, SeccompProfile } from '#lib/profile/seccomp/model';
import { syscallNames } from '#lib/profile/seccomp/tables/syscall-names';

const native = 'SCMP_ARCH_X86_64';
const architectures = [native, 'SCMP_ARCH_X86', 'SCMP_ARCH_X32'];
const mebibyte = 1024 * 1024;

const names = [...syscallNames()];

export const host = { architecture: 'amd64', kernel: '6.1', capabilities: ['CAP_CHOWN'] } as const;

/**
 * Profiles of a mebibyte as compact JSON, or as much of it as may be published; each is large in
 * another respect.
 */
export const largeProfiles: Readonly<Record<string, () => string>> = {
  '128 entries a syscall': () => fill((index) => entry(nameOf(index, 128), conditions(index))),
  '14 entries a syscall': () => fill((index) => entry(nameOf(index, 14), conditions(index))),
  '500 names an entry': () => fill((index) => (index < 120 ? entry(names.slice(0, 500)) : undefined)),
  '40 conditions an entry': () =>
    fill((index) => {
      const args = Array.from({ length: 40 }, (_, at) => arg(at % 3, index * 10_000_019 + at * 1_000_003));
      return index < 16_384 / 40 - 1 ? entry(nameOf(index, 1), args) : undefined;
    }),
};

/**
 * Of the same size, what only importProfile reads: in the form of Docker, without conditions and
 * with some.
 */
export const dockerProfiles: Readonly<Record<string, () => string>> = {
  'a comment an entry': () =>
    fill((index) => entry(nameOf(index, 14), conditions(index), { comment: 'why. '.repeat(30) })),
  'the form of Docker': () =>
    fill((index) =>
      entry(nameOf(index, 14), conditions(index), {
        comment: '',
        includes: { caps: ['CAP_CHOWN'], minKernel: '4.8' },
        excludes: { arches: ['s390'] },
      }),
    ),
};

/** Of the same size, what is refused when all of it was read. */
export const unknownFields = (): string =>
  fill((index) => entry(nameOf(index, 14), conditions(index), { note: { by: 'me', lines: [index, 1, 2] } }));

/** As many entries as a mebibyte holds, or as there are. */
function fill(entryAt: (index: number) => object | undefined): string {
  const parts: string[] = [];
  const head = `{"defaultAction":"SCMP_ACT_ERRNO","architectures":${JSON.stringify(architectures)},"syscalls":[`;
  let length = head.length + 2;
  for (let next = entryAt(0); next !== undefined; next = entryAt(parts.length)) {
    const part = JSON.stringify(next);
    length += part.length + 1;
    if (length > mebibyte) break;
    parts.push(part);
  }
  return `${head}${parts.join(',')}]}`;
}

function entry(named: readonly string[], args?: readonly object[], others: object = {}): object {
  return { names: named, action: 'SCMP_ACT_ALLOW', args, ...others };
}

function conditions(index: number): readonly object[] {
  return [arg(index % 3, index), arg(3, index * 3)];
}

function arg(index: number, value: number): object {
  return { index, value, op: 'SCMP_CMP_EQ' };
}

/** The syscall of an entry, where several in a row name the same. */
function nameOf(index: number, inARow: number): readonly string[] {
  return [names[Math.floor(index / inARow) % names.length] ?? ''];
}

/** 128 entries for one syscall, with other arguments for another step. */
export function entryCap(step: number): SeccompProfile {
  return {
    defaultAction: 'SCMP_ACT_ERRNO',
    architectures,
    syscalls: Array.from({ length: 128 }, (_, index) => ({
      names: ['ioctl'],
      action: 'SCMP_ACT_ALLOW' as const,
      args: [{ index: 1, value: BigInt(index * step), op: 'SCMP_CMP_EQ' as const }],
    })),
  };
}

/** Returns an allow-list of `count` syscalls, each with an entry of its own. */
export function allowList(count: number): SeccompProfile {
  const names = [...syscallNames()].slice(0, count);
  if (names.length < count) throw new Error(`there are ${names.length} syscalls only`);
  return {
    defaultAction: 'SCMP_ACT_ERRNO',
    architectures,
    syscalls: names.map((name) => ({ names: [name], action: 'SCMP_ACT_ALLOW' })),
  };
}

/**
 * Returns an allow-list of `count` syscalls, evenly spread among which some have two alternatives
 * on one argument, as two entries of one condition each: two values, or two values under one mask,
 * and no two syscalls the same.
 */
export function alternatives(count: number, conditional: number): SeccompProfile {
  const { syscalls = [], ...profile } = allowList(count);
  const isConditional = (index: number) =>
    Math.floor(((index + 1) * conditional) / count) > Math.floor((index * conditional) / count);
  return {
    ...profile,
    syscalls: syscalls.flatMap((rule, index) =>
      isConditional(index) ? alternativesAt(index).map((arg) => ({ ...rule, args: [arg] })) : [rule],
    ),
  };
}

function alternativesAt(at: number): readonly SeccompArg[] {
  const index = at % 3;
  const values = [BigInt(at * 16 + 1), BigInt(at * 16 + 6)];
  if (at % 2 === 0) return values.map((value) => ({ index, value, op: 'SCMP_CMP_EQ' }));
  return values.map((valueTwo) => ({ index, value: 0xfff7n, valueTwo, op: 'SCMP_CMP_MASKED_EQ' }));
}
