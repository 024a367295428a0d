import type { Change } from '../change.ts';
import type { AppArmorProfile } from './model.ts';

/** The lists that grant a kind of access, those that say nothing else first. */
const granting: Readonly<Record<string, readonly (readonly ['executable' | 'filesystem', string])[]>> = {
  execute: [['executable', 'allowedExecutables']],
  map: [
    ['executable', 'allowedLibraries'],
    ['executable', 'allowedExecutables'],
  ],
  read: [
    ['filesystem', 'readOnlyPaths'],
    ['filesystem', 'readWritePaths'],
    ['executable', 'allowedLibraries'],
    ['executable', 'allowedExecutables'],
  ],
  write: [
    ['filesystem', 'writeOnlyPaths'],
    ['filesystem', 'readWritePaths'],
  ],
};

const networkPointers: Readonly<Record<string, string>> = {
  raw: '/network/allowRaw',
  tcp: '/network/allowedProtocols/allowTcp',
  udp: '/network/allowedProtocols/allowUdp',
};

/**
 * Returns JSON pointers into the new profile, to what decides about each change: the path or
 * capability in its list if the new profile has it, else the section, else the profile as a whole.
 */
export function appArmorChangePointers(
  _from: AppArmorProfile,
  to: AppArmorProfile,
  changes: readonly Change[],
): readonly string[] {
  return changes.map(({ subject }) => {
    const space = subject.indexOf(' ');
    const word = space < 0 ? subject : subject.slice(0, space);
    const rest = space < 0 ? '' : subject.slice(space + 1);
    switch (word) {
      case 'mode':
        return '/mode';
      case 'network':
        return networkPointers[rest] ?? '/network';
      case 'capability':
        return (
          itemPointer('/capability/allowedCapabilities', to.capability?.allowedCapabilities, rest) ?? '/capability'
        );
      default:
        return pathPointer(to, word, rest);
    }
  });
}

function pathPointer(profile: AppArmorProfile, access: string, path: string): string {
  const lists = granting[access] ?? [];
  for (const [section, list] of lists) {
    const paths = (profile[section] as Readonly<Record<string, readonly string[]>> | undefined)?.[list];
    const found = itemPointer(`/${section}/${list}`, paths, path);
    if (found !== undefined) return found;
  }
  const [[section, list] = ['filesystem', '']] = lists;
  return `/${section}/${list}`;
}

function itemPointer(list: string, items: readonly string[] | undefined, item: string): string | undefined {
  const index = items?.indexOf(item) ?? -1;
  return index < 0 ? undefined : `${list}/${index}`;
}
