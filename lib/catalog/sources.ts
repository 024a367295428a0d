import { FairleadError } from '#lib/errors';
import { ifThere } from '#lib/registry/if-there';
import {
  formatRepository,
  isRegistry,
  isRepository,
  maxNameLength,
  parseReference,
  type Reference,
} from '#lib/registry/reference';
import { registryName } from '#lib/registry/registry-name';
import { quote } from '#lib/text/quote';

/** Where the profiles of a catalog come from. */
export interface CatalogSources {
  /** Registries of which all repositories are taken; not every registry lists them. */
  readonly registries: readonly string[];
  /** `registry/prefix`: the repositories of the registry whose names begin with it. */
  readonly prefixes: readonly string[];
  /** `registry/repository`. */
  readonly repositories: readonly string[];
  /** Container images whose attached profiles are taken, with tag or digest. */
  readonly images: readonly Reference[];
}

/** A repository with profiles. */
export interface SourceRepository {
  readonly registry: string;
  readonly repository: string;
  /** True if the sources name it: then it must exist. */
  readonly isNamed: boolean;
}

/** Lists the repositories of a registry, without its name. */
export type ListRepositories = (registry: string) => AsyncIterable<string>;

/**
 * Parses a line of a list of repositories: `registry/repository`; undefined for an empty line and
 * for one that begins with `#`. Throws InvalidInput.
 */
export function parseListLine(line: string): string | undefined {
  const text = line.trim();
  return text === '' || text.startsWith('#') ? undefined : formatRepository(parseSource(text));
}

/** Parses `registry/repository`. Throws InvalidInput for a tag or digest too. */
function parseSource(text: string): Pick<Reference, 'registry' | 'repository'> {
  const { registry, repository, tag, digest } = parseReference(text);
  if (tag === undefined && digest === undefined) return { registry: registryName(registry), repository };
  throw new FairleadError('InvalidInput', `${quote(text, 300)} is the reference of an artifact, not a repository`, {
    hint: `All versions of a repository are taken: write ${registry}/${repository}.`,
  });
}

/**
 * Returns the repositories of the sources, each once, sorted. Names that registries list and that
 * are invalid are left out. Throws InvalidInput for an invalid source, NotFound for a prefix that
 * no repository has, and as `list` does.
 */
export async function sourceRepositories(
  { registries, prefixes, repositories }: CatalogSources,
  list: ListRepositories,
): Promise<readonly SourceRepository[]> {
  const found = new Map<string, SourceRepository>();
  const add = (registry: string, repository: string, isNamed: boolean): void => {
    const name = `${registry}/${repository}`;
    if (found.get(name)?.isNamed !== true) found.set(name, { registry, repository, isNamed });
  };
  for (const text of repositories) {
    const { registry, repository } = parseSource(text);
    add(registry, repository, true);
  }
  const wanted = Map.groupBy(
    [...registries.map(wholeRegistry), ...prefixes.map(parsePrefix)],
    ({ registry }) => registry,
  );
  for (const [registry, of] of wanted) {
    const unused = new Set(of.map(({ prefix }) => prefix).filter((prefix) => prefix !== ''));
    for await (const repository of list(registry)) {
      const isValid = isRepository(repository) && registry.length + 1 + repository.length <= maxNameLength;
      const matching = isValid ? of.filter(({ prefix }) => repository.startsWith(prefix)) : [];
      if (matching.length > 0) add(registry, repository, false);
      for (const { prefix } of matching) unused.delete(prefix);
    }
    const [missing] = unused;
    if (missing !== undefined) throw noSuchPrefix(registry, missing);
  }
  return [...found.values()].sort((one, other) => (formatRepository(one) < formatRepository(other) ? -1 : 1));
}

/**
 * Returns the result for a repository; `none` if it does not exist and only a registry listed it:
 * some list what was deleted.
 */
export async function unlessGone<T>({ isNamed }: SourceRepository, requested: Promise<T>, none: T): Promise<T> {
  return isNamed ? requested : ((await ifThere(requested)) ?? none);
}

interface Prefix {
  readonly registry: string;
  readonly prefix: string;
}

function noSuchPrefix(registry: string, prefix: string): FairleadError {
  return new FairleadError('NotFound', `no repository of ${registry} begins with ${prefix}`, {
    hint: 'Check the prefix, and whether these credentials may list the repositories.',
  });
}

function wholeRegistry(text: string): Prefix {
  if (isRegistry(text)) return { registry: registryName(text), prefix: '' };
  throw new FairleadError('InvalidInput', `invalid registry ${quote(text, 300)}: want a host, such as ghcr.io`, {
    hint: 'To take the repositories below a path, name a prefix: registry/path/.',
  });
}

function parsePrefix(text: string): Prefix {
  const slash = text.indexOf('/');
  const [registry, prefix] = [text.slice(0, Math.max(slash, 0)), text.slice(slash + 1)];
  if (isRegistry(registry) && prefix !== '' && isRepository(prefix.replace(/[/._-]+$/, ''))) {
    return { registry: registryName(registry), prefix };
  }
  throw new FairleadError('InvalidInput', `invalid prefix ${quote(text, 300)}: want registry/prefix`, {
    hint: 'A prefix that ends with / covers a path: ghcr.io/acme/profiles/.',
  });
}
