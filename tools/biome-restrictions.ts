import { dirname, relative } from 'node:path/posix';
import { allowedRooms, pureModules } from './room-rules.ts';
import type { Room } from './rooms/room.ts';

/** Globals that are I/O, a clock or a process. */
const impureGlobals = ['fetch', 'performance', 'process', 'setImmediate', 'setInterval', 'setTimeout', 'WebSocket'];

/**
 * Returns the text of biome.rooms.json: for each room, a rule that reports in an editor what
 * `npm run check` reports. The check of the import graph is complete. It also finds what Biome does
 * not (`typeof import('…')`), and what would slow Biome down (packages) or need a
 * pattern for each depth (rows of whole trees).
 */
export function biomeRestrictions(rooms: readonly Room[]): string {
  const single = rooms.filter(({ name }) => !name.endsWith('/**'));
  // Biome applies the last override that matches: overrides of single files come last.
  const ordered = single.toSorted((a, b) => Number(isFile(a.name)) - Number(isFile(b.name)));
  const lines = ordered.map((room) => JSON.stringify(override(rooms, room)));
  return `{"overrides": [\n${lines.join(',\n')}\n]}\n`;
}

function override(rooms: readonly Room[], room: Room): unknown {
  const patterns = [roomPattern(rooms, room)];
  const style: Record<string, unknown> = { noRestrictedImports: { level: 'error', options: { patterns } } };
  if (room.pure) {
    const message = `${room.name} is pure: no I/O, no clock, no process.`;
    patterns.push({ group: ['node:*', 'node:*/**', ...pureModules.map((module) => `!${module}`)], message });
    const deniedGlobals = Object.fromEntries(impureGlobals.map((name) => [name, message]));
    style['noRestrictedGlobals'] = { level: 'error', options: { deniedGlobals } };
  }
  const includes = [isFile(room.name) ? room.name : `${room.name}/*`, '!**/*.test.ts'];
  return { includes, linter: { rules: { style } } };
}

function isFile(name: string): boolean {
  return name.endsWith('.ts');
}

/** Returns the pattern that refuses all files of other rooms, except those that the row names. */
function roomPattern(rooms: readonly Room[], room: Room): unknown {
  const directory = isFile(room.name) ? dirname(room.name) : room.name;
  const allowed = allowedRooms(rooms, room).map(({ name }) => name);
  // A row of a single file in a directory that may be imported, which the room's own row leaves
  // out.
  const refusedFiles = rooms
    .map(({ name }) => name)
    .filter((name) => isFile(name) && name !== room.name && !allowed.includes(name))
    .filter((name) => allowed.includes(dirname(name)) || dirname(name) === directory);
  const open = allowed.flatMap((name) => spellings(directory, name));
  const ownDirectory = isFile(room.name) && !allowed.includes(directory) ? ['./*'] : [];
  return {
    group: [
      ...['#*/**', '../**', './*/**', ...ownDirectory],
      ...open.map((pattern) => `!${pattern}`),
      '!../**/*.json',
      ...refusedFiles.flatMap((name) => spellings(directory, name)),
    ],
    message: `The row of ${room.name} in tools/rooms does not allow this import.`,
  };
}

/** Returns how files of a room are written in imports by files of a directory. */
function spellings(directory: string, name: string): string[] {
  const path = relative(directory, name.replace(/\/\*\*$/, ''));
  const relativePath = path === '' ? '.' : path.startsWith('.') ? path : `./${path}`;
  if (isFile(name)) return [`#${name.slice(0, -'.ts'.length)}`, relativePath];
  const end = name.endsWith('/**') ? '/**' : '/*';
  return [`#${name.replace(/\/\*\*$/, '')}${end}`, `${relativePath}${end}`];
}
