import * as v from 'valibot';
import { stringify } from 'yaml';
import type { FileName, Path } from '#lib/config/config-document';
import { ConfigText } from '#lib/config/config-text';
import { registryName, repositoryName } from '#lib/registry/registry-name';
import { matchesRepository, matchProblem } from './match.ts';

/** A trust policy converted from another tool's policy, as the files to write. */
export interface ImportedPolicy {
  /** The trust policy, YAML. */
  readonly policy: string;
  /** Keys that were inline in the other policy (PEM), by their new file names. */
  readonly keys: ReadonlyMap<string, string>;
  /** Key files that the policy names, as it names them. They are not read. */
  readonly keyFiles: readonly FileName[];
  /**
   * What the user must know: what is allowed unsigned, and what was left out. Notes about an entry
   * begin with `source:line:column`.
   */
  readonly notes: readonly string[];
}

/** What is imported only on request. */
export interface ImportChoices {
  /** Imports a default that allows unsigned everything that no other rule matches. */
  readonly allowUnsigned?: boolean | undefined;
  /**
   * Leaves out what cannot be imported, so that it is denied. Fails if a wider scope would allow
   * it.
   */
  readonly skip?: boolean | undefined;
}

const text = v.pipe(v.string(), v.nonEmpty('empty value'));
const requirementSchema = v.strictObject({
  type: v.picklist(['insecureAcceptAnything', 'reject', 'sigstoreSigned', 'signedBy']),
  keyPath: v.exactOptional(text),
  keyPaths: v.exactOptional(v.pipe(v.array(text), v.minLength(1))),
  keyData: v.exactOptional(text),
  keyDatas: v.exactOptional(v.pipe(v.array(text), v.minLength(1))),
  signedIdentity: v.exactOptional(v.looseObject({ type: v.string(), dockerRepository: v.exactOptional(text) })),
  fulcio: v.exactOptional(v.unknown()),
  pki: v.exactOptional(v.unknown()),
  rekorPublicKeyPath: v.exactOptional(v.unknown()),
  rekorPublicKeyPaths: v.exactOptional(v.unknown()),
  rekorPublicKeyData: v.exactOptional(v.unknown()),
  rekorPublicKeyDatas: v.exactOptional(v.unknown()),
  keyType: v.exactOptional(v.unknown()),
});
const requirementsSchema = v.pipe(v.array(requirementSchema), v.nonEmpty('empty list: want at least one requirement'));
const documentSchema = v.strictObject({
  default: requirementsSchema,
  transports: v.exactOptional(v.record(v.string(), v.record(v.string(), requirementsSchema))),
});

type Requirement = v.InferOutput<typeof requirementSchema>;

/**
 * The result for a scope: it rejects everything, was left out, accepts anything, or accepts what is
 * signed as required.
 */
type Verdict =
  | 'reject'
  | 'left out'
  | { readonly unsigned: true }
  | { readonly require: object[]; readonly signedRepository?: string };

/** A scope of the other policy: the repositories that it covers, and its verdict on them. */
interface Scope {
  readonly name: string;
  readonly path: Path;
  readonly verdict: Verdict;
}

/** Reports why an entry has no exact equivalent, and where it is. */
class Inexpressible extends Error {
  readonly path: Path;

  constructor(path: Path, reason: string) {
    super(reason);
    this.path = path;
  }
}

/**
 * Converts a containers-policy.json(5), as Podman, skopeo and CRI-O read it, to a trust policy.
 * Only its `docker` transport, which is for registries, is imported; notes name the others. There
 * the most specific scope decides, here the first rule that matches. The rules are sorted by that.
 * The result is never less strict. Throws InvalidInput with line and column for an entry without
 * an exact equivalent, unless `skip` is set, and for a default that allows everything unsigned,
 * unless `allowUnsigned` or `skip` is set.
 */
