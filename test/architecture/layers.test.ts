import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, before, describe, it } from 'node:test';

const forbidden: [from: string, to: string][] = [
  ['lib/files/x.ts', '#lib/registry/digest'],
  ['lib/profile/x.ts', '#lib/registry/digest'],
  ['lib/profile/x.ts', '../registry/digest.ts'],
  ['lib/profile/seccomp/x.ts', '../../trust/policy.ts'],
  ['lib/profile/seccomp/x.ts', 'node:fs/promises'],
  ['lib/profile/x.ts', '#lib/files/write-whole'],
  ['lib/registry/x.ts', '#lib/trust/policy/policy'],
  ['lib/registry/remote/x.ts', '../../profile/profile.ts'],
  ['lib/artifact/x.ts', '#services/push/publish'],
  ['lib/trust/x.ts', '#lib/node/store/store'],
  ['lib/artifact/x.ts', '../trust/policy.ts'],
  ['lib/node/x.ts', '#cri-shim/shim'],
  ['services/push/x.ts', '#operator/run/operator'],
  ['services/pull/x.ts', '../../cri-shim/shim.ts'],
  ['cri-shim/x.ts', '#services/push/publish'],
  ['operator/x.ts', '../cri-shim/shim.ts'],
  ['operator/x.ts', '#cli/main'],
];

const allowed: [from: string, to: string][] = [
  ['lib/registry/x.ts', '#lib/files/write-whole'],
  ['lib/profile/x.ts', '#lib/errors'],
  ['lib/artifact/x.ts', '#lib/registry/digest'],
  ['lib/trust/x.ts', '#lib/artifact/artifact'],
  ['lib/node/x.ts', '#lib/trust/signature/signature'],
  ['services/push/x.ts', '#lib/trust/signature/signature'],
  ['cli/x.ts', '#services/push/publish'],
];

/**
 * Lays one small file for each import into a folder of its own, lints them with the project's
 * rules, and returns what biome said of each.
 */
async function lintImports(folder: string, imports: readonly (readonly [string, string])[]): Promise<Set<string>[]> {
  const config = JSON.parse(await readFile(new URL('../../biome.json', import.meta.url), 'utf8'));
  config.vcs = { enabled: false };
  delete config.$schema;
  await writeFile(join(folder, 'biome.json'), JSON.stringify(config));
  const files = imports.map(([from, to], index) => ({ name: from.replace('x.ts', `x${index}.ts`), to }));
  for (const { name, to } of files) {
    await mkdir(dirname(join(folder, name)), { recursive: true });
    await writeFile(join(folder, name), `import { x } from '${to}';\nexport const y = x;\n`);
  }
  const biome = new URL('../../node_modules/.bin/biome', import.meta.url).pathname;
  const run = spawnSync(biome, ['lint', '--reporter=github', '--max-diagnostics=none', '.'], {
    cwd: folder,
    encoding: 'utf8',
  });
  const output = run.stdout + run.stderr;
  return files.map(({ name }) => {
    const lines = output.split('\n').filter((line) => line.includes(`file=${join(folder, name)},`));
    return new Set(lines.map((line) => /title=([^,]+)/.exec(line)?.[1] ?? line));
  });
}

describe('the rule of the layers: imports point down only', () => {
  let folder: string;
  let found: Set<string>[];
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'fairlead-layers-'));
    found = await lintImports(folder, [...forbidden, ...allowed]);
  });
  after(() => rm(folder, { recursive: true }));

  for (const [index, [from, to]] of forbidden.entries()) {
    it(`refuses ${to} in ${from}`, () => {
      assert.deepEqual([...(found[index] ?? [])], ['lint/style/noRestrictedImports']);
    });
  }
  for (const [index, [from, to]] of allowed.entries()) {
    it(`accepts ${to} in ${from}`, () => {
      assert.deepEqual([...(found[forbidden.length + index] ?? [])], []);
    });
  }
});
