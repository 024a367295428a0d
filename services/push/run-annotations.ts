import { ciSource } from '#lib/trust/sign/ci-source';

const source = 'org.opencontainers.image.source';
const revision = 'org.opencontainers.image.revision';
/** The annotation of the time of creation. */
export const createdKey = 'org.opencontainers.image.created';

/**
 * Annotations that differ from one run to the next (image-spec, annotations.md). An artifact that
 * differs in them alone is not published again.
 */
export const runAnnotationKeys: readonly string[] = [source, revision, createdKey];

/**
 * Returns the source repository and the commit of this CI job as annotations. Throws InvalidInput
 * in an environment that is not a known CI system, and if a variable is missing.
 */
export function ciAnnotations(env: NodeJS.ProcessEnv): Readonly<Record<string, string>> {
  const { repository, commit } = ciSource(env);
  return { [source]: repository, [revision]: commit };
}
