import { readFileSync } from 'node:fs';
import { unitNames } from './systemd-units.ts';

const part = (name: string): string =>
  readFileSync(new URL(`../../deploy/packages/${name}.sh`, import.meta.url), 'utf8');

/**
 * Scripts of a package by name. dpkg and rpm pass different arguments; what is done is the same.
 */
export type PackageScripts = Readonly<Record<string, string>>;

const units = `units="${unitNames.join(' ')}"\n`;

/** Returns the maintainer scripts for dpkg. */
export function debScripts(): PackageScripts {
  const head = '#!/bin/sh\nset -e\n';
  return {
    postinst: `${head}${units}[ "$1" = configure ] || exit 0\nupgrade=$2\n${part('after-install')}`,
    prerm: `${head}${units}[ "$1" = remove ] || exit 0\n${part('before-remove')}`,
    postrm:
      `${head}[ "$1" = remove ] || [ "$1" = purge ] || exit 0\n${part('after-remove')}` +
      `[ "$1" = purge ] || exit 0\n${part('purge')}`,
  };
}

/** Returns the scriptlets for rpm. Their argument is the number of versions that stay installed. */
export function rpmScripts(): PackageScripts {
  return {
    post: `${units}upgrade=\nif [ "$1" -gt 1 ]; then upgrade=yes; fi\n${part('after-install')}`,
    preun: `${units}[ "$1" -eq 0 ] || exit 0\n${part('before-remove')}`,
    postun: `[ "$1" -eq 0 ] || exit 0\n${part('after-remove')}`,
  };
}
