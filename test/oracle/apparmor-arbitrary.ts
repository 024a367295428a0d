import fc from 'fast-check';
import type { Operation, PlainProfile } from './apparmor-evaluate.ts';

const plain = fc.constantFrom('a', 'b', 'c', '.', '-', '/a', '/b', '/');
const members = fc.constantFrom('ab', 'a-c', '^a', '^ab', 'a/', '^/', '-a', '.b', '^.', 'a^', '^-b');
const escaped = fc.constantFrom('\\*', '\\?', '\\{', '\\}', '\\[', '\\]', '\\,', '\\^', '#', ' ', '$', '(', ',');

const pieces = fc.letrec<{ piece: string; pieces: string }>((tie) => ({
  piece: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    { weight: 8, arbitrary: plain },
    { weight: 3, arbitrary: fc.constantFrom('*', '**', '?') },
    { weight: 1, arbitrary: members.map((text) => `[${text}]`) },
    { weight: 1, arbitrary: escaped },
    {
      weight: 2,
      arbitrary: fc.array(tie('pieces'), { minLength: 2, maxLength: 3 }).map((branches) => `{${branches.join(',')}}`),
    },
  ),
  pieces: fc.array(tie('piece'), { maxLength: 4 }).map((list) => list.join('')),
}));

/** Globs that parseGlob accepts, most of them about the same few names. */
export const globText: fc.Arbitrary<string> = fc
  .array(pieces.piece, { minLength: 1, maxLength: 6 })
  .map((list) => `/${list.join('')}`.replace(/\/{2,}/g, '/').replace(/\/\.{1,2}(?=\/|$)/g, '/a'))
  .filter((text) => (text.match(/\{/g) ?? []).length < 5);

/** Names as the kernel asks for them: absolute, no "//", "." or "..". */
export const pathName: fc.Arbitrary<string> = fc
  .array(
    fc.constantFrom(
      'a',
      'b',
      'c',
      '.',
      '-',
      '/',
      '/a',
      '/b',
      '*',
      '?',
      '{',
      '}',
      '[',
      ']',
      ',',
      '\\',
      '^',
      '#',
      ' ',
      '$',
      '(',
      'é',
    ),
    { maxLength: 7 },
  )
  .map((list) => canonical(`/${list.join('')}`));

function canonical(text: string): string {
  return text.replace(/\/{2,}/g, '/').replace(/\/\.{1,2}(?=\/|$)/g, '/a');
}

/** Returns a name that the glob is likely to match: its own text with wildcards filled in. */
export function nameLike(glob: string, fill: fc.Arbitrary<string>): fc.Arbitrary<string> {
  return fc.infiniteStream(fill).map((stream) => {
    const next = (): string => stream.next().value ?? 'a';
    let text = glob.replace(/\\(.)/g, '$1');
    for (let round = 0; round < 4; round++) {
      text = text.replace(/\{([^{}]*)\}/g, (_, inside: string) => {
        const branches = inside.split(',');
        return branches[next().charCodeAt(0) % branches.length] ?? '';
      });
    }
    text = text.replace(/\[[^\]]*\]/g, next).replace(/\*\*|\*|\?/g, next);
    return canonical(text);
  });
}

/** Globs as people write them: a directory or two, a wildcard or two, at most one group. */
const modestGlob = fc
  .array(
    fc.oneof(
      { weight: 6, arbitrary: fc.constantFrom('a', 'b', '/a', '/b', '/', '.c', '-') },
      { weight: 2, arbitrary: fc.constantFrom('*', '**', '?', '[ab]', '[^a]', '{a,b}', '{,/a}', '{*,/b}') },
    ),
    { minLength: 1, maxLength: 5 },
  )
  .map((list) => canonical(`/${list.join('')}`))
  .filter((text) => (text.match(/\*\*?|\?|\[|\{/g) ?? []).length < 3);
const paths = fc.uniqueArray(modestGlob, { maxLength: 4 });
const capabilityName = fc.constantFrom('chown', 'kill', 'setuid', 'net_admin', 'bpf', 'mac_override', 'perfmon');
const plainObject = { noNullPrototype: true };
const sections = {
  executable: fc.record({ allowedExecutables: paths, allowedLibraries: paths }, plainObject),
  filesystem: fc.record({ readOnlyPaths: paths, writeOnlyPaths: paths, readWritePaths: paths }, plainObject),
  network: fc.record({ allowRaw: fc.boolean(), allowTcp: fc.boolean(), allowUdp: fc.boolean() }, plainObject),
  capability: fc.record({ allowedCapabilities: fc.uniqueArray(capabilityName) }, plainObject),
};

/** Structured profiles that enforce; each section may be missing. */
export const enforcedProfile = fc
  .record(sections, { requiredKeys: [] })
  .map((profile) => ({ mode: 'Enforce' as const, ...profile }));

/** Structured profiles of both modes. */
export const anyProfile = fc
  .tuple(enforcedProfile, fc.boolean())
  .map(([profile, complain]) => (complain ? { ...profile, mode: 'Complain' as const } : profile));

const fileKind = fc.constantFrom('execute' as const, 'map' as const, 'read' as const, 'write' as const);

/**
 * Operations that tell the given profiles apart: on names like those of their paths, and on others.
 */
export function operationOn(profiles: readonly PlainProfile[]): fc.Arbitrary<Operation> {
  const globs = profiles.flatMap(({ executable, filesystem }) =>
    [...Object.values(executable ?? {}), ...Object.values(filesystem ?? {})].flat(),
  );
  const fill = fc.constantFrom('a', 'b', '', '/', 'c', 'ab', 'a/b');
  const path = fc.oneof(pathName, ...globs.map((glob) => nameLike(glob, fill)));
  return fc.oneof(
    { weight: 8, arbitrary: fc.record({ kind: fileKind, path }) },
    {
      weight: 1,
      arbitrary: fc.record({
        kind: fc.constant('network' as const),
        type: fc.constantFrom('allowRaw' as const, 'allowTcp' as const, 'allowUdp' as const),
      }),
    },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('capability' as const), name: capabilityName }) },
  );
}
