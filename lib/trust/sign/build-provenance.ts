import { FairleadError } from '#lib/errors';

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
  if (env['GITHUB_ACTIONS'] === 'true') return githubProvenance(variables(env, 'GitHub Actions'));
  if (env['GITLAB_CI'] === 'true') return gitlabProvenance(variables(env, 'GitLab CI'), env);
  throw new FairleadError(
    'InvalidInput',
    'cannot build provenance in an unknown CI system: want GitHub Actions or GitLab CI',
    {
      hint: 'In other environments, write the predicate yourself and use `fairlead attest`.',
    },
  );
}

type Variable = (name: string) => string;

function variables(env: NodeJS.ProcessEnv, system: string): Variable {
  return (name) => {
    const value = env[name];
    if (value !== undefined && value !== '') return value;
    throw new FairleadError('InvalidInput', `${system} has not set ${name}, which provenance requires`);
  };
}

/** Uses the format of GitHub's own attestations (actions.github.io/buildtypes/workflow/v1). */
function githubProvenance(variable: Variable): Provenance {
  const repository = `${variable('GITHUB_SERVER_URL')}/${variable('GITHUB_REPOSITORY')}`;
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
      resolvedDependencies: [source(repository, variable('GITHUB_REF'), variable('GITHUB_SHA'))],
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
function gitlabProvenance(variable: Variable, env: NodeJS.ProcessEnv): Provenance {
  const project = variable('CI_PROJECT_URL');
  const { CI_COMMIT_TAG, CI_COMMIT_BRANCH, CI_CONFIG_PATH, CI_PIPELINE_SOURCE } = env;
  const kept = Object.entries({ CI_COMMIT_TAG, CI_COMMIT_BRANCH, CI_CONFIG_PATH, CI_PIPELINE_SOURCE });
  const ref = CI_COMMIT_TAG ? `refs/tags/${CI_COMMIT_TAG}` : `refs/heads/${variable('CI_COMMIT_REF_NAME')}`;
  return {
    buildDefinition: {
      buildType: 'https://gitlab.com/gitlab-org/gitlab-runner/-/blob/main/PROVENANCE.md',
      externalParameters: {
        source: project,
        entryPoint: variable('CI_JOB_NAME'),
        variables: Object.fromEntries(kept.filter(([, value]) => value)),
      },
      internalParameters: { job: variable('CI_JOB_ID'), pipeline: variable('CI_PIPELINE_ID') },
      resolvedDependencies: [source(project, ref, variable('CI_COMMIT_SHA'))],
    },
    runDetails: {
      builder: { id: `${project}/-/runners/${variable('CI_RUNNER_ID')}` },
      metadata: { invocationId: variable('CI_JOB_URL') },
    },
  };
}

function source(repository: string, ref: string, commit: string): ResourceDescriptor {
  return { uri: `git+${repository}@${ref}`, digest: { gitCommit: commit } };
}