export function importContainersPolicy(json: string, source: string, choices: ImportChoices = {}): ImportedPolicy {
  const document = new ConfigText(json, source, 'See containers-policy.json(5) for the format.');
  const parsed = v.safeParse(documentSchema, document.value);
  if (!parsed.success) throw document.schemaError(parsed.issues, () => Object.keys(requirementSchema.entries));
  const importer = new Importer(document, choices);
  const { docker = {}, ...others } = parsed.output.transports ?? {};
  const { '': ofTransport, ...named } = docker;
  const scopes = Object.entries(named)
    .map(([name, requirements]) => importer.scope(name, requirements, ['transports', 'docker', name]))
    .sort(bySpecificity);
  const fallback =
    ofTransport === undefined
      ? importer.scope('', parsed.output.default, ['default'])
      : importer.scope('', ofTransport, ['transports', 'docker', '']);
  const rules = importer.rules([...scopes, fallback]);
  for (const name of Object.keys(others)) importer.leftOutTransport(name);
  return {
    policy: stringify({ apiVersion: 'fairlead.dev/v1', kind: 'TrustPolicy', rules }, { aliasDuplicateObjects: false }),
    keys: importer.keys,
    keyFiles: importer.keyFiles,
    notes: importer.notes,
  };
}

/**
 * Compares scopes for sorting: hosts with a wildcard come last, and longer scopes, which are more
 * specific, come first.
 */
function bySpecificity(a: Scope, b: Scope): number {
  return Number(a.name.startsWith('*')) - Number(b.name.startsWith('*')) || b.name.length - a.name.length;
}

class Importer {
  readonly keys = new Map<string, string>();
  readonly keyFiles: FileName[] = [];
  readonly notes: string[] = [];
  readonly #document: ConfigText;
  readonly #choices: ImportChoices;

  constructor(document: ConfigText, choices: ImportChoices) {
    this.#document = document;
    this.#choices = choices;
  }

