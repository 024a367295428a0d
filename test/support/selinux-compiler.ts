import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { peer } from '#test/peers/peer';

/** Our own minimal policy of a node: test/fixtures/selinux/base.cil. */
export const basePolicy = fileURLToPath(new URL('../fixtures/selinux/base.cil', import.meta.url));

/**
 * Compiles CIL modules on top of the base policy and hands the kernel policy to `look`.
 *
 * @throws Error with what secilc says, if it does not compile.
 */
export function withPolicy<Result>(modules: readonly string[], look: (policy: string) => Result): Result {
  const folder = mkdtempSync(path.join(tmpdir(), 'fairlead-selinux-'));
  try {
    const files = modules.map((text, index) => {
      const file = path.join(folder, `${index}.cil`);
      writeFileSync(file, text);
      return file;
    });
    const policy = path.join(folder, 'policy');
    const output = ['-o', policy, '-f', path.join(folder, 'file_contexts')];
    const { status, stderr } = spawnSync(peer('secilc'), [...output, basePolicy, ...files], { encoding: 'utf8' });
    if (status !== 0) throw new Error(`secilc: ${stderr}`);
    return look(policy);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Compiles, and says what is wrong; empty when nothing is. */
export function compileProblem(...modules: readonly string[]): string {
  try {
    return withPolicy(modules, () => '');
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

/**
 * Every access that a compiled policy allows, as `source target class permission`; attributes stay
 * as they are.
 */
export function allowedAccess(modules: readonly string[]): Set<string> {
  const text = withPolicy(modules, (policy) =>
    execFileSync(peer('sesearch'), ['--allow', policy], { encoding: 'utf8', maxBuffer: 64 * 1024 * 1024 }),
  );
  const access = new Set<string>();
  for (const line of text.split('\n')) {
    if (line === '') continue;
    const [, source, target, objectClass, permissions] = /^allow (\S+) (\S+):(\S+) (?:\{ )?([^};]+)/.exec(line) ?? [];
    if (permissions === undefined) throw new Error(`sesearch wrote what this cannot read: ${line}`);
    for (const permission of permissions.trim().split(' ')) {
      access.add([source, target, objectClass, permission].join(' '));
    }
  }
  return access;
}
