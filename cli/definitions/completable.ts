import type { Argument } from 'commander';

/** What the shell can complete as a value. */
export type Completable = 'file' | 'directory';

const completedAs = new WeakMap<Argument, Completable>();

/** Makes the shell complete an argument, whatever its name is. */
export function completing(argument: Argument, completable: Completable): Argument {
  completedAs.set(argument, completable);
  return argument;
}

/** Returns what the shell completes for an argument: as completing() specifies, or by its name. */
export function completableOf(argument: Argument): Completable | undefined {
  return completedAs.get(argument) ?? completables[argument.name()];
}

/** What the names of values stand for. `diff` compares the file `from` with the file `to`. */
export const completables: Readonly<Record<string, Completable>> = {
  artifact: 'file',
  file: 'file',
  path: 'file',
  from: 'file',
  to: 'file',
  directory: 'directory',
};