  scope(name: string, requirements: readonly Requirement[], path: Path): Scope {
    try {
      if (name !== '') this.#assertScope(name, path);
      const verdict = this.#verdict(requirements, path);
      const isUnsigned = typeof verdict === 'object' && 'unsigned' in verdict;
      return { name, path, verdict: isUnsigned ? this.#unsigned(name, path) : verdict };
    } catch (error) {
      if (!(error instanceof Inexpressible)) throw error;
      if (this.#choices.skip !== true) {
        throw this.#document.error(error.path, `cannot be imported: ${error.message}`, {
          hint: this.#withoutSkip(name),
        });
      }
      this.#note(error.path, `left out: ${nameOf(path)}: ${error.message}`);
      return { name, path, verdict: 'left out' };
    }
  }

  /**
   * Returns the rules for scopes, in their order. A scope that is rejected or left out has no rule,
   * since what no rule allows is denied. Throws InvalidInput if a wider scope after it accepts
   * something: that would allow it, and a trust policy has no rules that deny.
   */
  rules(scopes: readonly Scope[]): object[] {
    const [first, ...more] = scopes.flatMap((scope, index) => {
      if (typeof scope.verdict === 'object') return [];
      const asHere = scope.verdict === 'reject' ? scope.name : repositoryName(scope.name);
      const wider = scopes
        .slice(index + 1)
        .find((other) => typeof other.verdict === 'object' && covers(other.name, asHere));
      return wider === undefined ? [] : [{ scope, wider }];
    });
    if (first !== undefined) {
      const alike = more.filter(({ scope, wider }) => scope.verdict === first.scope.verdict && wider === first.wider);
      throw this.#letThrough([first.scope, ...alike.map(({ scope }) => scope)], first.wider);
    }
    const signedFor = new Set(
      scopes.flatMap(({ verdict }) =>
        typeof verdict === 'object' && 'require' in verdict ? (verdict.signedRepository ?? []) : [],
      ),
    );
    if (signedFor.size > 0) {
      this.notes.push(
        `signedRepository (${[...signedFor].join(', ')}): signatures must name the repository they were made for, ` +
          "which Sigstore bundles never do: sign with `format: 'legacy'`, or remove signedRepository from the rules",
      );
    }
    return scopes.flatMap(({ name, verdict }) =>
      typeof verdict === 'object' ? globsOf(name).map((match) => ({ match, ...verdict })) : [],
    );
  }

  /**
   * Returns the error for scopes without a rule that are covered by a wider scope, which accepts
   * something.
   */
  #letThrough(scopes: readonly [Scope, ...Scope[]], wider: Scope): Error {
    const [{ name, path, verdict }] = scopes;
    const named = scopes.map((scope) => nameOf(scope.path)).join(', ');
    const accepting = nameOf(wider.path);
    const repository = repositoryOf(name);
    const acceptsAnything = wider.name === '' && typeof wider.verdict === 'object' && 'unsigned' in wider.verdict;
    return this.#document.error(
      path,
      verdict === 'reject'
        ? `cannot be imported: ${named}: rejects part of what ${accepting} accepts`
        : `cannot be skipped: ${named} would be left out, but ${accepting} would allow ${scopes.length === 1 ? 'it' : 'them'}`,
      {
        hint: acceptsAnything
          ? `Nothing was imported. Use \`skip\` without \`allowUnsigned\`: then ${accepting} is left out too, and what no rule matches is denied.`
          : repository === undefined
            ? `Nothing was imported. In the file, replace ${accepting} by the namespaces and repositories to allow: what no rule matches is denied.`
            : `Nothing was imported. Remove ${named} from the file: then ${accepting} applies to every tag and digest of ${repository}.`,
      },
    );
  }

  /** Returns the hint for a scope without an exact equivalent if `skip` is not set. */
  #withoutSkip(name: string): string {
    const repository = repositoryOf(name);
    const skip = `use \`skip\`${this.#choices.allowUnsigned === true ? ' instead of `allowUnsigned`' : ''} to leave out what cannot be imported: it is then denied`;
    return repository === undefined
      ? `Nothing was imported. Change the entry in the file, or ${skip}.`
      : `Nothing was imported. A rule applies to a whole repository: remove this scope from the file, so that the scope of ${repository} applies to all of its tags and digests. If the file has no such scope, ${skip}.`;
  }

  /** Notes that a transport other than docker was left out. */
  leftOutTransport(name: string): void {
    this.#note(['transports', name], `left out: transport ${name}: only docker is imported`);
  }

  /** Returns the verdict of a scope that requires no signature. The default needs a choice. */
  #unsigned(name: string, path: Path): Verdict {
    const what = `${nameOf(path)} accepts anything, unsigned`;
    if (name !== '') {
      this.#note(path, what);
    } else if (this.#choices.allowUnsigned === true) {
      this.#note(path, `${what}: everything that no other rule matches is allowed`);
    } else if (this.#choices.skip === true) {
      this.#note(path, `left out: ${what}`);
      return 'left out';
    } else {
      throw this.#document.error(path, `cannot be imported: ${what}`, {
        hint: 'Nothing was imported. Use `skip` to leave it out, so that only what other rules match is allowed, or `allowUnsigned` to allow everything.',
      });
    }
    return { unsigned: true };
  }

  #note(path: Path, text: string): void {
    this.notes.push(`${this.#document.at(path)}: ${text}`);
  }

  #assertScope(name: string, path: Path): void {
    const [host = ''] = name.split('/');
    const same = hostsTakenForOthers(name, host);
    if (same !== undefined) {
      throw new Inexpressible(
        path,
        `${host} and ${same} are different registries there, but the same one in a trust policy`,
      );
    }
    if (/^\*\.[^/]+$/.test(name) || !name.includes('*')) {
      if (globsOf(name).every((glob) => matchProblem(glob) === undefined)) return;
    }
    throw new Inexpressible(path, `invalid scope ${JSON.stringify(name)}: want a registry, namespace or repository`);
  }

  #verdict(requirements: readonly Requirement[], path: Path): Verdict {
    if (requirements.some(({ type }) => type === 'reject')) return 'reject';
    const require: object[] = [];
    const repositories = new Set<string>();
    for (const [index, requirement] of requirements.entries()) {
      if (requirement.type === 'insecureAcceptAnything') continue;
      const { alternatives, signedRepository } = this.#signed(requirement, [...path, index]);
      require.push(alternatives.length === 1 ? (alternatives[0] ?? {}) : { anyOf: alternatives });
      repositories.add(signedRepository);
    }
    const [signedRepository, ...others] = repositories;
    if (signedRepository === undefined) return { unsigned: true };
    if (others.length > 0)
      throw new Inexpressible(path, 'its requirements name different signed repositories: want one');
    return { require, signedRepository };
  }

  #signed(requirement: Requirement, path: Path): { alternatives: object[]; signedRepository: string } {
    const { keyPath, keyPaths, keyData, keyDatas, signedIdentity } = requirement;
    if (requirement.type === 'signedBy') throw new Inexpressible(path, 'GPG signatures are not supported');
    const beyond = [
      'fulcio',
      'pki',
      'rekorPublicKeyPath',
      'rekorPublicKeyPaths',
      'rekorPublicKeyData',
      'rekorPublicKeyDatas',
    ];
    const found = beyond.find((name) => Object.hasOwn(requirement, name));
    if (found !== undefined) {
      throw new Inexpressible([...path, found], `${found} has no validity period, which a trusted root needs`);
    }
    const sources = [
      keyPath && [keyPath],
      keyPaths,
      keyData && [this.#keep(keyData, [...path, 'keyData'])],
      keyDatas?.map((data, index) => this.#keep(data, [...path, 'keyDatas', index])),
    ];
    const file = (name: string, at: Path): FileName => ({ path: name, at: this.#document.at([...path, ...at]) });
    if (keyPath !== undefined) this.keyFiles.push(file(keyPath, ['keyPath']));
    this.keyFiles.push(...(keyPaths ?? []).map((name, index) => file(name, ['keyPaths', index])));
    const [files, ...more] = sources.filter((each) => each !== undefined && each !== '');
    if (files === undefined || more.length > 0 || typeof files === 'string') {
      throw this.#document.error(path, 'want exactly one of keyPath, keyPaths, keyData and keyDatas');
    }
    return {
      alternatives: files.map((key) => ({ key })),
      signedRepository: this.#signedRepository(signedIdentity, [...path, 'signedIdentity']),
    };
  }

  #signedRepository(identity: Requirement['signedIdentity'], path: Path): string {
    if (identity?.type === 'matchRepository') return 'same';
    const repository = identity?.type === 'exactRepository' ? identity.dockerRepository : undefined;
    if (repository !== undefined) {
      if (!repository.includes('*') && matchProblem(repository) === undefined) return repository;
      throw new Inexpressible([...path, 'dockerRepository'], 'invalid repository: want registry/repository');
    }
    const type = identity?.type ?? 'matchRepoDigestOrExact (the default)';
    throw new Inexpressible(path, `signedIdentity ${type} compares tags, which cosign does not sign`);
  }

  /** Moves an inline key to its own file. Returns the name of the file. */
  #keep(data: string, path: Path): string {
    const pem = Buffer.from(data, 'base64').toString('utf8');
    if (!pem.includes('-----BEGIN PUBLIC KEY-----'))
      throw this.#document.error(path, 'invalid key: want base64 of a public key in PEM format');
    const known = [...this.keys].find(([, content]) => content === pem)?.[0];
    const file = known ?? `imported-${this.keys.size + 1}.pub`;
    this.keys.set(file, pem);
    return file;
  }
}

