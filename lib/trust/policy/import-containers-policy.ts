import * as v from 'valibot';
import { stringify } from 'yaml';
import { registryName, repositoryName } from '#lib/registry/registry-name';
import { matchesRepository, matchProblem } from './match.ts';
import { type FileName, type Path, PolicyText } from './policy-text.ts';

/** A trust policy made from another tool's, as the files to write. */
export interface ImportedPolicy {
  /** Our policy, YAML. */
  readonly policy: string;
  /** Keys that stood inside the other policy, by the file names that ours gives them: PEM. */
  readonly keys: ReadonlyMap<string, string>;
  /** Files of keys that the policy names, as it names them: they are not looked at. */
  readonly keyFiles: readonly FileName[];
  /**
   * What its new owner must know: what is allowed unsigned, and what was left out; each with
   * `source:line:column`.
   */
  readonly notes: readonly string[];
}

/** What is imported only where somebody wants it. */
export interface ImportChoices {
  /** Takes over that everything which no other rule matches is allowed unsigned. */
  readonly allowUnsigned?: boolean | undefined;
  /**
   * Leaves out what cannot be imported, so that it is denied; refused where something wider would
   * let it through.
   */
  readonly skip?: boolean | undefined;
}

const text = v.pipe(v.string(), v.nonEmpty('it is empty'));
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
const requirementsSchema = v.pipe(v.array(requirementSchema), v.nonEmpty('a scope needs at least one requirement'));
const documentSchema = v.strictObject({
  default: requirementsSchema,
  transports: v.exactOptional(v.record(v.string(), v.record(v.string(), requirementsSchema))),
});

type Requirement = v.InferOutput<typeof requirementSchema>;

/**
 * What a scope comes to: nothing is accepted, or it was left out, or anything is, or what is signed
 * as the rule says.
 */
type Verdict =
  | 'reject'
  | 'left out'
  | { readonly unsigned: true }
  | { readonly require: object[]; readonly signedRepository?: string };

/** A scope of the other policy: the repositories that it covers, and what it says of them. */
interface Scope {
  readonly name: string;
  readonly path: Path;
  readonly verdict: Verdict;
}

/** Why an entry cannot be imported as it is, and where. */
class Inexpressible extends Error {
  readonly path: Path;

  constructor(path: Path, reason: string) {
    super(reason);
    this.path = path;
  }
}

/**
 * Makes a trust policy from a containers-policy.json(5), as Podman, skopeo and CRI-O read it. Its
 * `docker` transport speaks of registries, and so does ours; the other transports are left out, and
 * named. There the most specific scope decides, here the first rule that matches: the rules come in
 * that order. Throws InvalidInput with line and column for what cannot be said in our policy
 * exactly, unless it is chosen to skip that, and for what allows everything unsigned, unless that
 * is chosen; nothing is made looser.
 */
