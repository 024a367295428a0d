import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, before, it } from 'node:test';
import type { CommandDefinition } from '#cli/definitions/describe-command';
import { withSubcommands } from '#cli/definitions/with-subcommands';
import { peer } from '#test/peers/peer';
import { describePeers } from '#test/peers/require';
import { describeProgram } from '../../../tools/describe-program.ts';
import { manPages } from '../../../tools/release/man-pages.ts';

const context = { version: '1.2.3', epoch: 1_700_000_000 };

describePeers(['groff', 'mandoc'], 'the man pages', () => {
  let directory: string;
  let program: CommandDefinition;
  let pages: Readonly<Record<string, string>>;
  before(async () => {
    directory = mkdtempSync(join(tmpdir(), 'fairlead-man-'));
    program = await describeProgram();
    pages = manPages(program, context);
    for (const [name, text] of Object.entries(pages)) writeFileSync(join(directory, name), text);
  });
  after(() => rmSync(directory, { recursive: true }));

  it('are one for each command', () => {
    const names = withSubcommands(program).map(({ name }) => `${name.replaceAll(' ', '-')}.1`);
    assert.deepEqual(Object.keys(pages), names);
    assert.ok(names.includes('fairlead-policy-check.1'));
  });

  it('have no faults for groff and mandoc', () => {
    const files = Object.keys(pages);
    const groff = spawnSync(peer('groff'), ['-man', '-ww', '-Tutf8', '-z', ...files], { cwd: directory });
    assert.deepEqual([groff.status, groff.stderr.toString()], [0, '']);
    const mandoc = spawnSync(peer('mandoc'), ['-T', 'lint', '-W', 'warning', ...files], { cwd: directory });
    assert.deepEqual([mandoc.status, mandoc.stdout.toString(), mandoc.stderr.toString()], [0, '', '']);
  });

  it('show the texts of the help, unchanged', () => {
    for (const command of program.subcommands.flatMap(withSubcommands)) {
      const shown = words(show(join(directory, `${command.name.replaceAll(' ', '-')}.1`)));
      const terms = [
        ...command.arguments,
        ...command.options,
        ...command.notes.map(({ text }) => ({ description: text })),
      ];
      for (const { description } of [{ description: command.description }, ...terms]) {
        // A comment of an example becomes a sentence.
        for (const line of description.split('\n').filter((each) => !each.startsWith('# '))) {
          assert.ok(shown.includes(words(line.replaceAll('`', ''))), `${command.name}: ${line}`);
        }
      }
      for (const { flags } of command.options) for (const flag of flags) assert.ok(shown.includes(flag), flag);
    }
  });

  it('show each character of a text', () => {
    const hostile = `.TH at the start\n'br too, a\\fBbackslash\\n, "quotes", -- ~^\`x\`… é`;
    const command: CommandDefinition = {
      ...program,
      name: 'fairlead odd',
      summary: 'odd',
      description: hostile.replaceAll('`', ''),
      subcommands: [],
      options: [],
      notes: [{ title: 'Forms', text: hostile }],
    };
    const file = join(directory, 'odd.1');
    writeFileSync(file, manPages(command, context)['fairlead-odd.1'] ?? '');
    const shown = show(file);
    for (const line of hostile.split('\n')) assert.ok(shown.includes(line), `${line}\n${shown}`);
    assert.ok(words(shown).includes(words(hostile.replaceAll('`', ''))), shown);
  });
});

/** Makes the macros of groff 1.22 replace the characters that 1.23 replaces. */
const replacements = ['- \\[hy]', "' \\[cq]", '` \\[oq]', '~ \\[u02DC]', '^ \\[u02C6]'];

/** Returns a page as groff shows it on a wide terminal. */
function show(file: string): string {
  writeFileSync(join(dirname(file), 'man.local'), replacements.map((each) => `.char ${each}\n`).join(''));
  const plain = ['-P-c', '-P-b', '-P-o', '-P-u'];
  const args = ['-M', dirname(file), '-man', '-Tutf8', '-rLL=500n', '-rHY=0', ...plain, file];
  return execFileSync(peer('groff'), args, { encoding: 'utf8' });
}

/** Returns a text with one space for each gap. */
function words(text: string): string {
  return text.replaceAll(/\s+/g, ' ').trim();
}
