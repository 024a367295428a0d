import { type ExecFileException, execFile } from 'node:child_process';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { FairleadError } from '#lib/errors';
import { removedAfter } from './removed-after.ts';
import { temporaryDirectory } from './temporary-directory.ts';

/**
 * Runs an action with the files that a directory of a git repository has in a commit. They are
 * written to a temporary directory, which is removed afterwards, also if a signal ends the process.
 * A directory that the commit does not have is empty.
 *
 * @param directory in the work tree
 * @param revision a commit, a branch or another name that git knows
 * @throws FairleadError InvalidInput if it is not in a repository, or there is no such commit.
 */
export async function withCommit<T>(
  directory: string,
  revision: string,
  action: (files: string) => Promise<T>,
): Promise<T> {
  const top = await workTree(directory);
  const below = firstLine(await git(directory, ['rev-parse', '--show-prefix'], notARepository)).replace(/\/$/, '');
  const verified = ['rev-parse', '--verify', '--quiet', '--end-of-options', `${revision}^{commit}`];
  const commit = firstLine(await git(top, verified, noSuchCommit(revision)));
  const temporary = await temporaryDirectory('fairlead-base-');
  return removedAfter(temporary, async () => {
    const files = join(temporary, 'files');
    await mkdir(files);
    const held = below === '' || (await git(top, ['ls-tree', '-d', commit, '--', below], unreadable)) !== '';
    if (held) {
      // With an index of its own, the index of the work tree stays as it is. In contrast to git
      // archive, no attribute leaves a file out. Attributes are those of the commit, as far as git
      // is new enough, and not those of the work tree.
      const env = { GIT_INDEX_FILE: join(temporary, 'index'), GIT_ATTR_SOURCE: commit };
      await git(top, ['read-tree', below === '' ? commit : `${commit}:${below}`], unreadable, env);
      await git(top, ['checkout-index', '--all', `--prefix=${files}/`], unreadable, env);
    }
    return action(files);
  });
}

/** Returns the root of the work tree of a directory. Throws InvalidInput if it is in none. */
export async function workTree(directory: string): Promise<string> {
  return firstLine(await git(directory, ['rev-parse', '--show-toplevel'], notARepository));
}

function firstLine(output: string): string {
  return output.replace(/\n$/, '');
}

const notARepository = {
  message: 'not in a git repository',
  hint: 'Compare two directories instead: fairlead diff FROM TO.',
};

const unreadable = { message: 'git cannot read the commit', hint: 'Fetch the commit: git fetch origin COMMIT.' };

function noSuchCommit(revision: string): typeof unreadable {
  return {
    message: `no commit ${JSON.stringify(revision)} in this repository`,
    hint: 'A CI job may have fetched only the newest commit: fetch more of them (fetch-depth: 0, GIT_DEPTH), or this one.',
  };
}

function git(
  cwd: string,
  args: readonly string[],
  failure: { readonly message: string; readonly hint: string },
  env: NodeJS.ProcessEnv = {},
): Promise<string> {
  return new Promise((resolve, reject) => {
    const options = { cwd, env: { ...ownEnvironment(), ...env, LC_ALL: 'C' }, maxBuffer: 64 * 1024 * 1024 };
    execFile('git', ['-c', 'core.hooksPath=/dev/null', ...args], options, (error, stdout, stderr) => {
      if (error === null) resolve(stdout);
      else if (error.code === 'ENOENT') reject(noGit(error));
      else {
        reject(new FairleadError('InvalidInput', failure.message, { ...causeOf(error, stderr), hint: failure.hint }));
      }
    });
  });
}

/**
 * Returns what git printed, as the cause of an error. Returns undefined if it printed nothing and
 * exited by itself, because the message of Node.js only repeats the command line.
 */
function causeOf({ code, message }: ExecFileException, stderr: string): { readonly cause?: Error } {
  const said = stderr.trim().replaceAll(/\s*\n\s*/g, '; ');
  if (said !== '') return { cause: new Error(said) };
  return typeof code === 'number' ? {} : { cause: new Error(message.trim()) };
}

/**
 * Returns the environment without the repository and the index of a hook of git that runs this
 * process: they are for its working directory.
 */
function ownEnvironment(): NodeJS.ProcessEnv {
  const { GIT_DIR, GIT_WORK_TREE, GIT_INDEX_FILE, GIT_PREFIX, ...env } = process.env;
  return env;
}

function noGit(cause: Error): FairleadError {
  return new FairleadError('InvalidInput', 'cannot run git', {
    cause,
    hint: 'Install git, or compare two directories: fairlead diff FROM TO.',
  });
}
