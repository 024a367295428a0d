import { InvalidArgumentError, Option } from 'commander';
import { FairleadError } from '#lib/errors';
import { loadTables } from '#lib/profile/seccomp/tables/runtime-defaults/load-tables';
import {
  describeReleases,
  type RuntimeDefaultChoice,
  tablesLike,
} from '#lib/profile/seccomp/tables/runtime-defaults/select-tables';
import { parseRuntimeIdentity, type RuntimeName, runtimeNames } from '#lib/profile/seccomp/tables/runtime-identity';

/** Values of the option that likeOption makes. */
export interface LikeOptions {
  readonly like: RuntimeLike;
}

/** A runtime, and which releases of it; the newest known ones if that is not given. */
export interface RuntimeLike {
  readonly name: RuntimeName;
  readonly version?: string;
}

/** Returns the option that says whose default profile RuntimeDefault stands for. */
export function likeOption(): Option {
  return new Option('--like <runtime[@version]>', `the runtime: ${runtimeNames.join(', ')}`)
    .argParser(parseLike)
    .default({ name: 'containerd' } satisfies RuntimeLike, 'the newest known containerd');
}

function parseLike(text: string): RuntimeLike {
  const at = text.indexOf('@');
  const identity = parseRuntimeIdentity(at < 0 ? text : text.slice(0, at), text.slice(at + 1));
  if (identity === undefined) throw new InvalidArgumentError(`Known are ${runtimeNames.join(', ')}.`);
  return at < 0 ? { name: identity.name } : identity;
}

/**
 * Returns the tables of the releases that a person asked for.
 *
 * @throws FairleadError InvalidInput for a release that is not known.
 */
export async function loadTablesLike({ name, version }: RuntimeLike): Promise<RuntimeDefaultChoice> {
  const tables = await loadTables(name);
  const choice = tablesLike(tables, { name, version });
  if (choice !== undefined) return choice;
  throw new FairleadError('InvalidInput', `the default profile of ${name} ${JSON.stringify(version)} is not known`, {
    hint: `Known are ${describeReleases(tables)}; MAJOR.MINOR stands for the newest of its releases.`,
  });
}
