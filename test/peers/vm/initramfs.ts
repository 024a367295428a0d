import { execFileSync } from 'node:child_process';
import { chmodSync, copyFileSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { peer } from '../peer.ts';

/**
 * What the guest needs until it has the host's root: its file systems, and the bus that they come
 * by.
 */
const bootModules = ['virtio_pci', '9pnet_virtio', '9p', 'overlay'];

/**
 * Writes the file system that the kernel starts with: busybox, the modules that it loads first, and
 * `init`.
 */
export function writeInitramfs(file: string, modules: string): void {
  const folder = `${file}.d`;
  for (const name of ['bin', 'modules', 'dev', 'proc', 'sys', 'host', 'overlay', 'root']) {
    mkdirSync(path.join(folder, name), { recursive: true });
  }
  copyFileSync(peer('busybox'), path.join(folder, 'bin/busybox'));
  copyFileSync(path.join(import.meta.dirname, 'init'), path.join(folder, 'init'));
  chmodSync(path.join(folder, 'init'), 0o755);
  const order = loadOrder(readFileSync(path.join(modules, 'modules.dep'), 'utf8'), bootModules);
  for (const [index, module] of order.entries()) {
    const name = `${String(index).padStart(2, '0')}-${path.basename(module)}`;
    copyFileSync(path.join(modules, module), path.join(folder, 'modules', name));
  }
  const list = execFileSync('find', ['.'], { cwd: folder });
  const archive = execFileSync(peer('busybox'), ['cpio', '-o', '-H', 'newc'], {
    cwd: folder,
    input: list,
    maxBuffer: 64 << 20,
    stdio: ['pipe', 'pipe', 'ignore'],
  });
  writeFileSync(file, archive);
  rmSync(folder, { recursive: true });
}

/**
 * The files of kernel modules and of all that they depend on, each after what it needs.
 *
 * @param dependencies the text of modules.dep: `MODULE: DEPENDENCY…`, with paths.
 */
export function loadOrder(dependencies: string, names: readonly string[]): readonly string[] {
  const needs = new Map<string, readonly string[]>();
  for (const line of dependencies.split('\n').filter((text) => text !== '')) {
    const [file = '', rest = ''] = line.split(':');
    needs.set(
      file,
      rest.split(' ').filter((text) => text !== ''),
    );
  }
  const order = new Set<string>();
  const add = (file: string): void => {
    if (order.has(file)) return;
    for (const needed of needs.get(file) ?? []) add(needed);
    order.add(file);
  };
  for (const name of names) {
    const file = [...needs.keys()].find((candidate) => path.basename(candidate, '.ko') === name);
    if (file === undefined) throw new Error(`the kernel has no module ${name}`);
    add(file);
  }
  return [...order];
}
