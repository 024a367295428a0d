import { dirname, join, normalize } from 'node:path/posix';
import type { Room } from './rooms/room.ts';
import type { SourceImport } from './source-imports.ts';

/** Reports whether a file belongs to a room, unless a more exact row exists. */
function covers({ name }: Room, file: string): boolean {
  if (name.endsWith('/**')) return file.startsWith(name.slice(0, -2));
  return name === file || name === dirname(file);
}

function exactness({ name }: Room): number {
  return name.endsWith('/**') ? name.length : name.length + 1000;
}

/**
 * Returns the room of a file: the row of the file itself, of its directory, or of a tree around it.
 */
export function roomOf(rooms: readonly Room[], file: string): Room | undefined {
  const own = rooms.filter((room) => covers(room, file));
  return own.toSorted((a, b) => exactness(b) - exactness(a))[0];
}

/** Returns the rooms that a room may import. */
export function allowedRooms(rooms: readonly Room[], { imports }: Room): Room[] {
  return rooms.filter(({ name }) => imports.some((allowed) => isIn(name, allowed)));
}

/** Reports whether an entry of `imports` names a room. A tree does not include public faces. */
function isIn(name: string, allowed: string): boolean {
  if (name === allowed) return true;
  if (!allowed.endsWith('/**') || name.endsWith('/index.ts')) return false;
  return name === allowed.slice(0, -3) || name.startsWith(allowed.slice(0, -2));
}

/**
 * Returns the faults of the table itself: two rows for one room, a row without files, an import of
 * an unknown room, and an import of a room that is not before the row, which could close a circle.
 */
export function tableFaults(rooms: readonly Room[], files: readonly string[]): string[] {
  const used = new Set(files.map((file) => roomOf(rooms, file)));
  return rooms.flatMap((room, index) => {
    const before = rooms.slice(0, index);
    const later = rooms.slice(index);
    return [
      ...(before.some(({ name }) => name === room.name) ? [`${room.name} has two rows`] : []),
      ...(used.has(room) ? [] : [`${room.name} has a row, and no files`]),
      ...room.imports.flatMap((allowed) => {
        const late = later.find(({ name }) => name !== room.name && isIn(name, allowed));
        if (late !== undefined) return [`${room.name} may import ${late.name}, which is not before it in the table`];
        return before.some(({ name }) => isIn(name, allowed))
          ? []
          : [`${room.name} may import ${allowed}, which has no row`];
      }),
    ];
  });
}

/** Modules of Node without I/O, clock and process. */
export const pureModules: readonly string[] = ['node:buffer', 'node:path/posix', 'node:util'];

/** Returns the file of this project that is imported; undefined for a package. */
export function importedFile({ file, specifier }: SourceImport): string | undefined {
  if (specifier.startsWith('#')) return `${specifier.slice(1)}.ts`;
  return specifier.startsWith('.') ? normalize(join(dirname(file), specifier)) : undefined;
}

/**
 * Returns the package of npm that a specifier names: `@noble/ciphers` of `@noble/ciphers/salsa.js`.
 */
function packageOf(specifier: string): string {
  return specifier.split('/', specifier.startsWith('@') ? 2 : 1).join('/');
}

/** Returns the imports that the row of a room does not allow, and the files without a room. */
export function importFaults(rooms: readonly Room[], imports: readonly SourceImport[]): string[] {
  const allowed = new Map(rooms.map((room) => [room, new Set(allowedRooms(rooms, room))]));
  return imports.flatMap((found) => {
    const place = `${found.file}:${found.line}`;
    const room = roomOf(rooms, found.file);
    if (room === undefined) return [`${place}: ${dirname(found.file)} has no row`];
    const file = importedFile(found);
    if (file === undefined) {
      if (found.specifier.startsWith('node:')) {
        const isAllowed = room.pure === undefined || pureModules.includes(found.specifier);
        return isAllowed ? [] : [`${place}: ${room.name} is pure, and may not import ${found.specifier}`];
      }
      const name = packageOf(found.specifier);
      return room.packages === 'any' || room.packages?.includes(name)
        ? []
        : [`${place}: ${room.name} may not import the package ${name}`];
    }
    // Data is in no room: package.json, and the examples.
    if (file.endsWith('.json')) return [];
    const other = roomOf(rooms, file);
    if (other === undefined) return [`${place}: ${dirname(file)} has no row`];
    if (other === room || allowed.get(room)?.has(other)) return [];
    return [`${place}: ${room.name} may not import ${other.name} (${file})`];
  });
}

/** Returns the rooms and packages that rows allow and no file imports. */
export function unusedPermissions(rooms: readonly Room[], imports: readonly SourceImport[]): string[] {
  const used = new Map(rooms.map((room) => [room, new Set<string>()]));
  for (const found of imports) {
    const room = roomOf(rooms, found.file);
    const file = importedFile(found);
    const what = file === undefined ? packageOf(found.specifier) : roomOf(rooms, file)?.name;
    if (room !== undefined && what !== undefined) used.get(room)?.add(what);
  }
  return rooms.flatMap((room) => {
    const names = Array.from(used.get(room) ?? []);
    const packages = room.packages === 'any' ? [] : (room.packages ?? []);
    return [
      ...room.imports.filter((allowed) => !names.some((name) => name !== room.name && isIn(name, allowed))),
      ...packages.filter((name) => !names.includes(name)),
    ].map((permission) => `${room.name} may import ${permission}, and does not`);
  });
}
