import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { CommanderError } from 'commander';
import type { FairleadError } from '#lib/errors';
import { buildProgram } from '../main.ts';
import { commandSynonyms, optionSynonyms } from './synonyms.ts';
import { usageError } from './usage-error.ts';

/** Returns the error of a command line that is not accepted. */
async function errorOf(argv: readonly string[]): Promise<FairleadError> {
  const program = await buildProgram(argv);
  try {
    await program.parseAsync(argv, { from: 'user' });
  } catch (thrown) {
    assert.ok(thrown instanceof CommanderError, String(thrown));
    const error = await usageError(thrown, { argv, program, loadAll: () => buildProgram(['completion']) });
    assert.ok(error);
    return error;
  }
  throw new Error(`${argv.join(' ')} was accepted`);
}

const program = 'See fairlead --help for the commands, and fairlead COMMAND --help for their options.';
const lines: readonly [line: string, message: RegExp | string, hint: string][] = [
  ['pus', "unknown command 'pus'", `Did you mean fairlead push? ${program}`],
  ['psuh', "unknown command 'psuh'", `Did you mean fairlead push? ${program}`],
  ['verfy x', "unknown command 'verfy'", `Did you mean fairlead verify? ${program}`],
  ['health', "unknown command 'health'", `The command for this is fairlead healthcheck. ${program}`],
  ['compl', "unknown command 'compl'", `Did you mean fairlead completion? ${program}`],
  ['cp a b', "unknown command 'cp'", `The command for this is fairlead copy. ${program}`],
  ['images', "unknown command 'images'", `The command for this is fairlead ls. ${program}`],
  ['list', "unknown command 'list'", `The command for this is fairlead ls. ${program}`],
  ['get x', "unknown command 'get'", `The command for this is fairlead pull. ${program}`],
  ['GET x', "unknown command 'GET'", `The command for this is fairlead pull. ${program}`],
  ['generate-key-pair', "unknown command 'generate-key-pair'", `The command for this is fairlead keygen. ${program}`],
  ['rm x', "unknown command 'rm'", `The command for this is fairlead delete. ${program}`],
  ['attach x', "unknown command 'attach'", `The command for this is fairlead push --subject. ${program}`],
  ['why web-1', "unknown command 'why'", `The command for this is fairlead cluster why. ${program}`],
  ['coverage', "unknown command 'coverage'", `The command for this is fairlead cluster coverage. ${program}`],
  ['bindings', "unknown command 'bindings'", `The command for this is fairlead cluster bindings. ${program}`],
  ['outdated', "unknown command 'outdated'", `The command for this is fairlead cluster outdated. ${program}`],
  ['constructor', "unknown command 'constructor'", program],
  ['kubernetes', "unknown command 'kubernetes'", program],
  ['nginx.json', "unknown command 'nginx.json'", program],
  ['help psuh', "unknown command 'psuh'", `Did you mean fairlead push? ${program}`],
  ['policy chekc', "unknown command 'chekc'", 'Did you mean fairlead policy check? See fairlead policy --help.'],
  ['policy list', "unknown command 'list'", 'See fairlead policy --help.'],
  ['policy', 'policy needs a subcommand: check, test or import', 'See fairlead policy --help.'],
  [
    'policy check --ouput json p',
    "unknown option '--ouput'",
    'Did you mean --output? See fairlead policy check --help.',
  ],
  ['push --ouput json', "unknown option '--ouput'", 'Did you mean --output? See fairlead push --help.'],
  ['pull --polcy=p x', "unknown option '--polcy=p'", 'Did you mean --policy? See fairlead pull --help.'],
  ['push --anotation a=b', "unknown option '--anotation'", 'Did you mean --annotation? See fairlead push --help.'],
  ['push --nope', "unknown option '--nope'", 'See fairlead push --help.'],
  [
    'verify --provenance',
    "unknown option '--provenance'",
    '--provenance is an option of fairlead push. See fairlead verify --help.',
  ],
  [
    'lint --narrow-comparisons a',
    "unknown option '--narrow-comparisons'",
    '--narrow-comparisons is an option of fairlead convert. See fairlead lint --help.',
  ],
  [
    'copy --oci-layout l a b',
    "unknown option '--oci-layout'",
    '--oci-layout is an option of fairlead push, fairlead pull and other commands. ' +
      'fairlead copy has --from-oci-layout and --to-oci-layout. See fairlead copy --help.',
  ],
  [
    'pull --no-overwrite x',
    "unknown option '--no-overwrite'",
    '--no-overwrite is an option of fairlead push. See fairlead pull --help.',
  ],
  [
    'push --overwrite a b',
    "unknown option '--overwrite'",
    'That is the default; the opposite is --no-overwrite. See fairlead push --help.',
  ],
  ['push --unsinged a b', "unknown option '--unsinged'", 'Did you mean --unsigned? See fairlead push --help.'],
  ['login --password x r', "unknown option '--password'", 'Use --password-stdin. See fairlead login --help.'],
  ['login -p x r', "unknown option '-p'", 'Use --password-stdin. See fairlead login --help.'],
  ['ls --insecure r', "unknown option '--insecure'", 'Use --plain-http. See fairlead ls --help.'],
  ['inspect --format json x', "unknown option '--format'", 'Use --output. See fairlead inspect --help.'],
  ['-v', "unknown option '-v'", `Use --version. ${program}`],
  ['--output json ls x', "unknown option '--output'", 'Write --output after fairlead ls. See fairlead ls --help.'],
  [
    'ls x --output jsn',
    /^option '.*--output <form>' argument 'jsn' is invalid\. Allowed choices are text, json\.$/,
    'Did you mean json? See fairlead ls --help.',
  ],
  ['ls x --output j', /argument 'j' is invalid/, 'Did you mean json? See fairlead ls --help.'],
  ['ls x --output xml', /argument 'xml' is invalid/, 'See fairlead ls --help.'],
  ['ls x -oj', /argument 'j' is invalid/, 'Did you mean json? See fairlead ls --help.'],
  [
    '--oci-layout x',
    "unknown option '--oci-layout'",
    `--oci-layout is an option of commands: write it after the command, as in fairlead push --oci-layout. ${program}`,
  ],
  ['attest x --type a', "required option '--predicate <file>' not specified", 'See fairlead attest --help.'],
  [
    'attest x --type a --predicat p',
    "unknown option '--predicat'",
    'Did you mean --predicate? See fairlead attest --help.',
  ],
  [
    'completion fsh',
    "invalid shell 'fsh'. Allowed choices are bash, zsh, fish.",
    'Did you mean fish? See fairlead completion --help.',
  ],
  ['policy test', "missing required argument 'file'", 'See fairlead policy test --help.'],
];

