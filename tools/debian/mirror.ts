import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';

/** The release that the host is, like `bookworm`; undefined where the host is not Debian. */
export function hostRelease(): string | undefined {
  let text: string;
  try {
    text = readFileSync('/etc/os-release', 'utf8');
  } catch {
    return undefined;
  }
  return /^ID=debian$/m.test(text) ? /^VERSION_CODENAME=(\w+)$/m.exec(text)?.[1] : undefined;
}

/**
 * The address of the Debian mirror that the host's apt uses, from deb822 or one-line source files.
 */
export function hostMirror(release: string, directory = '/etc/apt'): string {
  const found = findMirror(release, directory);
  if (found === undefined) {
    throw new Error(`no Debian mirror for ${release} in ${directory}/sources.list and ${directory}/sources.list.d`);
  }
  return found;
}

/** Returns the address of the mirror as {@link hostMirror} does; undefined if apt has none. */
export function findMirror(suite: string, directory = '/etc/apt'): string | undefined {
  for (const file of sourceFiles(directory)) {
    const text = readFileSync(file, 'utf8');
    const found = file.endsWith('.sources') ? mirrorOfStanzas(text, suite) : mirrorOfLines(text, suite);
    if (found !== undefined) return found;
  }
  return undefined;
}

function sourceFiles(directory: string): string[] {
  const parts = path.join(directory, 'sources.list.d');
  const list = (dir: string): string[] => {
    try {
      return readdirSync(dir);
    } catch {
      return [];
    }
  };
  return [
    ...list(parts)
      .filter((name) => name.endsWith('.sources') || name.endsWith('.list'))
      .map((name) => path.join(parts, name)),
    ...list(directory)
      .filter((name) => name === 'sources.list')
      .map((name) => path.join(directory, name)),
  ];
}

function mirrorOfStanzas(text: string, release: string): string | undefined {
  for (const stanza of text.split(/\n\s*\n/)) {
    const suites = /^Suites:(.*)$/m.exec(stanza)?.[1]?.trim().split(/\s+/) ?? [];
    const uri = /^URIs:\s*(\S+)/m.exec(stanza)?.[1];
    if (uri !== undefined && suites.includes(release)) return uri;
  }
  return undefined;
}

function mirrorOfLines(text: string, release: string): string | undefined {
  for (const line of text.split('\n')) {
    const [, uri, suite] = /^deb\s+(?:\[[^\]]*\]\s+)?(\S+)\s+(\S+)/.exec(line) ?? [];
    if (uri !== undefined && suite === release) return uri;
  }
  return undefined;
}
