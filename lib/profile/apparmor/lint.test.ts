import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { describe, it } from 'node:test';
import { readJson } from '../json/read-json.ts';
import { lintAppArmor } from './lint.ts';
import type { AppArmorProfile, FilesystemRules } from './model.ts';
import { parseAppArmor } from './parse.ts';
import { runtimeDefaultAppArmor } from './runtime-default.ts';

const limits = { bytes: 1 << 20, depth: 16, values: 100_000 };
const read = (bytes: Uint8Array) => parseAppArmor(readJson(bytes, 'p.json', limits)).profile;
const example = read(await readFile(new URL('../../../examples/apparmor-nginx.json', import.meta.url)));

describe('lintAppArmor', () => {
  const codes = (profile: AppArmorProfile) => lintAppArmor(profile).map(({ code, pointer }) => `${code} ${pointer}`);

  it('finds nothing in a profile that is in order, and everything in one that is not', () => {
    assert.deepEqual(codes(runtimeDefaultAppArmor), ['allow-everything ']);
    assert.deepEqual(
      codes({
        mode: 'Complain',
        executable: { allowedExecutables: ['/opt/run', '/opt/run'], allowedLibraries: ['/lib/a.so', '/lib/*.so'] },
        filesystem: { readOnlyPaths: [], writeOnlyPaths: ['/proc/x'], readWritePaths: ['/opt/**', '/{,**}'] },
        network: { allowRaw: true, allowTcp: false, allowUdp: false },
        capability: { allowedCapabilities: ['sys_admin', 'kill', 'kill'] },
      }),
      [
        'complain-mode ',
        'raw-sockets /network/allowRaw',
        'duplicate-path /executable/allowedExecutables/1',
        'covered-path /executable/allowedLibraries/0',
        'covered-path /filesystem/writeOnlyPaths/0',
        'covered-path /filesystem/readWritePaths/0',
        'writable-executable /filesystem/readWritePaths/0',
        'writes-everywhere /filesystem/readWritePaths/1',
        'writable-executable /filesystem/readWritePaths/1',
        'dangerous-capability /capability/allowedCapabilities/0',
        'duplicate-capability /capability/allowedCapabilities/2',
      ],
    );
    const files = { readOnlyPaths: ['/etc/a', '/etc/b'], writeOnlyPaths: [], readWritePaths: ['/etc/a'] };
    const wide = { allowedExecutables: ['/{bin/,}**'], allowedLibraries: ['/lib/*'] };
    assert.deepEqual(codes({ ...example, executable: wide, filesystem: files }), [
      'covered-path /executable/allowedLibraries/0',
      'covered-path /filesystem/readOnlyPaths/0',
      'executes-everywhere /executable/allowedExecutables/0',
      'writable-executable /filesystem/readWritePaths/0',
    ]);
    assert.deepEqual(codes({ mode: 'Enforce', executable: { allowedExecutables: [], allowedLibraries: [] } }), [
      'unspecified-section ',
      'unspecified-section ',
      'unspecified-section ',
      'nothing-executable /executable/allowedExecutables',
    ]);
  });

  const files = (lists: Partial<FilesystemRules>): AppArmorProfile => ({
    mode: 'Enforce',
    filesystem: { readOnlyPaths: [], writeOnlyPaths: [], readWritePaths: [], ...lists },
  });
  const messages = (profile: AppArmorProfile, code: string) =>
    lintAppArmor(profile).flatMap((finding) =>
      finding.code === code ? [`${finding.severity} ${finding.message}`] : [],
    );

  it('says how paths are read that are read-only and write-only, or read-only and read-write', () => {
    const reason = 'all lists that match a path apply together';
    const both = (path: string, other: string) =>
      `warning ${path} may be read as well as written, since ${other} of readOnlyPaths matches it: ${reason}. The Security Profiles Operator denies both`;
    assert.deepEqual(
      messages(
        files({ readOnlyPaths: ['/a/b', '/c/**', '/d*'], writeOnlyPaths: ['/a/*', '/c/x', '/*e', '/f'] }),
        'read-and-write',
      ),
      [both('/a/b', '/a/b'), both('/c/x', '/c/**'), both('/d*e', '/d*')],
    );
    assert.deepEqual(messages(files({ readOnlyPaths: ['/c/**'], readWritePaths: ['/c/x', '/e'] }), 'read-and-write'), [
      `info /c/x may be written, although /c/** of readOnlyPaths matches it: ${reason}. The Security Profiles Operator denies writing`,
    ]);
    assert.deepEqual(messages(files({ readOnlyPaths: ['/c'], readWritePaths: ['/*'] }), 'read-and-write'), []);
    assert.deepEqual(messages(files({ readOnlyPaths: ['/c'], readWritePaths: ['/*'] }), 'covered-path'), [
      'info /c is already permitted by /* of readWritePaths, and may be written too',
    ]);
  });

  it('warns of what may be written and executed, also where only some names of a path may', () => {
    const executable = { allowedExecutables: ['/opt/**'], allowedLibraries: ['/lib/*.so'] };
    const { filesystem } = files({ writeOnlyPaths: ['/lib/my*'], readWritePaths: ['/opt/data/*', '/srv/**'] });
    assert.ok(filesystem);
    assert.deepEqual(messages({ mode: 'Enforce', executable, filesystem }, 'writable-executable'), [
      'warning /lib/my*.so may be written and mapped as code: a process can run what it wrote',
      'warning /opt/data/* may be written and executed: a process can run what it wrote',
    ]);
  });

  it('names what every policy that enforces denies, and nothing else of /proc and /sys', () => {
    const profile = files({
      readOnlyPaths: ['/proc/kcore', '/sys/firmware/**', '/sys/devices/**'],
      writeOnlyPaths: ['/proc/sys/kernel/core_pattern', '/proc/sys/kernel/shmmax', '/proc/1/oom_score_adj'],
      readWritePaths: ['/sys/kernel/security/x', '/sys/kernel/mm/x', '/sys/fs/cgroup/x'],
    });
    const denied = (path: string, what: string) =>
      `warning ${path} stays denied for ${what}, as in the runtime's default: every policy has rules for that`;
    assert.deepEqual(messages(profile, 'never-permitted'), [
      denied('/proc/kcore', 'reading'),
      denied('/sys/firmware/**', 'reading'),
      denied('/proc/sys/kernel/core_pattern', 'writing'),
      denied('/sys/kernel/security/x', 'reading and writing'),
      denied('/sys/kernel/mm/x', 'writing'),
    ]);
    assert.deepEqual(messages({ ...profile, mode: 'Complain' }, 'never-permitted'), []);
  });

  it('takes no more than some tenths of a second for a thousand paths that are hard to compare', () => {
    for (const path of [
      (index: number) => `/a*${index}*b*/x*y${index}/**`,
      (index: number) => `/{a,b,c,d*,e${index}}{a,b,c,d*,e}{f,g,h*}`,
      (index: number) => `/*a${'?'.repeat(index % 20)}`,
    ]) {
      const list = (first: number) => Array.from({ length: 500 }, (_, index) => path(first + index));
      const began = process.threadCpuUsage();
      lintAppArmor(files({ readOnlyPaths: list(0), readWritePaths: list(500) }));
      const { user, system } = process.threadCpuUsage(began);
      assert.ok(user + system < 700_000, `${path(0)}: ${(user + system) / 1000} ms`);
    }
  });
});