/** Returns the name of the scope at a path in messages. */
function nameOf([first, transport, scope]: Path): string {
  if (first === 'default') return 'the default';
  return scope === '' ? `scope "" of ${transport}` : `scope ${scope}`;
}

/** Returns the repository of a scope that is a tag or digest; undefined for other scopes. */
function repositoryOf(scope: string): string | undefined {
  const [, repository, tagOrDigest] = /^([^@*]+\/[^@:/*]+)((?::[^/@*]+)?(?:@[^*]+)?)$/.exec(scope) ?? [];
  return tagOrDigest === '' ? undefined : repository;
}

/**
 * Returns the registry that the host of a scope matches in a trust policy, but not in the other
 * policy; undefined if none exists.
 */
function hostsTakenForOthers(name: string, host: string): string | undefined {
  if (registryName(host) !== host) return registryName(host);
  const hub = 'docker.io';
  const here = name.startsWith('*') && globsOf(name).some((glob) => matchesRepository(glob, `${hub}/library/nginx`));
  return here && !hub.endsWith(host.slice(1)) ? hub : undefined;
}

/**
 * Returns the globs for a scope: a registry, the registries of a domain on all ports, a namespace
 * with everything below it, or a repository.
 */
function globsOf(scope: string): string[] {
  if (scope === '') return ['**'];
  if (scope.startsWith('*')) return [`${scope}/**`, `${scope}:*/**`];
  return scope.includes('/') ? [scope, `${scope}/**`] : [`${scope}/**`];
}

/** Returns whether everything in the second scope is in the first, or may be. */
function covers(wide: string, narrow: string): boolean {
  if (wide === '' || narrow === wide || narrow.startsWith(`${wide}/`)) return true;
  // A tag or digest of a repository.
  if (wide.includes('/') && [':', '@'].some((separator) => narrow.startsWith(wide + separator))) return true;
  if (!wide.startsWith('*.')) return false;
  const [host = ''] = narrow.split(/[:/]/);
  return host.endsWith(wide.slice(1));
}
