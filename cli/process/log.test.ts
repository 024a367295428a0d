import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { describe, it } from 'node:test';

/** How a process may end right after it has logged a line. */
const ends = {
  'its exit code': 'await exitWhenWritten(3)',
  'process.exit': 'process.exit(3)',
  'an exception that nothing catches': "setImmediate(() => { throw new Error('end') })",
  'a rejection that nothing handles': "void Promise.reject(new Error('end'))",
  'SIGTERM in a later turn': "setImmediate(() => process.kill(process.pid, 'SIGTERM'))",
  'SIGKILL in a later turn': "setImmediate(() => process.kill(process.pid, 'SIGKILL'))",
  'the end of all work': '',
};

/** Runs a program that has the log, with a pipe for stdout that is not read yet. */
function start(program: string) {
  const modules = ['log', 'exit'].map((name) => JSON.stringify(new URL(`./${name}.ts`, import.meta.url).href));
  const code = `import { openLog } from ${modules[0]}; import { exitWhenWritten } from ${modules[1]};
process.stdout.on('error', () => undefined); const log = await openLog('test'); ${program}`;
  return spawn(process.execPath, ['--input-type=module', '--eval', code], { stdio: ['ignore', 'pipe', 'ignore'] });
}

describe('the log of a service on a pipe', { concurrency: 2 }, () => {
  for (const [name, end] of Object.entries(ends)) {
    it(`has the last line if the process ends by ${name}`, async () => {
      const child = start(`log.info('first'); log.info('last'); ${end}`);
      const lines = (await text(child.stdout)).trim().split('\n');
      assert.deepEqual(
        lines.map((line) => JSON.parse(line).msg),
        ['first', 'last'],
      );
    });
  }

  for (const name of ['its exit code', 'process.exit', 'an exception that nothing catches'] as const) {
    it(`has all lines in order if its reader is behind when the process ends by ${name}`, async () => {
      const count = 2000;
      const long = 'x'.repeat(500);
      const child = start(
        `for (let at = 0; at < ${count}; at++) log.info({ at }, '${long}'); process.stderr.end(); ${ends[name]}`,
      );
      const lines = (await text(child.stdout)).trim().split('\n');
      assert.deepEqual(
        lines.map((line) => JSON.parse(line).at),
        Array.from({ length: count }, (_, at) => at),
      );
    });
  }

  it('lets the process go on while its reader is behind, and ends although it never reads', {
    timeout: 30_000,
  }, async () => {
    const child = start(
      `for (let at = 0; at < 2000; at++) log.info('${'x'.repeat(500)}'); setTimeout(() => process.exit(4), 1)`,
    );
    try {
      const [code] = await once(child, 'exit');
      assert.equal(code, 4);
    } finally {
      child.kill('SIGKILL');
    }
  });

  it('controls no terminal', async () => {
    const subject = 'refs/heads/\u202emain\u009b2J';
    const child = start(`log.info({ subject: ${JSON.stringify(subject)} }, 'published'); ${ends['process.exit']}`);
    const written = await text(child.stdout);
    assert.equal(JSON.parse(written).subject, subject);
    assert.match(written, /^[^\p{C}\p{Zl}\p{Zp}]+\n$/u);
  });
});