describe('a command line that is not accepted', () => {
  for (const [line, message, hint] of lines) {
    it(`fairlead ${line}`, async () => {
      const error = await errorOf(line.split(' '));
      assert.equal(error.kind, 'InvalidInput');
      if (typeof message === 'string') assert.equal(error.message, message);
      else assert.match(error.message, message);
      assert.equal(error.hint, hint);
    });
  }

  it('is explained with commands and options that exist', async () => {
    const all = await buildProgram(['completion']);
    const commands = all.commands.flatMap((command) => [command, ...command.commands]);
    for (const [synonym, line] of Object.entries(commandSynonyms)) {
      const words = line.split(' ').filter((word) => !word.startsWith('-'));
      const named = all.commands.find((command) => command.name() === words[0]);
      const command = words.length === 1 ? named : named?.commands.find((each) => each.name() === words[1]);
      assert.ok(command, `${synonym}: ${line}`);
      const options = line.split(' ').filter((word) => word.startsWith('-'));
      for (const option of options)
        assert.ok(
          command.options.some(({ long }) => long === option),
          line,
        );
      assert.ok(!all.commands.some((each) => each.name() === synonym), `fairlead ${synonym} exists`);
    }
    const flags = new Set([all, ...commands].flatMap(({ options }) => options.map(({ long }) => long)));
    for (const [synonym, meant] of Object.entries(optionSynonyms)) {
      for (const each of meant) assert.ok(flags.has(each.split(' ')[0]), `${synonym}: ${each}`);
    }
  });
});
