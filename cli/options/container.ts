import { InvalidArgumentError } from 'commander';
import { capabilities as knownCapabilities } from '#lib/profile/apparmor/vocabulary';
import { defaultCapabilities, type RuntimeName } from '#lib/profile/seccomp/tables/runtime-identity';

/** The value of `--capabilities`. The default capabilities depend on the runtime. */
export interface CapabilityList {
  /** Whether the list includes the default capabilities of the runtime. */
  readonly fromRuntime: boolean;
  /** `CAP_…`. */
  readonly added: readonly string[];
}

/** Parses the value of `--capabilities`: `default,NET_ADMIN`, `ALL` or `none`. */
export function parseCapabilities(text: string): CapabilityList {
  const words = text.split(',').map((word) => word.trim().toUpperCase().replace(/^CAP_/, ''));
  const names = words.filter((word) => !['DEFAULT', 'NONE', ''].includes(word));
  for (const name of names) {
    if (name === 'ALL' || knownCapabilities.has(name.toLowerCase())) continue;
    throw new InvalidArgumentError(`Unknown capability ${name}; see capabilities(7).`);
  }
  const added = names.includes('ALL') ? [...knownCapabilities] : names;
  return { fromRuntime: words.includes('DEFAULT'), added: added.map((name) => `CAP_${name.toUpperCase()}`) };
}

/** Returns the bounding set of a container under a runtime: `CAP_…`, sorted. */
export function boundingSet({ fromRuntime, added }: CapabilityList, runtime: RuntimeName): readonly string[] {
  return [...new Set([...(fromRuntime ? defaultCapabilities(runtime) : []), ...added])].sort();
}
