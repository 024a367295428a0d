import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const root = join(import.meta.dirname, '..');

/**
 * Returns the licenses of packages of npm as one text, for what contains their code. Throws if a
 * package comes without one.
 *
 * @param directories of packages, from the root of the project, in any order, with repetitions
 */
export function licenses(directories: readonly string[]): string {
  const texts = [...new Set(directories)].sort().map((directory) => {
    const { name, version, license } = packageManifest(directory);
    const names = readdirSync(join(root, directory)).filter((file) => /^(?:licen[cs]e|copying|notice)/i.test(file));
    if (names.length === 0 && license === undefined) throw new Error(`${directory} has no license`);
    const text = names.sort().map((file) => readFileSync(join(root, directory, file), 'utf8').trim());
    return [`${name} ${version}: ${license}`, ...text].join('\n\n');
  });
  return `${texts.join(`\n\n${'-'.repeat(80)}\n\n`)}\n`;
}

/** Returns what the package.json of an installed package states. */
export function packageManifest(directory: string): {
  readonly name: string;
  readonly version: string;
  readonly license?: string;
} {
  return JSON.parse(readFileSync(join(root, directory, 'package.json'), 'utf8'));
}
