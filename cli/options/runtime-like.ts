import { InvalidArgumentError, Option } from 'commander';
import { FairleadError } from '#lib/errors';
import { loadTables } from '#lib/profile/seccomp/tables/runtime-defaults/load-tables';
import {
  describeReleases,
  type RuntimeDefaultChoice,
  tablesLike,
} from '#lib/profile/seccomp/tables/runtime-defaults/select-tables';
import { parseRuntimeIdentity, type RuntimeName, runtimeNames } from '#lib/profile/seccomp/tables/runtime-identity';
import { quote } from '#lib/text/quote';

/** Values of the option that likeOption makes. */
export interface LikeOptions {
  readonly like: RuntimeLike;
}

/** A runtime and its release, by default the newest known one. */
export interface RuntimeLike {
  readonly name: RuntimeName;
  readonly version?: string;
}

/** Makes the option `--like`: the runtime whose default profile RuntimeDefault means. */
export function likeOption(): Option {
  return new Option('--like <runtime[@version]>', `container runtime: ${runtimeNames.join(', ')}`)
    .argParser(parseLike)
    .default({ name: 'containerd' } satisfies RuntimeLike, 'the newest known release of containerd');
}

function parseLike(text: string): RuntimeLike {
  const at = text.indexOf('@');
  const identity = parseRuntimeIdentity(at < 0 ? text : text.slice(0, at), text.slice(at + 1));
  if (identity === undefined) throw new InvalidArgumentError(`Want ${runtimeNames.join(', ')}.`);
  return at < 0 ? { name: identity.name } : identity;
}

/**
 * Returns the default profiles of a release.
 *
 * @throws FairleadError InvalidInput for an unknown release.
 */
export async function loadTablesLike({ name, version }: RuntimeLike): Promise<RuntimeDefaultChoice> {
  const tables = await loadTables(name);
  const choice = tablesLike(tables, { name, version });
  if (choice !== undefined) return choice;
  throw new FairleadError('InvalidInput', `unknown default profile of ${name} ${quote(version ?? '')}`, {
    hint: `Known releases: ${describeReleases(tables)}; MAJOR.MINOR means the newest of its releases.`,
  });
}
