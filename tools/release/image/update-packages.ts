/**
 * Pins the newest packages of the image: `node tools/release/image/update-packages.ts`. Their
 * hashes come from Debian's signed lists. Commit the changed packages.json.
 */
import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runStep } from '../../debian/step.ts';
import { type ListedPackage, openSuite } from '../../debian/suite.ts';
import { fetchPackage, hashFile, mirrorOf, packageCache } from './fetch-package.ts';
import { type PackageArchitecture, type PinnedPackage, pinsFile } from './pinned-packages.ts';

const suite = 'trixie';

/**
 * The libraries that Node.js needs, and libgcc's and libstdc++'s copyright file (gcc-14-base).
 * base-files has the licenses, and which Debian it is.
 */
const names = ['base-files', 'ca-certificates', 'gcc-14-base', 'libc6', 'libgcc-s1', 'libstdc++6'];

async function pin(name: string, { uri, version, sha256 }: ListedPackage): Promise<PinnedPackage> {
  const archive = (['debian-security', 'debian'] as const).find((each) => uri.startsWith(`${mirrorOf(each)}/`));
  if (archive === undefined) throw new Error(`${name} is at ${uri}, which is not below the mirror that was read`);
  const path = decodeURIComponent(uri.slice(mirrorOf(archive).length + 1));
  const file = await fetchPackage({ name, version, archive, path, sha256, sha1: '' }, { urls: [uri] });
  return { name, version, archive, path, sha256, sha1: await hashFile(file, 'sha1') };
}

async function pinsOf(architecture: PackageArchitecture): Promise<PinnedPackage[]> {
  const temp = await mkdtemp(join(tmpdir(), 'fairlead-packages-'));
  const pins: PinnedPackage[] = [];
  const log = join(packageCache(), `${architecture}.log`);
  await runStep(`Packages of ${suite} for ${architecture}`, { log, temp }, async ({ run }) => {
    const archives = [
      { mirror: mirrorOf('debian'), suite },
      { mirror: mirrorOf('debian'), suite: `${suite}-updates` },
      { mirror: mirrorOf('debian-security'), suite: `${suite}-security` },
    ];
    const lists = await openSuite({ archives, architecture, checkDates: true }, temp, run);
    for (const name of names) pins.push(await pin(name, lists.find(name)));
  });
  return pins;
}

const packages = { amd64: await pinsOf('amd64'), arm64: await pinsOf('arm64') };
await writeFile(pinsFile, `${JSON.stringify({ suite, packages }, undefined, 2)}\n`);
for (const { name, version } of packages.amd64) console.log(`${name} ${version}`);
