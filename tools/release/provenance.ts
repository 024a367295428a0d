import { buildProvenance, type Provenance, type ResourceDescriptor } from '#lib/trust/sign/build-provenance';
import { provenancePredicateType } from '#lib/trust/signature/predicate-type';
import { type FileSubject, fileStatement } from '#lib/trust/signature/statement';
import type { PinnedPackage, PinnedPackages } from './image/pinned-packages.ts';
import type { BundledPackage } from './locked-packages.ts';

/** The build that this is, as docs/guides/verify-downloads.md describes it. */
export const releaseBuildType = 'https://fairlead.dev/buildtypes/release/v1';

/** The builder outside of a CI system: a user who runs `npm run release`. */
export const localBuilder = 'https://fairlead.dev/builders/local';

/** What releaseProvenance states. */
export interface ProvenanceInput {
  readonly version: string;
  /** The Git commit that was built. */
  readonly commit: string;
  /** Every file of the release, except provenance and signatures. */
  readonly files: readonly FileSubject[];
  /** The runtimes of Node that the executables contain. */
  readonly runtimes: readonly BundledPackage[];
  /** The packages of Debian that the image contains. */
  readonly image: PinnedPackages;
  /** package-lock.json, with the digest of every other package. */
  readonly lock: FileSubject;
}

/**
 * Returns the SLSA provenance of the files of a release, as an in-toto statement (JSON). The source
 * and the builder are those of the CI system, if `env` names one that buildProvenance supports.
 * Throws an Error if that builds another commit, and as buildProvenance.
 */
export function releaseProvenance(input: ProvenanceInput, env: NodeJS.ProcessEnv): Uint8Array {
  return fileStatement(input.files, { predicateType: provenancePredicateType, predicate: predicateOf(input, env) });
}

function predicateOf({ version, commit, runtimes, image, lock }: ProvenanceInput, env: NodeJS.ProcessEnv): Provenance {
  const { definition, runDetails } = surroundings(commit, env);
  return {
    buildDefinition: {
      ...definition,
      buildType: releaseBuildType,
      externalParameters: { version, ...definition.externalParameters },
      resolvedDependencies: [
        ...definition.resolvedDependencies,
        ...runtimes.map(runtime),
        ...debianPackages(image),
        lockFile(lock),
      ],
    },
    runDetails,
  };
}

/** Returns what the CI system states, or what is known without one. */
function surroundings(commit: string, env: NodeJS.ProcessEnv) {
  if (env['GITHUB_ACTIONS'] !== 'true' && env['GITLAB_CI'] !== 'true') {
    const source: ResourceDescriptor = { name: 'source', digest: { gitCommit: commit } };
    const definition = { externalParameters: {}, resolvedDependencies: [source] };
    return { definition, runDetails: { builder: { id: localBuilder } } };
  }
  const { buildDefinition: definition, runDetails } = buildProvenance(env);
  const built = definition.resolvedDependencies[0]?.digest['gitCommit'];
  if (built === commit) return { definition, runDetails };
  throw new Error(`the CI system builds commit ${built}, and the checkout is of ${commit}`);
}

function runtime({ name, version, integrity }: BundledPackage): ResourceDescriptor {
  const [, base64] = /^sha512-([A-Za-z0-9+/]{86}==)$/.exec(integrity) ?? [];
  if (base64 === undefined) throw new Error(`the integrity of ${name} is ${integrity}: want sha512-<base64>`);
  const sha512 = Buffer.from(base64, 'base64').toString('hex');
  return { name, uri: `pkg:npm/${name}@${version}`, digest: { sha512 } };
}

/** Returns each package once: some are the same file for all architectures. */
function debianPackages({ suite, packages }: PinnedPackages): ResourceDescriptor[] {
  const all = Object.values(packages).flat();
  const files = new Map(all.map((each) => [each.sha256, debianPackage(each, suite)]));
  return [...files.values()];
}

/** The URI follows the purl-spec's type `deb`. */
function debianPackage({ name, version, path, sha256 }: PinnedPackage, suite: string): ResourceDescriptor {
  const architecture = /_([a-z0-9]+)\.deb$/.exec(path)?.[1];
  const identity = [name, version].map(encodeURIComponent).join('@');
  return { name, uri: `pkg:deb/debian/${identity}?arch=${architecture}&distro=${suite}`, digest: { sha256 } };
}

function lockFile({ name, digest }: FileSubject): ResourceDescriptor {
  return { name, digest: { sha256: digest.slice('sha256:'.length) } };
}
