import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import path from 'node:path';
import { describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { finishFolder, freePort, startProgram, temporaryFolder } from './program.ts';

function folder(): string {
  const made = temporaryFolder('program');
  finishFolder(made);
  return made;
}

const shell = (script: string) => ({ name: 'shell', command: '/bin/sh', args: ['-c', script], folder: folder() });

/** Waits until a process has ended. The process that inherits it may leave a zombie for a while. */
async function ends(pid: string): Promise<void> {
  const status = `/proc/${pid}/status`;
  while (existsSync(status) && !/^State:\s+Z/m.test(readFileSync(status, 'utf8'))) await sleep(20);
}

describe('startProgram', () => {
  it('waits until the program is ready, and ends it', async () => {
    const options = shell('touch ready; exec sleep 60');
    const ready = async (): Promise<boolean> => existsSync(path.join(options.folder, 'ready'));
    const program = await startProgram({ ...options, ready });
    assert.ok(existsSync(`/proc/${program.pid}`));
    await program.stop();
    await program.stop();
    assert.equal(existsSync(`/proc/${program.pid}`), false);
  });

  it('shows what a program said that ended too early, and where its log is', async () => {
    const options = { ...shell('echo out of cheese; exit 3'), ready: async () => false };
    const log = path.join(options.folder, 'shell.log');
    await assert.rejects(startProgram(options), new RegExp(`shell ended with 3\nout of cheese\nThe whole log: ${log}`));
  });

  it('ends a program that does not get ready', async (t) => {
    const options = shell('echo $$; exec sleep 60');
    const printed = (): string => readFileSync(path.join(options.folder, 'shell.log'), 'utf8').trim();
    let now = Date.now();
    t.mock.method(Date, 'now', () => now);
    const ready = async (): Promise<boolean> => {
      if (printed() !== '') now += 200;
      return false;
    };
    await assert.rejects(startProgram({ ...options, ready, timeout: 200 }), /shell is not ready after 0\.2 s/);
    assert.equal(existsSync(`/proc/${printed()}`), false);
  });

  /** Runs a process that starts a program, prints its pid, and goes on with `then`. */
  const starter = (then: string): Promise<{ stdout: string }> => {
    const [module, home] = [path.join(import.meta.dirname, 'program.ts'), folder()].map((text) => JSON.stringify(text));
    const script = `
      import { existsSync } from 'node:fs';
      const { startProgram } = await import(${module});
      const args = ['-c', 'touch ready; exec sleep 600'];
      const ready = async () => existsSync(${home} + '/ready');
      const { pid } = await startProgram({ name: 'sleep', command: '/bin/sh', args, folder: ${home}, ready });
      console.log(pid);
      ${then}
    `;
    return promisify(execFile)(process.execPath, ['--input-type=module', '-e', script], { timeout: 120_000 });
  };

  it('ends its program with a test process that has not stopped it', async () => {
    const { stdout } = await starter('');
    assert.match(stdout, /^\d+\n$/);
    await ends(stdout.trim());
  });

  it('leaves no program behind when the test process is killed', async () => {
    const killed = await starter(`setTimeout(() => process.kill(process.pid, 'SIGKILL'), 50);`).then(
      () => assert.fail('it was not killed'),
      (error: { signal: string; stdout: string }) => error,
    );
    assert.equal(killed.signal, 'SIGKILL');
    assert.match(killed.stdout, /^\d+\n$/);
    await ends(killed.stdout.trim());
  });
});

describe('freePort', () => {
  it('gives ports that neither the kernel nor this function gives to another', async () => {
    const range = readFileSync('/proc/sys/net/ipv4/ip_local_port_range', 'utf8');
    const ports = await Promise.all(Array.from({ length: 200 }, () => freePort()));
    assert.equal(new Set(ports).size, ports.length);
    assert.ok(ports.every((port) => port < Number.parseInt(range, 10)));
  });

  it('gives ports on which a server can listen and listen again', async () => {
    const port = await freePort();
    for (let turn = 0; turn < 3; turn++) {
      const server = createServer().listen(port, '127.0.0.1');
      await once(server, 'listening');
      server.close();
      await once(server, 'close');
    }
  });
});
