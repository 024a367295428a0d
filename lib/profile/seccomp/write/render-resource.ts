import { FairleadError } from '#lib/errors';
import { defaultErrno, outcomeOf, returnsErrno, sameOutcome } from '../algebra/outcome.ts';
import type { SeccompArg, SeccompProfile, SeccompRule } from '../model.ts';
import { spoVersions } from '../read/parse-spo.ts';

const maxInt32 = 0x7fff_ffff;
const maxInt64 = 0x7fff_ffff_ffff_ffffn;
const maxArgs = 6;
const listenerPath = /^\/var\/run\/security-profiles-operator\/[a-zA-Z0-9_.-]+$/;

/** SCMP_ARCH_* of the CRD. */
const architectures: ReadonlySet<string> = new Set(
  [
    ...['X86', 'X86_64', 'X32', 'ARM', 'AARCH64', 'MIPS', 'MIPS64', 'MIPS64N32', 'MIPSEL', 'MIPSEL64', 'MIPSEL64N32'],
    ...['PPC', 'PPC64', 'PPC64LE', 'S390', 'S390X', 'PARISC', 'PARISC64', 'RISCV64'],
  ].map((name) => `SCMP_ARCH_${name}`),
);

/**
 * Writes a profile as SPO's SeccompProfile v1, in YAML. The same profile always gives the same
 * text.
 *
 * @param name of the resource.
 * @throws FairleadError InvalidInput listing what the resource cannot express: a default errno
 * other than EPERM, an errno of 0, values above 2^63 - 1, newer architectures, listeners elsewhere
 * than the operator keeps them.
 */
export function renderSeccompResource(profile: SeccompProfile, name: string): string {
  const problems = [...unsayable(profile)];
  if (problems.length > 0) {
    throw new FairleadError('InvalidInput', `a SeccompProfile cannot express: ${problems.slice(0, 10).join('; ')}`, {
      hint: 'Keep the form of runtimes, which every cluster accepts as a Localhost profile.',
    });
  }
  const lines = [
    `apiVersion: ${spoVersions[0]}`,
    'kind: SeccompProfile',
    'metadata:',
    `  name: ${JSON.stringify(name)}`,
    'spec:',
    `  defaultAction: ${profile.defaultAction}`,
    ...list('architectures', profile.architectures),
    // An empty list is not an absent one; see flagsInEffect.
    ...(profile.flags?.length === 0 ? ['  flags: []'] : list('flags', profile.flags)),
    ...(profile.listenerPath === undefined ? [] : [`  listenerPath: ${JSON.stringify(profile.listenerPath)}`]),
    ...(profile.listenerMetadata === undefined
      ? []
      : [`  listenerMetadata: ${JSON.stringify(profile.listenerMetadata)}`]),
    ...(profile.syscalls === undefined || profile.syscalls.length === 0 ? [] : ['  syscalls:']),
    ...(profile.syscalls ?? []).flatMap(renderRule),
  ];
  return `${lines.join('\n')}\n`;
}

function* unsayable(profile: SeccompProfile): Generator<string> {
  const { defaultAction, defaultErrnoRet } = profile;
  if (!sameOutcome(outcomeOf(defaultAction, defaultErrnoRet), outcomeOf(defaultAction, undefined))) {
    yield `/defaultErrnoRet: ${defaultErrnoRet}, where it always is EPERM`;
  }
  for (const [index, name] of (profile.architectures ?? []).entries()) {
    if (!architectures.has(name)) yield `/architectures/${index}: ${name}`;
  }
  if (profile.listenerPath !== undefined && !listenerPath.test(profile.listenerPath)) {
    yield '/listenerPath: a socket outside of /var/run/security-profiles-operator';
  }
  for (const [index, { action, args = [], errnoRet = defaultErrno }] of (profile.syscalls ?? []).entries()) {
    if (errnoRet === 0 && returnsErrno(action)) yield `/syscalls/${index}/errnoRet: 0, which stands for EPERM there`;
    if (errnoRet > maxInt32) yield `/syscalls/${index}/errnoRet: above ${maxInt32}`;
    if (args.length > maxArgs) yield `/syscalls/${index}/args: more than ${maxArgs}`;
    for (const [at, { value, valueTwo = 0n }] of args.entries()) {
      if (value > maxInt64 || valueTwo > maxInt64) yield `/syscalls/${index}/args/${at}: a value above 2^63 - 1`;
    }
  }
}

function list(field: string, words: readonly string[] = []): readonly string[] {
  return words.length === 0 ? [] : [`  ${field}:`, ...[...new Set(words)].map((word) => `    - ${word}`)];
}

/**
 * Returns a rule as lines of YAML. Names are written as JSON, which is YAML too: some syscalls have
 * names with another meaning in YAML.
 */
function renderRule({ names, action, errnoRet, args = [] }: SeccompRule): readonly string[] {
  return [
    `    - action: ${action}`,
    ...(errnoRet === undefined ? [] : [`      errnoRet: ${errnoRet}`]),
    '      names:',
    ...[...new Set(names)].map((name) => `        - ${JSON.stringify(name)}`),
    ...(args.length === 0 ? [] : ['      args:', ...args.map((arg) => `        - ${renderArg(arg)}`)]),
  ];
}

function renderArg({ index, value, valueTwo, op }: SeccompArg): string {
  return `{index: ${index}, value: ${value},${valueTwo === undefined ? '' : ` valueTwo: ${valueTwo},`} op: ${op}}`;
}
