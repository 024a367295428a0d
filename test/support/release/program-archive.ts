import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chmodSync, cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { root } from '../cli/package.ts';

/** The program as a shell script, which runs the Node beside it. */
const script = `#!/bin/sh
lib=$(dirname "$(readlink -f "$0")")/../lib
exec "$lib/node" "$lib/fairlead/bin/fairlead.js" "$@"
`;

/**
 * Writes the archive of the program for this architecture and its SHA256SUMS to `directory`, in the
 * layout of a release; returns the name of the archive. The program runs the sources of this
 * checkout.
 */
export function writeProgramArchive(directory: string): string {
  const { version } = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8'));
  const name = `fairlead-${version}-linux-${process.arch}`;
  const lib = path.join(directory, name, 'lib');
  mkdirSync(path.join(directory, name, 'bin'), { recursive: true });
  mkdirSync(lib);
  const program = path.join(directory, name, 'bin/fairlead');
  writeFileSync(program, script);
  chmodSync(program, 0o755);
  cpSync(process.execPath, path.join(lib, 'node'));
  const sources = ['bin', 'cli', 'cri-shim', 'examples', 'lib', 'operator', 'services', 'package.json'];
  for (const each of [...sources, ...dependencies()]) {
    cpSync(path.join(root, each), path.join(lib, 'fairlead', each), { recursive: true });
  }
  const archive = `fairlead-linux-${process.arch}.tar.gz`;
  execFileSync('tar', ['-I', 'gzip -1', '-cf', archive, '--remove-files', name], { cwd: directory });
  const digest = createHash('sha256')
    .update(readFileSync(path.join(directory, archive)))
    .digest('hex');
  writeFileSync(path.join(directory, 'SHA256SUMS'), `${digest}  ${archive}\n`);
  return archive;
}

/** Returns the packages that the program needs, except for that of Kubernetes. */
function dependencies(): string[] {
  const lock = JSON.parse(readFileSync(path.join(root, 'package-lock.json'), 'utf8'));
  const packages: [string, { dev?: boolean; optional?: boolean; link?: boolean }][] = Object.entries(lock.packages);
  return packages.flatMap(([place, { dev, optional, link }]) =>
    /^node_modules\/(?!@kubernetes)/.test(place) && !dev && !optional && !link ? [place] : [],
  );
}
