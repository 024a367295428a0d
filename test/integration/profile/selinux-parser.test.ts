import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { it } from 'node:test';
import fc from 'fast-check';
import { FairleadError } from '#lib/errors';
import { type CilNode, cilTree } from '#lib/profile/selinux/cil-tree';
import { parsePolicy } from '#lib/profile/selinux/parse-policy';
import { peer } from '#test/peers/peer';
import { describePeers } from '#test/peers/require';

/** A list is an array, a symbol or a string its text. */
type Tree = string | readonly Tree[];

/**
 * Returns what the compiler's own parser makes of texts, each in a file of its own.
 *
 * @throws Error with what it says, if it does not parse one.
 */
function compilerTrees(texts: readonly string[]): Tree[] {
  const directory = mkdtempSync(path.join(tmpdir(), 'fairlead-cil-'));
  try {
    const files = texts.map((text, index) => {
      const file = path.join(directory, `${index}.cil`);
      // It reads no empty files.
      writeFileSync(file, `${text} `);
      return file;
    });
    const options = ['--ast-phase=parse', '--output', path.join(directory, 'tree')];
    const { status, stderr, error } = spawnSync(peer('secil2tree'), [...options, ...files], { encoding: 'utf8' });
    // It ends with 0 in any case.
    if (status !== 0 || stderr !== '') throw new Error(`secil2tree: ${error?.message ?? stderr}`);
    return readTrees(readFileSync(path.join(directory, 'tree'), 'utf8')).map((tree) => {
      assert.ok(Array.isArray(tree) && tree[0] === '<src_info>', JSON.stringify(tree).slice(0, 200));
      return tree.slice(4);
    });
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

/**
 * Returns the tree as secil2tree writes it: a parenthesis, "()" or an atom on each line; strings
 * with blanks are in quotes.
 */
function readTrees(text: string): Tree[] {
  const top: Tree[] = [];
  const open: Tree[][] = [top];
  for (const line of text.split('\n')) {
    const word = line.trimStart();
    if (word === '') continue;
    if (word === ')') open.pop();
    else {
      const list: Tree[] = [];
      open.at(-1)?.push(word === '(' || word === '()' ? list : word.replace(/^"(.*)"$/, '$1'));
      if (word === '(') open.push(list);
    }
  }
  assert.equal(open.length, 1);
  return top;
}

function ours(node: CilNode): Tree {
  if (node.type === 'list') return node.items.map(ours);
  return node.text;
}

/** Strings that look like something else once they are written without quotes. */
function isClear(node: CilNode): boolean {
  return node.type === 'list' ? node.items.every(isClear) : !['', '(', ')', '()'].includes(node.text);
}

const limits = { length: 500_000, depth: 8, nodes: 200_000 };

/** Returns the text, and what we make of it, if we accept it and it can be compared. */
function accepted(text: string): readonly { readonly text: string; readonly tree: Tree }[] {
  try {
    const lists = cilTree(text, 'policy', limits);
    return lists.every(isClear) ? [{ text, tree: lists.map(ours) }] : [];
  } catch (error) {
    assert.ok(error instanceof FairleadError, String(error));
    return [];
  }
}

const printable = Array.from({ length: 95 }, (_, index) => String.fromCharCode(index + 0x20));
const symbolCharacters = printable.filter((character) => !' ();"\\'.includes(character));
/** What a lexer could take for something else than we do. */
const nasty = ['(', ')', ';', ';;', ';;*', '"', '\\', '\\"', "'", '\r', '\n', '\r\n', '\t', '\v', '\f', '\0', '\u001a'];
const wide = ['\ufeff', '\u0085', '\u00a0', '\u2028', '\u200b', '\u202e', 'é', '（', '🙂', '\ud800', '\u001b[2K'];
const words = [
  'allow',
  'block',
  'in',
  'all',
  'process',
  'lms',
  '@self',
  '<src_info>',
  '-',
  '0',
  '"a b"',
  '";("',
  '"\'"',
];

const anyText = fc
  .array(fc.constantFrom(...nasty, ...wide, ...words, '(', ')', ' ', 'a'), { maxLength: 24 })
  .map((list) => list.join(''));
const atom = fc.oneof(
  { weight: 4, arbitrary: fc.string({ unit: fc.constantFrom(...symbolCharacters), minLength: 1, maxLength: 6 }) },
  { weight: 2, arbitrary: fc.constantFrom(...words) },
  {
    weight: 1,
    arbitrary: fc
      .string({ unit: fc.constantFrom(...printable, ...nasty, 'é'), maxLength: 6 })
      .map((text) => `"${text}"`),
  },
);
const comment = fc
  .string({ unit: fc.constantFrom(...printable, ...nasty, 'é', '🙂', '\u2028'), maxLength: 8 })
  .map((text) => `;${text}\n`);
const blank = fc.oneof(fc.constantFrom(' ', '\n', '\t', '\r\n', '', '\r'), comment);
const { list } = fc.letrec<{ list: string }>((tie) => ({
  list: fc
    .array(fc.tuple(fc.oneof({ weight: 3, arbitrary: atom }, { weight: 1, arbitrary: tie('list') }), blank), {
      maxLength: 5,
    })
    .map((items) => `(${items.map((item) => item.join('')).join('')})`),
}));
const wellFormed = fc.array(fc.tuple(list, blank), { maxLength: 4 }).map((items) => items.flat().join(''));

describePeers(['secil2tree'], 'raw policies and the parser of the SELinux compiler', () => {
  it('are read to the same lists, symbols and strings', () => {
    const texts = [
      ...fc.sample(anyText, { numRuns: 20_000, seed: 23 }),
      ...fc.sample(wellFormed, { numRuns: 4_000, seed: 29 }),
      ...symbolCharacters.map((character) => `(a${character} ${character}b ${character})`),
    ];
    const taken = texts.flatMap(accepted);
    assert.ok(taken.length > 1_500, `${taken.length} accepted`);
    for (let at = 0; at < taken.length; at += 500) {
      const part = taken.slice(at, at + 500);
      const trees = compilerTrees(part.map(({ text }) => text));
      assert.equal(trees.length, part.length);
      for (const [index, { text, tree }] of part.entries()) assert.deepEqual(trees[index], tree, JSON.stringify(text));
    }
  });

  it('have the statements that the compiler sees, wherever we accept one', () => {
    const statement = fc.oneof(
      fc.constantFrom(
        '(blockinherit container)',
        '(allow process var_log_t (file (read write)))',
        '(dontaudit process self (process (fork)))',
        '(type own_a)',
        '(typeattributeset file_type (own_a))',
        '(roletype object_r own_a)',
        '(in container (allow process shadow_t (file (read))))',
      ),
      comment,
      blank,
      fc.constantFrom('(', ')', '"', ';', ';)', '; (\n', 'x'),
    );
    const policy = fc
      .array(statement, { maxLength: 12 })
      .map((parts) => ['(blockinherit net_container)\n', '(type own_a)\n', ...parts].join(''));
    const taken = fc.sample(policy, { numRuns: 6_000, seed: 31 }).flatMap((text) => {
      try {
        return [{ text, keywords: parsePolicy(text, 'policy').map((each) => each.statement) }];
      } catch (error) {
        assert.ok(error instanceof FairleadError, String(error));
        return [];
      }
    });
    assert.ok(taken.length > 300, `${taken.length} accepted`);
    const trees = compilerTrees(taken.map(({ text }) => text));
    for (const [index, { text, keywords }] of taken.entries()) {
      const tree = trees[index] ?? [];
      assert.ok(Array.isArray(tree));
      assert.deepEqual(
        tree.map((each) => each[0]),
        keywords,
        JSON.stringify(text),
      );
    }
  });
});
