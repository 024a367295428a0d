import { spawn } from 'node:child_process';
import { peer } from '../../peers/peer.ts';
import { launcher } from './run.ts';

/** What a person answers: once the screen shows the question, the keys are pressed. */
export type Answer = readonly [question: string, keys: string];

/** What was to be seen at the terminal, and in what state it was left. */
export interface Session {
  /** With what the shell reports: 128 and the signal's number where one ended the program. */
  readonly code: number | null;
  readonly screen: string;
  /** Whether the terminal shows what is typed, and reads it by lines, after the program ended. */
  readonly restored: boolean;
}

/** Runs `fairlead` at a pseudo-terminal, in front of a person who gives these answers in turn. */
export function runAtTerminal(
  args: readonly string[],
  {
    answers = [],
    env = {},
    cwd,
    columns = 0,
  }: {
    readonly answers?: readonly Answer[];
    readonly env?: Readonly<Record<string, string>>;
    readonly cwd?: string;
    /** The width of the terminal; 0 if it does not know it. */
    readonly columns?: number;
  },
): Promise<Session> {
  const quote = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`;
  const program = [process.execPath, launcher, ...args].map(quote).join(' ');
  const command = `stty columns ${columns}; ${program}; code=$?; echo "modes: $(stty -a | tr '\\n' ' ')"; exit $code`;
  return new Promise((resolve, reject) => {
    const child = spawn(peer('script'), ['--quiet', '--return', '--flush', '--command', command, '/dev/null'], {
      cwd,
      env: { PATH: process.env['PATH'] ?? '', HOME: '/nonexistent', NO_COLOR: '1', SHELL: '/bin/sh', ...env },
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    // Where the program waits for more than it is told, the person walks away.
    const patience = setTimeout(() => child.kill('SIGKILL'), 20_000);
    const waiting = [...answers];
    let output = '';
    let seen = 0;
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      output += text;
      for (;;) {
        const [question, keys] = waiting[0] ?? [];
        const at = question === undefined ? -1 : output.indexOf(question, seen);
        if (question === undefined || keys === undefined || at < 0) return;
        seen = at + question.length;
        waiting.shift();
        child.stdin.write(keys);
      }
    });
    child.stdin.on('error', () => undefined);
    child.once('error', reject);
    child.once('close', (code) => {
      clearTimeout(patience);
      const [screen = '', modes = ''] = output.split('modes: ');
      resolve({ code, screen, restored: / icanon /.test(modes) && / echo /.test(modes) });
    });
  });
}
