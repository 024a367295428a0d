import { chmodSync, cpSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from '../cli/package.ts';
import { launcher } from '../cli/run.ts';
import { GitRepository } from './git-repository.ts';

/** The repository that has the action and the workflow, and its commit. */
export interface ActionRepository {
  readonly directory: string;
  readonly commit: string;
}

/** Makes a repository of the files of this checkout that the action and the workflow consist of. */
export function actionRepository(directory: string): ActionRepository {
  const repository = new GitRepository(directory);
  for (const path of ['action.yml', 'deploy/ci', '.github/workflows']) {
    cpSync(join(root, path), join(directory, path), { recursive: true });
  }
  return { directory, commit: repository.commit('action') };
}

/** Writes a program that runs the fairlead of this checkout, and returns its path. */
export function installedFairlead(directory: string): string {
  mkdirSync(directory, { recursive: true });
  const program = join(directory, 'fairlead');
  writeFileSync(program, `#!/bin/sh\nexec "${process.execPath}" "${launcher}" "$@"\n`);
  chmodSync(program, 0o755);
  return program;
}
