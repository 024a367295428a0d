import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before } from 'node:test';
import { type Finished, type RunOptions, runFairlead } from './run.ts';

export const examples = join(import.meta.dirname, '../../../examples');
/** Whatever machine the tests run on. */
export const amd64 = ['--architecture', 'amd64'];
export const strict = { defaultAction: 'SCMP_ACT_ERRNO', syscalls: [{ names: ['read'], action: 'SCMP_ACT_ALLOW' }] };
export const lax = {
  defaultAction: 'SCMP_ACT_ERRNO',
  syscalls: [{ names: ['read', 'mount'], action: 'SCMP_ACT_ALLOW' }],
};
export const appArmor = {
  filesystem: { readOnlyPaths: ['/etc/nginx/**'] },
  capability: { allowedCapabilities: ['chown'] },
};
export const resource = `apiVersion: security-profiles-operator.x-k8s.io/v1
kind: SeccompProfile
metadata: {name: recorded}
spec:
  defaultAction: SCMP_ACT_ERRNO
  syscalls:
    - {names: [read, opnat], action: SCMP_ACT_ALLOW}
`;

export interface ProfileFolder {
  readonly file: (name: string) => string;
  /** Runs fairlead in the folder. */
  readonly fairlead: (args: readonly string[], options?: RunOptions) => Promise<Finished>;
  /** Runs it, expects success and nothing on stderr, and returns what it printed. */
  readonly printed: (args: readonly string[], options?: RunOptions) => Promise<string>;
}

/** Gives the suite that calls it a folder with profiles, which goes when the suite ends. */
export function profileFolder(): ProfileFolder {
  let cwd = '';
  const file = (name: string) => join(cwd, name);
  const fairlead = (args: readonly string[], options: RunOptions = {}) => runFairlead(args, { cwd, ...options });
  before(async () => {
    cwd = await mkdtemp(join(tmpdir(), 'fairlead-profiles-'));
    await writeFile(file('strict.json'), JSON.stringify(strict));
    await writeFile(file('lax.json'), JSON.stringify(lax));
    await writeFile(file('armor.json'), JSON.stringify(appArmor));
    await writeFile(file('recorded.yaml'), resource);
  });
  after(() => rm(cwd, { recursive: true }));
  const printed = async (args: readonly string[], options: RunOptions = {}) => {
    const { code, stdout, stderr } = await fairlead(args, options);
    assert.deepEqual([code, stderr], [0, '']);
    return stdout;
  };
  return { file, fairlead, printed };
}
