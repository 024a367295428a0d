import * as v from 'valibot';
import { quote } from '#lib/text/quote';
import { type Expected, fits } from '../signature/identity.ts';

/** What a policy can require of SLSA provenance. */
export interface ProvenanceFacts {
  /** The builder: `runDetails.builder.id`. */
  readonly builder?: string | undefined;
  /** The repository that was built, such as `https://github.com/acme/profiles`. */
  readonly repository?: string | undefined;
  /** The branch or tag, such as `refs/heads/main`. */
  readonly ref?: string | undefined;
  /** The file of the workflow, such as `.github/workflows/publish.yml`. */
  readonly workflow?: string | undefined;
}

/** The name of a fact in SLSA provenance that a policy can require. */
export type ProvenanceFact = keyof ProvenanceFacts;

/** What the provenance of an artifact must state (SLSA provenance v1). */
export type ExpectedProvenance = Readonly<Partial<Record<ProvenanceFact, Expected>>>;

const text = v.optional(v.string());
const provenanceSchema = v.object({
  buildDefinition: v.object({
    externalParameters: v.object({
      // GitHub Actions (actions.github.io/buildtypes/workflow/v1)
      workflow: v.optional(v.object({ repository: text, ref: text, path: text })),
      // GitLab CI (gitlab-runner, PROVENANCE.md)
      source: text,
      variables: v.optional(v.record(v.string(), v.unknown())),
    }),
  }),
  runDetails: v.object({ builder: v.object({ id: v.string() }) }),
});

/**
 * Returns what about a predicate is not as expected; undefined if everything is. A fact that it
 * does not name is never as expected.
 */
export function provenanceProblem(predicate: unknown, expected: ExpectedProvenance): string | undefined {
  const facts = provenanceFacts(predicate);
  if (facts === undefined) return 'it is not SLSA provenance v1';
  for (const [fact, wanted] of Object.entries(expected) as [ProvenanceFact, Expected][]) {
    const value = facts[fact];
    if (value === undefined) return `its provenance names no ${fact}`;
    if (!fits(value, wanted)) return `the ${fact} in its provenance is ${quote(value, 300)}`;
  }
  return undefined;
}

const builtFromSchema = v.object({
  buildDefinition: v.object({
    resolvedDependencies: v.optional(
      v.array(v.object({ uri: text, digest: v.optional(v.record(v.string(), v.string())) })),
    ),
  }),
  runDetails: v.object({ builder: v.object({ id: v.string() }) }),
});

/** Who built something, and from which source, by its SLSA provenance. */
export interface BuiltFrom {
  readonly builder: string;
  /** Repository and branch or tag: `git+https://github.com/acme/profiles@refs/heads/main`. */
  readonly source?: string;
  readonly commit?: string;
}

/**
 * Returns who built something and from which source, by SLSA provenance v1; undefined for anything
 * else. The source is the first dependency with a git commit.
 */
export function builtFrom(predicate: unknown): BuiltFrom | undefined {
  const parsed = v.safeParse(builtFromSchema, predicate, { abortEarly: true });
  if (!parsed.success) return undefined;
  const { buildDefinition, runDetails } = parsed.output;
  const source = buildDefinition.resolvedDependencies?.find(({ digest }) => digest?.['gitCommit'] !== undefined);
  const { uri, digest } = source ?? {};
  return {
    builder: runDetails.builder.id,
    ...(uri === undefined ? {} : { source: uri }),
    ...(digest?.['gitCommit'] === undefined ? {} : { commit: digest['gitCommit'] }),
  };
}

/**
 * Reads the facts from the provenance of GitHub Actions or GitLab CI; undefined if it is not
 * provenance.
 */
function provenanceFacts(predicate: unknown): ProvenanceFacts | undefined {
  const parsed = v.safeParse(provenanceSchema, predicate, { abortEarly: true });
  if (!parsed.success) return undefined;
  const { workflow, source, variables = {} } = parsed.output.buildDefinition.externalParameters;
  const builder = parsed.output.runDetails.builder.id;
  if (workflow !== undefined) {
    return { builder, repository: workflow.repository, ref: workflow.ref, workflow: workflow.path };
  }
  return { builder, repository: source, ref: gitlabRef(variables), workflow: textIn(variables, 'CI_CONFIG_PATH') };
}

function gitlabRef(variables: Readonly<Record<string, unknown>>): string | undefined {
  const tag = textIn(variables, 'CI_COMMIT_TAG');
  if (tag !== undefined) return `refs/tags/${tag}`;
  const branch = textIn(variables, 'CI_COMMIT_BRANCH');
  return branch === undefined ? undefined : `refs/heads/${branch}`;
}

function textIn(variables: Readonly<Record<string, unknown>>, name: string): string | undefined {
  const value = Object.hasOwn(variables, name) ? variables[name] : undefined;
  return typeof value === 'string' && value !== '' ? value : undefined;
}
