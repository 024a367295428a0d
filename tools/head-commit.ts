import { spawnSync } from 'node:child_process';

/**
 * Returns the commit that is checked out in a directory and its time in seconds since 1970;
 * undefined outside of a Git repository.
 */
export function headCommit(directory: string): { readonly commit: string; readonly epoch: number } | undefined {
  const { stdout, status } = spawnSync('git', ['log', '-1', '--format=%H %ct'], { cwd: directory, encoding: 'utf8' });
  const [commit = '', seconds = ''] = (stdout ?? '').trim().split(' ');
  return status === 0 && commit !== '' ? { commit, epoch: Number(seconds) } : undefined;
}
