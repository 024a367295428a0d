import { join } from 'node:path';
import { actionRepository, installedFairlead } from './action-repository.ts';
import { GitRepository } from './git-repository.ts';
import { type JobResult, type RunnerOptions, runWorkflow } from './github-runner.ts';

const common = ['read', 'write', 'close', 'futex', 'execve', 'exit_group', 'mmap', 'brk', 'fstat', 'openat'];

/** Returns the text of a seccomp profile that permits some common calls, and these. */
export function profileText(...more: readonly string[]): string {
  const syscalls = [{ names: [...common, ...more], action: 'SCMP_ACT_ALLOW' }];
  return `${JSON.stringify({ defaultAction: 'SCMP_ACT_ERRNO', syscalls }, undefined, 2)}\n`;
}

/** A repository of profiles, whose workflow calls the one of this checkout. */
export class ProfilesProject {
  readonly repository: GitRepository;
  readonly #directory: string;
  readonly #action: { readonly directory: string; readonly commit: string };
  readonly #program: string;
  #runs = 0;

  /** Creates it in a new directory, with 30 profiles in `profiles/` and these files. */
  constructor(directory: string, files: Readonly<Record<string, string>>) {
    this.#directory = directory;
    this.repository = new GitRepository(join(directory, 'profiles'));
    this.#action = actionRepository(join(directory, 'fairlead'));
    this.#program = installedFairlead(join(directory, 'bin'));
    const names = Array.from({ length: 30 }, (_, at) => `profile-${String(at + 1).padStart(2, '0')}`);
    const profiles = names.map((name, at) => [
      `profiles/${name}.json`,
      profileText(at % 2 === 0 ? 'getpid' : 'gettid'),
    ]);
    this.repository.write({ ...Object.fromEntries(profiles), ...files });
    this.repository.commit('base');
  }

  /** Runs the workflow for a pull request of a branch with these labels. */
  async review(
    branch: string,
    { labels = [], inputs = {} }: { readonly labels?: readonly string[]; readonly inputs?: object } = {},
  ): Promise<Readonly<Record<string, JobResult>>> {
    const base = this.repository.git('rev-parse', 'main');
    const sha = this.repository.merge(branch, { trial: true });
    return this.run(inputs, {
      github: {
        sha,
        ref: `refs/pull/${branch}/merge`,
        event_name: 'pull_request',
        event: { pull_request: { base: { sha: base }, labels: labels.map((name) => ({ name })) } },
      },
    });
  }

  /** Runs the workflow for a push to main, which was at another commit before. */
  async push(
    before: string,
    inputs: object,
    options: Pick<RunnerOptions, 'secrets' | 'tokens'>,
  ): Promise<Readonly<Record<string, JobResult>>> {
    const sha = this.repository.git('rev-parse', 'main');
    const github = { sha, ref: 'refs/heads/main', event_name: 'push', event: { before } };
    return this.run(inputs, { ...options, github });
  }

  /** Runs the workflow for an event. */
  run(
    inputs: object,
    {
      github,
      ...options
    }: Pick<RunnerOptions, 'secrets' | 'tokens'> & {
      readonly github: { readonly sha: string; readonly event: object } & Readonly<Record<string, unknown>>;
    },
  ): Promise<Readonly<Record<string, JobResult>>> {
    this.#runs += 1;
    return runWorkflow(
      join(this.#action.directory, '.github/workflows/profiles.yml'),
      { program: this.#program, ...inputs },
      {
        ...options,
        directory: join(this.#directory, `run-${this.#runs}`),
        repositories: { 'acme/profiles': this.repository.directory, 'acme/fairlead': this.#action.directory },
        workflow: { repository: 'acme/fairlead', sha: this.#action.commit },
        github: {
          repository: 'acme/profiles',
          repository_id: '1',
          repository_owner_id: '2',
          workflow_ref: 'acme/profiles/.github/workflows/profiles.yml@refs/heads/main',
          token: 'token-of-the-job',
          ...github,
          event: { repository: { default_branch: 'main' }, ...github.event },
        },
      },
    );
  }
}
