import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { it } from 'node:test';
import { runningProcess } from './running-process.ts';

it('returns the control groups of a process and when it started, until it has ended', async () => {
  const before = Date.now();
  // Its name, `) R 1`, looks like the fields after a name.
  const child = spawn(process.execPath, ['-e', 'process.title = ") R 1"; console.log(); setInterval(() => {}, 1000)']);
  await once(child.stdout, 'data');
  const pid = child.pid ?? 0;
  const found = await runningProcess(pid);
  assert.equal(found?.cgroups, await readFile(`/proc/${pid}/cgroup`, 'utf8'));
  const startedAt = found?.startedAt ?? 0;
  assert.ok(startedAt > before - 100 && startedAt < Date.now() + 100, String(startedAt - before));
  child.kill('SIGKILL');
  await once(child, 'exit');
  assert.equal(await runningProcess(pid), undefined);
});
