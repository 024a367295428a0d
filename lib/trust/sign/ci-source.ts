import { FairleadError } from '#lib/errors';

/** The repository and commit that a CI job works on. */
export interface CiSource {
  readonly system: 'GitHub Actions' | 'GitLab CI';
  /** URL of the repository. */
  readonly repository: string;
  /** Full name of the branch or tag, such as `refs/heads/main`. */
  readonly ref: string;
  readonly commit: string;
}

/** Returns the value of a variable of the CI system. Throws InvalidInput if it is not set. */
export type Variable = (name: string) => string;

/**
 * Returns the source of this CI job, from the variables that GitHub Actions or GitLab CI set.
 * Throws InvalidInput in another environment, and if a variable is missing.
 */
export function ciSource(env: NodeJS.ProcessEnv): CiSource {
  if (env['GITHUB_ACTIONS'] === 'true') {
    const system = 'GitHub Actions';
    const variable = variablesOf(system, env);
    const repository = `${variable('GITHUB_SERVER_URL')}/${variable('GITHUB_REPOSITORY')}`;
    return { system, repository, ref: variable('GITHUB_REF'), commit: variable('GITHUB_SHA') };
  }
  if (env['GITLAB_CI'] === 'true') {
    const system = 'GitLab CI';
    const variable = variablesOf(system, env);
    const { CI_COMMIT_TAG: tag } = env;
    const ref = tag ? `refs/tags/${tag}` : `refs/heads/${variable('CI_COMMIT_REF_NAME')}`;
    return { system, repository: variable('CI_PROJECT_URL'), ref, commit: variable('CI_COMMIT_SHA') };
  }
  throw new FairleadError('InvalidInput', 'unknown CI system: want GitHub Actions or GitLab CI', {
    hint: 'In other environments, use `fairlead attest` instead of `provenance`, and name annotations yourself.',
  });
}

/** Returns the variables of a CI system. */
export function variablesOf(system: CiSource['system'], env: NodeJS.ProcessEnv): Variable {
  return (name) => {
    const value = env[name];
    if (value !== undefined && value !== '') return value;
    throw new FairleadError('InvalidInput', `${system} has not set ${name}, which provenance requires`);
  };
}
