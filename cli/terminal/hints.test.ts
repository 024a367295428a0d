import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { buildProgram } from '../main.ts';
import { flagOfOption, forLayout, withFlags } from './hints.ts';

const root = new URL('../../', import.meta.url);

/** A line of code, without comments. */
interface Line {
  readonly at: string;
  readonly text: string;
}

/**
 * Every source file below the CLI, without tests, generated code, and documents that are not read
 * in a terminal.
 */
const files = globSync('{lib,services,cri-shim,operator}/**/*.ts', { cwd: root })
  .filter((file) => !/\.test\.ts$|\/gen\/|^services\/pull\/(?:pages\/|api\/schemas)/.test(file))
  .map((file) => ({ file, source: readFileSync(new URL(file, root), 'utf8') }));

const lines: readonly Line[] = files.flatMap(({ file, source }) =>
  source
    .replace(/^ *\/\*\*?(?:[^*]|\*(?!\/))*\*\//gm, (comment) => comment.replace(/[^\n]/g, ''))
    .split('\n')
    .map((text, index) => ({ at: `${file}:${index + 1}`, text: text.replace(/(?:^|\s)\/\/ .*$/, '') })),
);

/** A command line in a message: the program, and everything up to the end of the phrase. */
const commandLine = /\b(?:fairlead|cosign|kubectl|systemctl|buildkite-agent)\b[^;,)]*?(?:\\`|\.\s|'\)|$|(?=[;,)]))/g;

describe('messages below the CLI', () => {
  it('are read from their sources', () => {
    assert.ok(files.length > 200, `${files.length} files`);
    assert.ok(lines.some(({ text }) => text.includes('set `plainHttp`')));
    assert.ok(!lines.some(({ text }) => text.includes('@throws') || text.includes('Throws InvalidInput')));
  });

  it('name no flag, except in the command line of a program', () => {
    // A flag that is a whole string is an argument for a program that is run.
    const argument = /'--[a-z-]+(?:=[0-9]+)?'/g;
    const flagged = lines.filter(({ text }) =>
      /(?<![-\w])--[a-z]/.test(text.replace(commandLine, '').replace(argument, '')),
    );
    assert.deepEqual(flagged, []);
  });

  it('quote command lines of fairlead that exist, with flags that these commands have', async () => {
    const quoted = lines.flatMap(({ at, text }) =>
      [...text.matchAll(/\bfairlead ([a-z]+)\b(?: ([a-z]+)\b)?/g)].map(([, command = '', next], index, all) => {
        const from = all[index]?.index ?? 0;
        const [line = ''] = text.slice(from).match(commandLine) ?? [];
        return { at, command, next, flags: [...line.matchAll(/--[a-z][a-z-]*/g)].map(([flag]) => flag) };
      }),
    );
    assert.ok(quoted.length >= 15, `${quoted.length} commands`);
    assert.ok(quoted.some(({ flags }) => flags.includes('--narrow-comparisons')));
    for (const { at, command, next, flags } of quoted) {
      const program = await buildProgram([command]);
      const found = program.commands.find((each) => each.name() === command);
      assert.ok(found, `${at}: fairlead ${command}`);
      const named = found.commands.find((each) => each.name() === next) ?? found;
      const known = named.options.map(({ long }) => long);
      for (const flag of flags) assert.ok(known.includes(flag), `${at}: fairlead ${command} ${flag}`);
    }
  });

  it('name in backticks only options that have a flag', () => {
    const named = lines.flatMap(({ at, text }) =>
      [...text.matchAll(/(?<=["' (])\\?`([a-z][A-Za-z]*(?:: \\?'[a-z]+\\?')?)\\?`(?=[\w ,.;:)'"])/g)].map(
        ([, option = '']) => ({ at, option: option.replaceAll('\\', '') }),
      ),
    );
    assert.ok(named.length >= 20, `${named.length} options`);
    assert.deepEqual(
      named.filter(({ option }) => !Object.hasOwn(flagOfOption, option)),
      [],
    );
  });
});

describe('the flags of options', async () => {
  const program = await buildProgram(['--help']);
  const flags = new Set<string | undefined>();
  for (const { name } of program.commands.map((command) => ({ name: command.name() }))) {
    const all = (await buildProgram([name])).commands.find((command) => command.name() === name);
    for (const command of [all, ...(all?.commands ?? [])]) {
      for (const { long } of command?.options ?? []) flags.add(long ?? undefined);
    }
  }
  const sources = files.map(({ source }) => source).join('\n');

  for (const [option, flag] of Object.entries(flagOfOption)) {
    it(`${flag} is a flag, and ${option} an option of a function`, () => {
      assert.ok(flags.has(flag.split(' ')[0]), flag);
      const [name] = option.split(':');
      assert.match(sources, new RegExp(`\\b${name}\\??: |[({] ?${name}[,:]`));
      assert.ok(
        lines.some(({ text }) => text.replaceAll('\\', '').includes(`\`${option}\``)),
        'no message names it',
      );
    });
  }
});

describe('forLayout', () => {
  it('names the directory in commands, and no program that cannot use it', () => {
    assert.equal(
      forLayout(
        'Sign it with `fairlead sign localhost/a@sha256:1 --key …`, or with `cosign sign --key … localhost/a`.',
        'l',
      ),
      'Sign it with `fairlead sign localhost/a@sha256:1 --key … --oci-layout l`.',
    );
    assert.equal(
      forLayout('See `fairlead ls localhost/a`.', "it's"),
      "See `fairlead ls localhost/a --oci-layout 'it'\\''s'`.",
    );
  });

  it('leaves other commands, and quoted text of others', () => {
    const text = 'Run `fairlead keygen`, or "`fairlead sign x`".';
    assert.equal(forLayout(text, 'l'), text);
  });
});

describe('withFlags', () => {
  it('writes the flags of the options that a text names', () => {
    assert.equal(
      withFlags("Set `plainHttp`, or sign with `format: 'legacy'`."),
      'Set --plain-http, or sign with --signature-format legacy.',
    );
  });

  it('leaves quoted text of others, and words in backticks within a path', () => {
    const text = 'Rename "`policy`" or "a \\"`kind`", or n/`policy`:1:18.';
    assert.equal(withFlags(text), text);
  });

  it('leaves other words in backticks', () => {
    const text = 'Run `fairlead keygen`. `constructor` and `toString` are not options, nor is `.';
    assert.equal(withFlags(text), text);
  });
});
