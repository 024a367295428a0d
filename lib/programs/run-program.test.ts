import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { it, mock } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { runProgram } from './run-program.ts';

for (const [name, script] of [
  ['that does not mind being asked to end', 'trap "" TERM; echo $$ > pid; while :; do sleep 0.1; done'],
  ['that has left another behind, which holds its output open', 'sleep 30 & echo $! > pid; wait'],
] as const) {
  it(`waits a minute at most for a program ${name}`, async (t) => {
    const directory = mkdtempSync(join(tmpdir(), 'fairlead-program-'));
    const pid = join(directory, 'pid');
    mock.timers.enable({ apis: ['setTimeout'] });
    t.after(() => {
      mock.timers.reset();
      try {
        process.kill(Number(readFileSync(pid, 'utf8')), 'SIGKILL');
      } catch {
        // It has ended, as it should.
      }
      rmSync(directory, { recursive: true });
    });
    let outcome: unknown;
    void runProgram('/bin/sh', ['-c', `cd '${directory}'; ${script}`], '', process.env).then((result) => {
      outcome = result;
    });
    const soon = async (isThere: () => boolean): Promise<void> => {
      const end = performance.now() + 5000;
      while (!isThere() && performance.now() < end) await setImmediate();
    };
    await soon(() => existsSync(pid) && readFileSync(pid, 'utf8').endsWith('\n'));
    mock.timers.tick(60_000);
    await soon(() => outcome !== undefined);
    assert.deepEqual(outcome, { failed: 'did not end within 60 s' });
  });
}
