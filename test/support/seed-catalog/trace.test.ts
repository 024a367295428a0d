import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { callsOf } from './trace.ts';

const trace = `10 execve("/usr/bin/crun", ["crun"...], 0x7 /* 2 vars */) = 0
10 mount("proc"..., "/proc"..., "proc"..., 0, NULL) = 0
10 clone3({flags=CLONE_NEWPID, exit_signal=SIGCHLD} => {parent_tid=[11]}, 88) = 11
11 pivot_root("."..., "."...) = 0
11 execve("/bin/sh", ["sh"...], 0x7 /* 2 vars */ <unfinished ...>
10 epoll_wait(5,  <unfinished ...>
11 <... execve resumed>) = 0
11 socket(AF_INET, SOCK_STREAM, IPPROTO_IP) = 3
11 fork() = 12
12 socketpair(AF_UNIX, SOCK_STREAM, 0, [3, 4]) = 0
12 +++ exited with 0 +++
10 umount2("/proc"..., 0) = 0
`;

describe('the calls of a trace', () => {
  it('are those of the program and its children, not those of the runtime', () => {
    const { names, families } = callsOf(trace);
    assert.deepEqual([...names], ['socket', 'fork', 'socketpair']);
    assert.deepEqual([...families], ['AF_INET', 'AF_UNIX']);
  });

  it('do not exist if the runtime has failed before', () => {
    assert.throws(() => callsOf(trace.slice(0, trace.indexOf('11 execve'))), /executes no program/);
  });
});
