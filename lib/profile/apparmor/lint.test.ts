import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { describe, it } from 'node:test';
import { readJson } from '../json/read-json.ts';
import { lintAppArmor } from './lint.ts';
import type { AppArmorProfile } from './model.ts';
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
        'never-permitted /filesystem/writeOnlyPaths/0',
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
    ]);
    assert.deepEqual(codes({ mode: 'Enforce', executable: { allowedExecutables: [], allowedLibraries: [] } }), [
      'unspecified-section ',
      'unspecified-section ',
      'unspecified-section ',
      'nothing-executable /executable/allowedExecutables',
    ]);
  });
});
