import fc from 'fast-check';

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

/** A name that the glob is likely to match: its own text with wildcards filled in. */
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
