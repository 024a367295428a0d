import { readFileSync } from 'node:fs';

/** An architecture by its Debian name, which OCI's image-spec uses as well. */
export type PackageArchitecture = 'amd64' | 'arm64';

/** A package of Debian's that the image is made of. */
export interface PinnedPackage {
  readonly name: string;
  readonly version: string;
  /** Debian's own archive, or the one with its security updates. */
  readonly archive: 'debian' | 'debian-security';
  /** The path of the .deb file in the archive. */
  readonly path: string;
  readonly sha256: string;
  /** Names the file at snapshot.debian.org. It is never what the file is verified by. */
  readonly sha1: string;
}

/** The content of packages.json. */
export interface PinnedPackages {
  /** The Debian release that the packages are of. */
  readonly suite: string;
  readonly packages: Readonly<Record<PackageArchitecture, readonly PinnedPackage[]>>;
}

/** The file with the packages of the image. `update-packages.ts` writes it. */
export const pinsFile: URL = new URL('packages.json', import.meta.url);

/** Returns the packages of the image. */
export function readPins(): PinnedPackages {
  return JSON.parse(readFileSync(pinsFile, 'utf8'));
}
