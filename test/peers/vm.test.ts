import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { existsSync, readFileSync, rmSync } from 'node:fs';
import path from 'node:path';
import { describe, it } from 'node:test';
import { promisify } from 'node:util';
import { describePeers } from './require.ts';
import { loadOrder } from './vm/initramfs.ts';
import { startVm, vmRequirements } from './vm.ts';

describe('loadOrder', () => {
  it('puts each module after what it needs, once', () => {
    const dependencies = 'a/9p.ko: b/9pnet.ko b/netfs.ko\nb/9pnet.ko:\nb/netfs.ko: c/fs.ko\nc/fs.ko:\nd/x9p.ko:\n';
    assert.deepEqual(loadOrder(dependencies, ['netfs', '9p']), ['c/fs.ko', 'b/netfs.ko', 'b/9pnet.ko', 'a/9p.ko']);
    assert.throws(() => loadOrder(dependencies, ['overlay']), /the kernel has no module overlay/);
  });
});

// What a machine that has booted does is seen by the suites that boot one for their cases.
describePeers(vmRequirements, 'the virtual machine for tests', () => {
  it('that does not boot ends at once, and shows the end of its console', async () => {
    const error = await startVm({ kernelArguments: 'rdinit=/missing' }).then(
      (vm) => vm.stop().then(() => assert.fail('it booted')),
      (reason: Error) => reason.message,
    );
    assert.match(error, /^vm ended with 0\n/);
    assert.match(error, /Kernel panic - not syncing/);
    const log = /The whole log: (.*)$/.exec(error)?.[1] ?? '';
    assert.match(readFileSync(log, 'utf8'), /Kernel panic/);
    rmSync(path.dirname(log), { recursive: true });
  });

  it('ends with the test process, also if that is killed', async () => {
    const module = JSON.stringify(path.join(import.meta.dirname, 'vm.ts'));
    const script = `
      import { readdirSync, readFileSync } from 'node:fs';
      const { startVm } = await import(${module});
      void startVm();
      const children = () => readFileSync('/proc/self/task/' + process.pid + '/children', 'utf8').trim().split(' ');
      const isEmulator = (pid) => readFileSync('/proc/' + pid + '/cmdline', 'utf8').includes('qemu');
      setInterval(() => {
        const pid = children().filter(Boolean).find((child) => isEmulator(child));
        if (pid === undefined) return;
        const [, folder] = /path=([^,]*).agent.sock/.exec(readFileSync('/proc/' + pid + '/cmdline', 'utf8'));
        console.log(pid + ' ' + folder);
        process.kill(process.pid, 'SIGKILL');
      }, 20);
    `;
    const killed = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', script]).then(
      () => assert.fail('it was not killed'),
      (reason: { signal: string; stdout: string; stderr: string }) => reason,
    );
    assert.equal(killed.signal, 'SIGKILL', killed.stderr);
    const [pid = '', folder = ''] = killed.stdout.trim().split(' ');
    const status = `/proc/${pid}/status`;
    const runs = (): boolean => existsSync(status) && !/^State:\s+Z/m.test(readFileSync(status, 'utf8'));
    const deadline = Date.now() + 5_000;
    while (runs() && Date.now() < deadline) await new Promise((resolve) => setTimeout(resolve, 20));
    assert.equal(runs(), false);
    rmSync(folder, { recursive: true });
  });
});
