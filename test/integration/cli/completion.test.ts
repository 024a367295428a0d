import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, it } from 'node:test';
import { bashCompletion } from '#cli/definitions/bash-completion';
import type { CommandDefinition } from '#cli/definitions/describe-command';
import { fishCompletion } from '#cli/definitions/fish-completion';
import { withSubcommands } from '#cli/definitions/with-subcommands';
import { zshCompletion } from '#cli/definitions/zsh-completion';
import { peer } from '#test/peers/peer';
import { describePeers } from '#test/peers/require';
import { describeProgram } from '../../../tools/describe-program.ts';

/** What is typed, with a tab where the shell completes, and the arguments that the program gets. */
const cases: readonly (readonly [typed: string, ...args: string[]])[] = [
  ['pus\t', 'push'],
  ['policy che\t', 'policy', 'check'],
  ['push prof\t', 'push', 'profile.json'],
  ['push x --passp\t', 'push', 'x', '--passphrase-file'],
  ['push x --key wi\t', 'push', 'x', '--key', 'with space.json'],
  ['policy check --output j\t', 'policy', 'check', '--output', 'json'],
  ['policy check --output=j\t', 'policy', 'check', '--output=json'],
  ['serve --embedded a\t', 'serve', '--embedded', 'a dir/'],
  ['lint profile.json oth\t', 'lint', 'profile.json', 'other.txt'],
  // A reference is not a file, and has a colon.
  ['pull prof\t', 'pull', 'prof'],
  ['pull ghcr.io/a:1 --output j\t', 'pull', 'ghcr.io/a:1', '--output', 'json'],
  ['save ghcr.io/a:1 oth\t', 'save', 'ghcr.io/a:1', 'other.txt'],
  ['explain prof\t', 'explain', 'profile.json'],
  ['push profile.json oth\t', 'push', 'profile.json', 'other.txt'],
  ['verify x -o j\t', 'verify', 'x', '-o', 'json'],
  ['verify x --verb\t', 'verify', 'x', '--verbose'],
  ['completion zs\t', 'completion', 'zsh'],
  ['serve --push 127.0.0.1:80 --decis\t', 'serve', '--push', '127.0.0.1:80', '--decision-log'],
];

describePeers(['bash', 'zsh', 'fish', 'script'], 'fairlead completion', () => {
  let directory: string;
  let program: CommandDefinition;
  before(async () => {
    directory = mkdtempSync(join(tmpdir(), 'fairlead-completion-'));
    mkdirSync(join(directory, 'files/a dir'), { recursive: true });
    for (const name of ['profile.json', 'with space.json', 'other.txt']) {
      writeFileSync(join(directory, 'files', name), '');
    }
    program = await describeProgram();
    writeFileSync(join(directory, 'bash'), bashCompletion(program));
    writeFileSync(join(directory, 'zsh'), zshCompletion(program));
    writeFileSync(join(directory, 'fish'), fishCompletion(program));
  });
  after(() => rmSync(directory, { recursive: true }));

  /** Types lines into a shell at a terminal, and returns the arguments of each call. */
  const type = async (shell: string, start: string, lines: readonly string[]): Promise<string[][]> => {
    const calls = join(directory, `${shell.split(' ')[0]?.split('/').at(-1)}-calls`);
    const terminal = spawn(peer('script'), ['--quiet', '--command', shell, '/dev/null'], {
      cwd: join(directory, 'files'),
      env: { PATH: '/usr/bin:/bin', TERM: 'dumb', HOME: directory },
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    let screen = '';
    terminal.stdout.setEncoding('utf8').on('data', (text: string) => {
      screen += text;
    });
    // A shell throws away what is typed before it reads a line.
    const prompts = async (count: number): Promise<void> => {
      const deadline = Date.now() + 30_000;
      while (screen.split('READY> ').length <= count) {
        assert.ok(Date.now() < deadline, screen);
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
    };
    const record = `fairlead() { printf '%s\\t' "$@" >> ${calls}; echo >> ${calls}; }`;
    terminal.stdin.write(`${start}; ${record}; PS1='READY''> '\n`);
    for (const [index, line] of lines.entries()) {
      await prompts(index + 1);
      terminal.stdin.write(`fairlead ${line}\n`);
    }
    await prompts(lines.length + 1);
    terminal.stdin.end('exit\n');
    await new Promise((resolve) => terminal.once('close', resolve));
    return readFileSync(calls, 'utf8')
      .split('\t\n')
      .slice(0, -1)
      .map((line) => line.split('\t'));
  };
  const typed = cases.map(([line]) => line);
  const expected = cases.map(([, ...args]) => args);

  it('completes in bash', async () => {
    const calls = await type(`${peer('bash')} --norc --noprofile -i`, `source ${directory}/bash`, typed);
    assert.deepEqual(calls, expected);
  });

  it('completes in zsh, read or found as a function', async () => {
    const start = 'autoload -Uz compinit; compinit -D -u';
    // zsh adds the slash of a directory when the next character is typed.
    const withoutSlash = expected.map((args) => args.map((arg) => arg.replace('a dir/', 'a dir')));
    assert.deepEqual(await type(`${peer('zsh')} -f -i`, `${start}; source ${directory}/zsh`, typed), withoutSlash);
    mkdirSync(join(directory, 'functions'));
    writeFileSync(join(directory, 'functions/_fairlead'), zshCompletion(program));
    rmSync(join(directory, 'zsh-calls'));
    const found = await type(`${peer('zsh')} -f -i`, `fpath=(${directory}/functions $fpath); ${start}`, typed);
    assert.deepEqual(found, withoutSlash);
  });

  /** What fish offers for a line, with the descriptions. */
  const offers = async (lines: readonly string[]): Promise<string[][]> => {
    const script = lines.map((line) => `complete -C 'fairlead ${line}'; echo END`).join('\n');
    const fish = spawn(peer('fish'), ['--no-config', '-c', `source ${directory}/fish\n${script}`], {
      cwd: join(directory, 'files'),
      env: { PATH: '/usr/bin:/bin', HOME: directory },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let output = '';
    for await (const text of fish.stdout.setEncoding('utf8')) output += text;
    return output
      .split('END\n')
      .slice(0, -1)
      .map((text) => text.split('\n').slice(0, -1));
  };

  it('completes in fish', async () => {
    const found = await offers(typed.map((line) => line.trimEnd()));
    for (const [index, [line, ...args]] of cases.entries()) {
      const names = found[index]?.map((offer) => offer.split('\t')[0]);
      // A reference is completed with nothing.
      assert.deepEqual(names, line === 'pull prof\t' ? [] : [args.at(-1)], line);
    }
  });

  it('offers every command with its summary and every option with its description', async () => {
    const commands = withSubcommands(program);
    const found = await offers(commands.map(({ name }) => `${name.slice('fairlead '.length)} -`.trimStart()));
    for (const [index, { name, options }] of commands.entries()) {
      const flags = options.flatMap((option) => option.flags.map((flag) => `${flag}\t${option.description}`));
      assert.deepEqual(found[index]?.toSorted(), flags.toSorted(), name);
    }
    const [subcommands] = await offers(['']);
    const summaries = program.subcommands.map((each) => `${each.name.slice('fairlead '.length)}\t${each.summary}`);
    assert.deepEqual(subcommands?.toSorted(), summaries.toSorted());
  });
});