export function importContainersPolicy(json: string, source: string, choices: ImportChoices = {}): ImportedPolicy {
  const document = new PolicyText(json, source, 'containers-policy.json(5) says what may stand there.');
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
 * Hosts with a wildcard come after all others; then the longer scope, which is the more specific
 * one, comes first.
 */
function bySpecificity(a: Scope, b: Scope): number {
  return Number(a.name.startsWith('*')) - Number(b.name.startsWith('*')) || b.name.length - a.name.length;
}

class Importer {
  readonly keys = new Map<string, string>();
  readonly keyFiles: FileName[] = [];
  readonly notes: string[] = [];
  readonly #document: PolicyText;
  readonly #choices: ImportChoices;

  constructor(document: PolicyText, choices: ImportChoices) {
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
   * The rules for scopes in their order. What is rejected or left out gets none, since what no rule
   * allows is denied; where a wider scope after it accepts something, that would let it through,
   * and our policy has no way to say so.
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
        `signedRepository (${[...signedFor].join(', ')}): signatures have to say for which repository they were made, ` +
          "which Sigstore bundles never do: sign with `format: 'legacy'`, or remove signedRepository from the rules",
      );
    }
    return scopes.flatMap(({ name, verdict }) =>
      typeof verdict === 'object' ? globsOf(name).map((match) => ({ match, ...verdict })) : [],
    );
  }

  /**
   * Why nothing can be imported where scopes that get no rule are covered by a wider one that
   * accepts something.
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
        : `cannot be skipped: ${named} would be left out, and ${accepting} would let ${scopes.length === 1 ? 'it' : 'them'} through`,
      {
        hint: acceptsAnything
          ? `Nothing was imported. Run it with \`skip\` alone, without \`allowUnsigned\`: then ${accepting} is left out too, and what no rule names is denied.`
          : repository === undefined
            ? `Nothing was imported. In the place of ${accepting}, name there the namespaces and repositories that are to be allowed: what no rule names is denied.`
            : `Nothing was imported. Remove ${named} there: then ${accepting} decides for every tag and digest of ${repository}.`,
      },
    );
  }

  /** What to do about a scope that cannot be said, by who has not chosen to skip such. */
  #withoutSkip(name: string): string {
    const repository = repositoryOf(name);
    const skip = `give \`skip\`${this.#choices.allowUnsigned === true ? ' in the place of `allowUnsigned`' : ''} to leave out what cannot be said: it is denied then`;
    return repository === undefined
      ? `Nothing was imported. Change it there, or ${skip}.`
      : `Nothing was imported. A rule is for a whole repository: remove this scope there, so that what is said of ${repository} holds for all of its tags and digests; or, where nothing is said of that, ${skip}.`;
  }

  /** Notes a transport that is not the one of registries. */
  leftOutTransport(name: string): void {
    this.#note(['transports', name], `left out: transport ${name}: only docker is imported`);
  }

  /** What a scope comes to that asks for no signature: the one for everything needs a choice. */
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
        hint: 'Nothing was imported. Give `skip` to leave it out, so that only what other rules name is allowed; or `allowUnsigned`, if everything is to be.',
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
      throw new Inexpressible(path, `there ${host} is another registry than ${same}, and here the same`);
    }
    if (/^\*\.[^/]+$/.test(name) || !name.includes('*')) {
      if (globsOf(name).every((glob) => matchProblem(glob) === undefined)) return;
    }
    throw new Inexpressible(path, `the scope ${JSON.stringify(name)} is no registry, namespace or repository`);
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
      throw new Inexpressible(path, 'its requirements want different repositories to be signed for');
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
      throw new Inexpressible([...path, found], `${found} holds no times of validity, which a trusted root needs`);
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
      throw this.#document.error(path, 'exactly one of keyPath, keyPaths, keyData and keyDatas must be there');
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
      throw new Inexpressible([...path, 'dockerRepository'], 'it is no full name of a repository, registry included');
    }
    const type = identity?.type ?? 'matchRepoDigestOrExact (the default)';
    throw new Inexpressible(path, `signedIdentity ${type} compares tags, which cosign does not sign`);
  }

  /** A key given inline: it gets a file of its own beside the policy. */
  #keep(data: string, path: Path): string {
    const pem = Buffer.from(data, 'base64').toString('utf8');
    if (!pem.includes('-----BEGIN PUBLIC KEY-----'))
      throw this.#document.error(path, 'it holds no public key in PEM form');
    const known = [...this.keys].find(([, content]) => content === pem)?.[0];
    const file = known ?? `imported-${this.keys.size + 1}.pub`;
    this.keys.set(file, pem);
    return file;
  }
}

/** What messages call the scope at a path. */
function nameOf([first, transport, scope]: Path): string {
  if (first === 'default') return 'the default';
  return scope === '' ? `scope "" of ${transport}` : `scope ${scope}`;
}

/** The repository of a scope that is one tag or digest of it; undefined for other scopes. */
function repositoryOf(scope: string): string | undefined {
  const [, repository, tagOrDigest] = /^([^@*]+\/[^@:/*]+)((?::[^/@*]+)?(?:@[^*]+)?)$/.exec(scope) ?? [];
  return tagOrDigest === '' ? undefined : repository;
}

/**
 * The registry that a scope's host is here, or has among its own here, and is not there; undefined
 * where there is none.
 */
function hostsTakenForOthers(name: string, host: string): string | undefined {
  if (registryName(host) !== host) return registryName(host);
  const hub = 'docker.io';
  const here = name.startsWith('*') && globsOf(name).some((glob) => matchesRepository(glob, `${hub}/library/nginx`));
  return here && !hub.endsWith(host.slice(1)) ? hub : undefined;
}

/**
 * The globs of what a scope covers: a registry, the registries of a domain whatever their ports, a
 * namespace with all below it, a repository.
 */
function globsOf(scope: string): string[] {
  if (scope === '') return ['**'];
  if (scope.startsWith('*')) return [`${scope}/**`, `${scope}:*/**`];
  return scope.includes('/') ? [scope, `${scope}/**`] : [`${scope}/**`];
}

/** Says whether everything in the second scope is in the first, or might be. */
function covers(wide: string, narrow: string): boolean {
  if (wide === '' || narrow === wide || narrow.startsWith(`${wide}/`)) return true;
  // A tag or digest of a repository.
  if (wide.includes('/') && [':', '@'].some((separator) => narrow.startsWith(wide + separator))) return true;
  if (!wide.startsWith('*.')) return false;
  const [host = ''] = narrow.split(/[:/]/);
  return host.endsWith(wide.slice(1));
}
