import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { watch } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { it } from 'node:test';
import { runParser } from './run-parser.ts';

const limits = { memory: 256 * 1024, processor: 30 };
const never = new AbortController().signal;
const shell = (script: string, signal = never) => runParser(['/bin/sh', '-c', script], 'text', limits, signal);

it('the parser writes no core dump, and gets nothing of the environment', async (t) => {
  process.env['APPARMOR_TEST'] = '1';
  t.after(() => delete process.env['APPARMOR_TEST']);
  // As many systems do: children inherit that core dumps are written.
  const hard = /^Max core file size +\S+ +(\S+)/m.exec(await readFile('/proc/self/limits', 'utf8'))?.[1];
  execFileSync('prlimit', ['--pid', String(process.pid), `--core=${hard}:${hard}`]);
  const { stdout } = await shell('ulimit -c; env');
  const [core, ...variables] = stdout.trim().split('\n');
  assert.equal(core, '0');
  assert.deepEqual(
    variables.filter((line) => !/^(?:PWD|OLDPWD|SHLVL|_)=/.test(line)),
    ['LC_ALL=C'],
  );
});

it('the beginning of its output is kept, and the rest is read', async () => {
  const { code, stdout, stderr } = await shell('head -c 200000 /dev/zero; head -c 200000 /dev/zero >&2');
  assert.deepEqual([code, stdout.length, stderr.length], [0, 16 * 1024, 16 * 1024]);
});

it('an end does not wait for a process that has left its group and holds its output open', async (t) => {
  const directory = await mkdtemp(join(tmpdir(), 'fairlead-parser-'));
  const file = join(directory, 'pid');
  const stopping = new AbortController();
  const written = new Promise<void>((resolve) => {
    const watcher = watch(directory, () => {
      watcher.close();
      resolve();
    });
  });
  const run = shell(
    `setsid sh -c 'echo $$ > ${file}.new; mv ${file}.new ${file}; exec sleep 600' & wait`,
    stopping.signal,
  );
  const ended = assert.rejects(run, { message: 'late' });
  await written;
  stopping.abort(new Error('late'));
  await ended;
  let pid = '';
  while (pid === '') pid = (await readFile(file, 'utf8').catch(() => '')).trim();
  t.after(async () => {
    process.kill(Number(pid), 'SIGKILL');
    await rm(directory, { recursive: true });
  });
});
