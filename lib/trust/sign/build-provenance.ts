import { FairleadError } from '#lib/errors';
import { type CiSource, ciSource, type Variable, variablesOf } from './ci-source.ts';

/** The predicate of SLSA provenance v1 (slsa.dev/spec/v1.0/provenance), as far as it is written. */
export interface Provenance {
  readonly buildDefinition: {
    /** A URI: what the parameters mean. */
    readonly buildType: string;
    readonly externalParameters: object;
    readonly internalParameters?: object;
    /** What was built from, the source first. */
    readonly resolvedDependencies: readonly ResourceDescriptor[];
  };
  readonly runDetails: {
    readonly builder: { readonly id: string };
    readonly metadata?: { readonly invocationId: string };
  };
}

/** Something that a build used (in-toto, resource_descriptor.md). */
export interface ResourceDescriptor {
  readonly name?: string;
  readonly uri?: string;
  /** By algorithm, in hexadecimal digits. */
  readonly digest: Readonly<Record<string, string>>;
}

/**
 * Returns the predicate of SLSA provenance v1 for this CI job, from the variables that GitHub
 * Actions or GitLab CI set: repository, commit, workflow, and builder. Throws InvalidInput in
 * another environment, and if a variable is missing.
 */
export function buildProvenance(env: NodeJS.ProcessEnv): Provenance {
  const source = ciSource(env);
  const variable = variablesOf(source.system, env);
  return source.system === 'GitHub Actions'
    ? githubProvenance(source, variable)
    : gitlabProvenance(source, variable, env);
}

/** Uses the format of GitHub's own attestations (actions.github.io/buildtypes/workflow/v1). */
function githubProvenance(source: CiSource, variable: Variable): Provenance {
  const { repository } = source;
  const workflowRef = variable('GITHUB_WORKFLOW_REF');
  const [, path, ref] = /^[^/]+\/[^/]+\/([^@]+)@(.+)$/.exec(workflowRef) ?? [];
  if (path === undefined || ref === undefined) {
    throw new FairleadError(
      'InvalidInput',
      `invalid GITHUB_WORKFLOW_REF ${JSON.stringify(workflowRef)}: want <owner>/<repository>/<path>@<ref>`,
    );
  }
  return {
    buildDefinition: {
      buildType: 'https://actions.github.io/buildtypes/workflow/v1',
      externalParameters: { workflow: { ref, repository, path } },
      internalParameters: {
        github: {
          event_name: variable('GITHUB_EVENT_NAME'),
          repository_id: variable('GITHUB_REPOSITORY_ID'),
          repository_owner_id: variable('GITHUB_REPOSITORY_OWNER_ID'),
          runner_environment: variable('RUNNER_ENVIRONMENT'),
        },
      },
      resolvedDependencies: [dependencyOf(source)],
    },
    runDetails: {
      builder: { id: `${variable('GITHUB_SERVER_URL')}/${workflowRef}` },
      metadata: {
        invocationId: `${repository}/actions/runs/${variable('GITHUB_RUN_ID')}/attempts/${variable('GITHUB_RUN_ATTEMPT')}`,
      },
    },
  };
}

/**
 * Uses the format of GitLab's own provenance (gitlab-runner, PROVENANCE.md), with the variables
 * that identify the source.
 */
function gitlabProvenance(source: CiSource, variable: Variable, env: NodeJS.ProcessEnv): Provenance {
  const { repository: project } = source;
  const { CI_COMMIT_TAG, CI_COMMIT_BRANCH, CI_CONFIG_PATH, CI_PIPELINE_SOURCE } = env;
  const kept = Object.entries({ CI_COMMIT_TAG, CI_COMMIT_BRANCH, CI_CONFIG_PATH, CI_PIPELINE_SOURCE });
  return {
    buildDefinition: {
      buildType: 'https://gitlab.com/gitlab-org/gitlab-runner/-/blob/main/PROVENANCE.md',
      externalParameters: {
        source: project,
        entryPoint: variable('CI_JOB_NAME'),
        variables: Object.fromEntries(kept.filter(([, value]) => value)),
      },
      internalParameters: { job: variable('CI_JOB_ID'), pipeline: variable('CI_PIPELINE_ID') },
      resolvedDependencies: [dependencyOf(source)],
    },
    runDetails: {
      builder: { id: `${project}/-/runners/${variable('CI_RUNNER_ID')}` },
      metadata: { invocationId: variable('CI_JOB_URL') },
    },
  };
}

function dependencyOf({ repository, ref, commit }: CiSource): ResourceDescriptor {
  return { uri: `git+${repository}@${ref}`, digest: { gitCommit: commit } };
}
